"""Address configuration for FD.io VPP routers: DHCPv4, DHCPv6, prefix delegation, router advertisements."""
