"""The lease of each client on disk, so that it is asked for again after a restart (RFC 2131, 3.2).

One file for an interface. Instants in it are CLOCK_BOOTTIME of the boot that it names, beside what both clocks showed
when it was written. After a reboot as much time has passed as the wall clock says, and none where it stands before
that.
"""

import json
import math
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import structlog

from vppdhc import atomic
from vppdhc.clock import Clock
from vppdhc.dhc4client.drops import DropError
from vppdhc.dhc4client.lease import Lease
from vppdhc.dhc4client.terms import read_terms
from vppdhc.packet.dhcp4 import Message

_VERSION: Final = 1
_LARGEST: Final = 1 << 16
"""Bytes of a file that is still read; options of a datagram, in hexadecimal, are far fewer."""


class Stored(NamedTuple):
    """A lease that was stored. same_boot: whether the machine has run ever since."""

    lease: Lease
    same_boot: bool


class LeaseFile:
    """The file of one client."""

    def __init__(
        self,
        directory: Path,
        interface: str,
        clock: Clock,
        in_thread: Callable[[Callable[[], None]], None] = lambda work: work(),
    ) -> None:
        """Touch nothing yet.

        directory: made where it is missing.
        in_thread: has a function called where it may wait for the disk, and waits for its end.
        """
        self.path = directory / f"{quote(interface, safe='')}.json"
        self._interface = interface
        self._clock = clock
        self._in_thread = in_thread
        self._log = structlog.get_logger()

    def save(self, lease: Lease) -> None:
        """Make a lease durable; raises OSError."""
        content = json.dumps(self._document(lease), indent=1).encode() + b"\n"
        self._in_thread(lambda: _write(self.path, content))

    def load(self) -> Stored | None:
        """Return the stored lease in instants of this boot; None where there is none.

        What cannot be read is moved aside, with a line in the log.
        """
        try:
            stored = self._read()
        except FileNotFoundError:
            return None
        except (OSError, ValueError, DropError) as error:
            self._move_aside(error)
            return None
        if not stored.same_boot:
            self._note(stored.lease)
        return stored

    def forget(self) -> None:
        """Remove the file; raises OSError."""
        self.path.unlink(missing_ok=True)

    def _document(self, lease: Lease) -> dict[str, Any]:
        terms = lease.terms
        return {
            "version": _VERSION,
            "interface": self._interface,
            "boot-id": self._clock.boot_id,
            "boottime": self._clock.boottime(),
            "wall": self._clock.wall(),
            "client-id": lease.client_id.hex(),
            "address": str(terms.address.ip),
            "relay": None if terms.relay is None else str(terms.relay),
            "server-mac": terms.server_mac.hex(),
            "options": {str(code): raw.hex() for code, raw in terms.options.items()},
            "obtained": lease.obtained,
            "asked": lease.asked,
            "renewal": _instant(lease.renewal),
            "rebinding": _instant(lease.rebinding),
            "expires": _instant(lease.expires),
        }

    def _read(self) -> Stored:
        """Raises FileNotFoundError, OSError, ValueError, DropError."""
        with self.path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError(f"larger than {_LARGEST} bytes")
        try:
            document = json.loads(content)
            if document["version"] != _VERSION or document["interface"] != self._interface:
                raise ValueError("of another version or interface")
            lease = _lease(document)
            noted_boottime, noted_wall = float(document["boottime"]), float(document["wall"])
            boot_id = document["boot-id"]
        except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"not as it was written: {error!r}") from error
        if not math.isfinite(noted_boottime) or not math.isfinite(noted_wall):
            raise ValueError("instants that are none")
        now = self._clock.boottime()
        # Another boot too where this clock has not got there yet: a container's own offset of it is another.
        same_boot = boot_id == self._clock.boot_id and noted_boottime <= now
        passed = now - noted_boottime if same_boot else max(0.0, self._clock.wall() - noted_wall)
        return Stored(lease.moved(now - passed - noted_boottime, now), same_boot)

    def _note(self, lease: Lease) -> None:
        """Write the instants of this boot, so that what passes from now on is not forgotten at the next one."""
        try:
            self.save(lease)
        except OSError as error:
            self._log.error("the lease cannot be stored", file=str(self.path), reason=error.strerror)

    def _move_aside(self, error: Exception) -> None:
        try:
            aside = atomic.move_aside(self.path)
        except OSError as failure:
            self._log.error("the stored lease cannot be read", file=str(self.path), reason=str(failure))
        else:
            self._log.error(
                "the stored lease is damaged, a new one is asked for",
                file=str(self.path),
                moved_to=str(aside),
                reason=str(error),
            )


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    atomic.replace(path, content)


def _lease(document: dict[str, Any]) -> Lease:
    """Return the lease of a document, its terms checked as if its server had just sent them."""
    relay = document["relay"]
    message = Message(
        yiaddr=int(IPv4Address(document["address"])),
        giaddr=0 if relay is None else int(IPv4Address(relay)),
        options={int(code): bytes.fromhex(raw) for code, raw in document["options"].items()},
        source_mac=bytes.fromhex(document["server-mac"]),
    )
    if len(message.source_mac) != 6:
        raise ValueError("a hardware address that is none")
    obtained, asked = float(document["obtained"]), float(document["asked"])
    lease = Lease(
        terms=read_terms(message),
        client_id=bytes.fromhex(document["client-id"]),
        obtained=obtained,
        asked=asked,
        renewal=_from_instant(document["renewal"]),
        rebinding=_from_instant(document["rebinding"]),
        expires=_from_instant(document["expires"]),
    )
    if not (math.isfinite(obtained) and math.isfinite(asked)):
        raise ValueError("instants that are none")
    if not lease.renewal <= lease.rebinding <= lease.expires:
        raise ValueError("instants that are out of order")
    return lease


def _instant(instant: float) -> float | None:
    return None if math.isinf(instant) else instant


def _from_instant(value: float | None) -> float:
    """Return an instant; JSON has no infinity, so one that never comes is null."""
    if value is None:
        return math.inf
    instant = float(value)
    if not math.isfinite(instant):
        raise ValueError("an instant that is none")
    return instant
