"""Where the daemon keeps what."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """Files and directories.

    config: file with the running configuration. state_dir: what outlives the daemon. run_dir: its sockets.
    """

    config: Path
    state_dir: Path
    run_dir: Path

    @property
    def leases(self) -> Path:
        """The lease store's file."""
        return self.state_dir / "leases.db"

    @property
    def client_leases(self) -> Path:
        """Directory with the leases of the router's own DHCPv4 clients."""
        return self.state_dir / "dhc4client"

    @property
    def client6_leases(self) -> Path:
        """Directory with the leases of the router's own DHCPv6 clients, and what became of them."""
        return self.state_dir / "dhc6pdclient"

    @property
    def advertised(self) -> Path:
        """Directory with what hosts were told by router advertisements."""
        return self.state_dir / "ip6ndra"

    @property
    def duid(self) -> Path:
        """The file with the router's DUID."""
        return self.state_dir / "duid"

    @property
    def programmed(self) -> Path:
        """The file that says what is ours in VPP."""
        return self.state_dir / "programmed.json"
