"""What the parts of the router's own clients, of DHCPv4 and of DHCPv6, have in common."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from vppdhc.clients.journal import Journal

LEAVE_SECONDS: Final = 8.0
"""How long a clean stop waits for leases to be given back, and for VPP to take what came from them away."""

Learned = Mapping[str, Mapping[int, bytes]]
"""What providers tell: by interface, values of options by code."""


class Client(Protocol):
    """A client of either protocol."""

    @property
    def journal(self) -> Journal[Any]:
        """What it went through."""


class Upstream:
    """What all providers of a protocol tell."""

    def __init__(self, on_learned: Callable[[Learned], object]) -> None:
        """Know nothing. on_learned: is told whenever providers tell something else."""
        self._on_learned = on_learned
        self._learned: dict[str, Mapping[int, bytes]] = {}

    def learn(self, interface: str, options: Mapping[int, bytes]) -> None:
        """Take what the provider on an interface tells; nothing any more where there are no options."""
        if options:
            self._learned[interface] = options
        else:
            self._learned.pop(interface, None)
        self._on_learned(dict(self._learned))


def status(clients: Mapping[str, Client]) -> tuple[str, str]:
    """Say how it is with clients, by interface: status and problem."""
    if not clients:
        return "not-configured", ""
    problems = [f"{name}: {one.journal.problem}" for name, one in sorted(clients.items()) if one.journal.problem]
    return ("failed" if problems else "running"), "; ".join(problems)
