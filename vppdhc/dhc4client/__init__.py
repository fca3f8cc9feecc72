"""The DHCPv4 client of the router itself (RFC 2131): one blocking greenlet for each interface to a provider."""
