"""The parts of the daemon, each put together with all that it needs: what it configures, tells, does and runs."""
