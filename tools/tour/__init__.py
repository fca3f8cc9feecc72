"""The demonstration behind tools/demo: the simulator, the daemon, a provider, and hosts. No root, no VPP."""
