"""A NETCONF server library: knows nothing of DHCP or VPP."""
