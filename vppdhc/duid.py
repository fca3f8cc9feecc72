"""The DUID by which this router is known, as DHCPv4 client, DHCPv6 client and DHCPv6 server (RFC 8415, 11).

It is made once and kept in the state directory: never again made otherwise, whatever interfaces come and go.
"""

from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import uuid4

import structlog

from vppdhc import atomic
from vppdhc.clock import Clock
from vppdhc.packet.duid6 import LONGEST, SHORTEST

_EPOCH: Final = 946_684_800
"""2000-01-01 UTC in seconds since 1970: where the time of a DUID-LLT starts (RFC 8415, 11.2)."""
_LLT: Final = b"\0\1"
_LL: Final = b"\0\3"
_UUID: Final = b"\0\4"
_ETHERNET: Final = b"\0\1"


class DuidType(StrEnum):
    """How a DUID is made."""

    LLT = "llt"
    """From a hardware address and the time of its making (RFC 8415, 11.2)."""
    LL = "ll"
    """From a hardware address (RFC 8415, 11.4)."""
    UUID = "uuid"
    """From random numbers (RFC 6355)."""


class Duid:
    """The DUID in use: the configured one, else the one in its file, else a new one that is kept there."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Make nothing yet. path: the file, with the DUID in hexadecimal; its directory exists."""
        self._path = path
        self._clock = clock
        self._type = DuidType.LLT
        self._configured = b""
        self._kept = b""
        self._log = structlog.get_logger()

    def configure(self, *, value: bytes = b"", made_as: DuidType = DuidType.LLT) -> None:
        """Use a DUID from now on.

        value: the DUID itself; empty for the one that is kept. made_as: how one is made where none is kept yet.
        Raises ValueError for a DUID that is too short or too long.
        """
        if value and not SHORTEST <= len(value) <= LONGEST:
            raise ValueError(f"a DUID has {SHORTEST} to {LONGEST} bytes, not {len(value)} (RFC 8415, 11.1)")
        self._configured = value
        self._type = made_as

    @property
    def current(self) -> bytes:
        """The DUID in use; empty while there is none: it takes a hardware address to make the first one."""
        return self._configured or self._kept or self._read()

    def get(self, mac: bytes) -> bytes:
        """Return the DUID in use. mac: hardware address of an interface of ours, to make one from if there is none.

        A new one that cannot be written is used all the same until the daemon ends.
        """
        return self.current or self._make(mac)

    def _read(self) -> bytes:
        """Return the DUID in the file; what is no DUID there is moved aside, as another may be in its place then."""
        try:
            text = self._path.read_text(encoding="ascii")
            duid = bytes.fromhex(text.strip().replace(":", ""))
            if not SHORTEST <= len(duid) <= LONGEST:
                raise ValueError(f"{len(duid)} bytes")
        except FileNotFoundError:
            return b""
        except ValueError as error:
            aside = atomic.move_aside(self._path)
            self._log.warning("the stored DUID is damaged, a new one is made", moved_to=str(aside), reason=str(error))
            return b""
        self._kept = duid
        return duid

    def _make(self, mac: bytes) -> bytes:
        if self._type is DuidType.UUID:
            duid = _UUID + uuid4().bytes
        elif self._type is DuidType.LL:
            duid = _LL + _ETHERNET + mac
        else:
            seconds = (int(self._clock.wall()) - _EPOCH) % (1 << 32)
            duid = _LLT + _ETHERNET + seconds.to_bytes(4, "big") + mac
        self._kept = duid
        try:
            atomic.replace(self._path, f"{duid.hex(':')}\n".encode())
        except OSError as error:
            self._log.error(
                "the DUID cannot be stored, after a restart this router is somebody else",
                path=str(self._path),
                reason=error.strerror,
                remedy="make the state directory writable",
            )
        return duid
