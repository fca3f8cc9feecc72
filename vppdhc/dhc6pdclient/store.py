"""What each client has, on disk, so that it is asked for again after a restart (RFC 8415, 18.2.12).

One file for an interface. Instants in it are CLOCK_BOOTTIME of the boot that it names, beside what both clocks showed
when it was written. After a reboot as much time has passed as the wall clock says, and none where it stands before
that.
"""

import json
import math
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import structlog

from vppdhc import atomic
from vppdhc.clock import Clock
from vppdhc.dhc6pdclient.bindings import LEASES_MOST, Association, Bindings, IaKey, IaType, Lease, ReconfigureKey
from vppdhc.dhc6pdclient.prefixes import why_not_for_hosts
from vppdhc.packet.auth6 import KEY_SIZE
from vppdhc.packet.ia6 import Status

_VERSION: Final = 1
_LARGEST: Final = 1 << 20
"""Bytes of a file that is still read; what many associations have, and options of a datagram, are fewer."""
_LARGEST_U32: Final = 0xFFFFFFFF
_LARGEST_U64: Final = 0xFFFFFFFFFFFFFFFF


class Stored(NamedTuple):
    """What was stored. same_boot: whether the machine has run ever since."""

    bindings: Bindings
    same_boot: bool


class BindingsFile:
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

    def save(self, bindings: Bindings) -> None:
        """Make bindings durable; raises OSError."""
        content = json.dumps(self._document(bindings), indent=1).encode() + b"\n"
        self._in_thread(lambda: _write(self.path, content))

    def load(self) -> Stored | None:
        """Return what is stored in instants of this boot; None where there is nothing.

        What cannot be read is moved aside, with a line in the log.
        """
        try:
            stored = self._read()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self._move_aside(error)
            return None
        if not stored.same_boot:
            self._note(stored.bindings)
        return stored

    def forget(self) -> None:
        """Remove the file; raises OSError."""
        self.path.unlink(missing_ok=True)

    def _document(self, bindings: Bindings) -> dict[str, Any]:
        key = bindings.key
        return {
            "version": _VERSION,
            "interface": self._interface,
            "boot-id": self._clock.boot_id,
            "boottime": self._clock.boottime(),
            "wall": self._clock.wall(),
            "duid": bindings.duid.hex(),
            "server": bindings.server.hex(),
            "server-address": None if bindings.server_address is None else str(bindings.server_address),
            "learned": {str(code): raw.hex() for code, raw in bindings.learned.items()},
            "key": None if key is None else {"server": key.server.hex(), "key": key.key.hex(), "replay": key.replay},
            "associations": [_association_document(association) for association in bindings.associations],
        }

    def _read(self) -> Stored:
        """Raises FileNotFoundError, OSError, ValueError."""
        with self.path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError(f"larger than {_LARGEST} bytes")
        try:
            document = json.loads(content)
            if document["version"] != _VERSION or document["interface"] != self._interface:
                raise ValueError("of another version or interface")
            bindings = _bindings(document)
            noted_boottime, noted_wall = _finite(document["boottime"]), _finite(document["wall"])
            boot_id = document["boot-id"]
        except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"not as it was written: {error!r}") from error
        now = self._clock.boottime()
        # Another boot too where this clock has not got there yet: a container's own offset of it is another.
        same_boot = boot_id == self._clock.boot_id and noted_boottime <= now
        passed = now - noted_boottime if same_boot else max(0.0, self._clock.wall() - noted_wall)
        return Stored(bindings.moved(now - passed - noted_boottime, now), same_boot)

    def _note(self, bindings: Bindings) -> None:
        """Write the instants of this boot, so that what passes from now on is not forgotten at the next one."""
        try:
            self.save(bindings)
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


