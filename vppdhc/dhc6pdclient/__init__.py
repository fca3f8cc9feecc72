"""The DHCPv6 prefix-delegation client of the router itself, and what a delegated prefix is used for."""
