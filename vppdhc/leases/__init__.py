"""Leases: what they are, where they are kept, and how they get to disk before an ACK leaves."""
