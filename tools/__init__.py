"""What developers and operators run beside the daemon: simulator, benchmarks, demonstration."""