def _association_document(association: Association) -> dict[str, Any]:
    return {
        "type": association.key.type.value,
        "ia-id": association.key.ia_id,
        "server": association.server.hex(),
        "t1": association.t1,
        "t2": association.t2,
        "renewal": _instant(association.renewal),
        "rebinding": _instant(association.rebinding),
        "obtained": association.obtained,
        "renewed": association.renewed,
        "status": {"code": association.status.code, "message": association.status.message},
        "leases": [
            {
                "prefix": str(lease.prefix),
                "excluded": None if lease.excluded is None else str(lease.excluded),
                "preferred": lease.preferred,
                "valid": lease.valid,
                "granted-at": lease.granted_at,
            }
            for lease in association.leases
        ],
    }


def _bindings(document: Mapping[str, Any]) -> Bindings:
    """Return the bindings of a document, checked as if their server had just sent them."""
    key, address = document["key"], document["server-address"]
    bindings = Bindings(
        duid=bytes.fromhex(document["duid"]),
        associations=tuple(_association(one) for one in document["associations"]),
        server=bytes.fromhex(document["server"]),
        server_address=None if address is None else IPv6Address(address),
        learned=MappingProxyType(
            {_whole(int(code), 0xFFFF): bytes.fromhex(raw) for code, raw in document["learned"].items()}
        ),
        key=None if key is None else _key(key),
    )
    if len(set(bindings.keys)) != len(bindings.keys):
        raise ValueError("an identity association twice")
    return bindings


def _key(document: Mapping[str, Any]) -> ReconfigureKey:
    key = bytes.fromhex(document["key"])
    if len(key) != KEY_SIZE:
        raise ValueError(f"a key of {len(key)} bytes")
    return ReconfigureKey(bytes.fromhex(document["server"]), key, _whole(document["replay"], _LARGEST_U64))


def _association(document: Mapping[str, Any]) -> Association:
    key = IaKey(IaType(document["type"]), _whole(document["ia-id"]))
    leases = tuple(_lease(one, key.type) for one in document["leases"])
    if len(leases) > LEASES_MOST:
        raise ValueError(f"{len(leases)} leases")
    status = document["status"]
    obtained, renewed = document["obtained"], document["renewed"]
    association = Association(
        key=key,
        leases=leases,
        t1=_whole(document["t1"]),
        t2=_whole(document["t2"]),
        renewal=_from_instant(document["renewal"]),
        rebinding=_from_instant(document["rebinding"]),
        server=bytes.fromhex(document["server"]),
        obtained=None if obtained is None else _finite(obtained),
        renewed=None if renewed is None else _finite(renewed),
        status=Status(_whole(status["code"], 0xFFFF), str(status["message"])),
    )
    if association.renewal > association.rebinding:
        raise ValueError("instants that are out of order")
    return association


def _lease(document: Mapping[str, Any], ia_type: IaType) -> Lease:
    excluded = document["excluded"]
    lease = Lease(
        prefix=IPv6Network(document["prefix"]),
        preferred=_whole(document["preferred"]),
        valid=_whole(document["valid"]),
        granted_at=_finite(document["granted-at"]),
        excluded=None if excluded is None else IPv6Network(excluded),
    )
    wrong = why_not_for_hosts(lease.prefix)
    if wrong or lease.preferred > lease.valid or (ia_type is IaType.NA and lease.prefix.prefixlen != 128):
        raise ValueError(f"{lease.prefix} with {lease.preferred} and {lease.valid} s {wrong}")
    if lease.excluded is not None and not (lease.excluded != lease.prefix and lease.excluded.subnet_of(lease.prefix)):
        raise ValueError(f"{lease.excluded} is not a part of {lease.prefix}")
    return lease


def _whole(value: object, most: int = _LARGEST_U32) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"{value!r} is not a number of 0 to {most}")
    return value


def _finite(value: Any) -> float:
    instant = float(value)
    if not math.isfinite(instant):
        raise ValueError("an instant that is none")
    return instant


def _instant(instant: float) -> float | None:
    return None if math.isinf(instant) else instant


def _from_instant(value: float | None) -> float:
    """Return an instant; JSON has no infinity, so one that never comes is null."""
    return math.inf if value is None else _finite(value)
