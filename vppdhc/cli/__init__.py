"""The vppdhc command."""
