"""What the router's own clients, of DHCPv4 and of DHCPv6, have in common."""
