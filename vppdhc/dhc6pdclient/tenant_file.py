"""What the use of a client's leases needs to know at its next start, on disk beside the leases themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from vppdhc.clients.statefile import StateFile
from vppdhc.dhc6pdclient.memory import NO_MEMORY, Memory, from_json
from vppdhc.dhc6pdclient.slaac import SECRET


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is remembered.

    memory: of the delegated prefixes. secret: by which addresses of the interface's own are the same each time; empty
    before there were any.
    """

    memory: Memory = NO_MEMORY
    secret: bytes = b""

    def moved(self, seconds: float, now: float) -> "Remembered":
        """Return it on a clock that shows so many seconds more, where it is now."""
        return replace(self, memory=self.memory.moved(seconds, now))


class TenantFile(StateFile[Remembered]):
    """The file of one client."""

    largest = 1 << 20
    """Prefixes of hundreds of LANs, and those of before, are fewer bytes."""
    what = "what LANs had"

    def encode(self, content: Remembered) -> dict[str, Any]:
        """Return what is remembered as JSON has it."""
        return {"memory": content.memory.to_json(), "secret": content.secret.hex()}

    def decode(self, document: Mapping[str, Any]) -> Remembered:
        """Return what a document says; see StateFile."""
        secret = bytes.fromhex(document["secret"])
        if len(secret) not in (0, SECRET):
            raise ValueError(f"a secret of {len(secret)} bytes")
        return Remembered(from_json(document["memory"]), secret)
