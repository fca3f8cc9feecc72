"""DHCPv4: the server core and what runs it."""
