"""What the shells round the DHCPv4 and the DHCPv6 server have in common."""
