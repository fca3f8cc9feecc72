"""The DHCPv6 server."""
