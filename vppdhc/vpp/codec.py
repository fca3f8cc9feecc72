"""The messages of VPP's API: vpp_papi's codec, made safe for a process that outlives many VPPs.

vpp_papi keeps types and messages in tables of its process, and loading definitions never replaces a type of the
same name. A VPP that comes back in another version would be spoken to with the layout of the old one. The tables
are therefore emptied before other definitions are loaded; a process speaks to one VPP at a time.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from vpp_papi import vpp_serializer
from vpp_papi.vpp_papi import VPPApiJSONFiles

from vppdhc.vpp.errors import VppDefinitionsError

_BASE_TYPES: Final = frozenset(
    {"u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f64", "bool", "string"},
)


class LayoutError(ValueError):
    """Values do not fit a message's definition, or received bytes do not."""


class _Text:
    """A string field of fixed length, read leniently.

    vpp_papi fails on anything but ASCII, so that one interface with an umlaut in its tag would hide all of them.
    """

    def __init__(self, packer: Any) -> None:
        self._packer = packer
        self.size: int = packer.size

    def pack(self, value: Any, kwargs: Any = None) -> bytes:
        packed: bytes = self._packer.pack(value, kwargs)
        return packed

    def unpack(self, data: bytes, offset: int = 0, result: Any = None, ntc: bool = False) -> tuple[str, int]:
        field = data[offset : offset + self.size]
        if len(field) < self.size:
            raise LayoutError(f"string of {self.size} bytes cut at {len(field)}")
        return bytes(field).split(b"\0", 1)[0].decode("utf-8", "backslashreplace"), self.size


@dataclass(frozen=True, slots=True)
class Message:
    """One message of VPP's API.

    crc: as in the definitions, "0x...". fields: names of its fields.
    context_at: offset of the context in the encoded message in bytes, None where it has none.
    """

    name: str
    crc: str
    fields: frozenset[str]
    context_at: int | None
    packer: Any

    @property
    def table_name(self) -> str:
        """What VPP's message table calls it: name and CRC."""
        return f"{self.name}_{self.crc.removeprefix('0x')}"


@dataclass(frozen=True, slots=True)
class Definitions:
    """Messages by name, and services: for each request the name of its reply and whether it is a stream."""

    messages: Mapping[str, Message]
    services: Mapping[str, Mapping[str, Any]]


class Codec:
    """Definitions of VPP's messages, and the way between them and bytes.

    bootstrap: the few messages that every VPP has and that are needed to ask for all the others.
    """

    def __init__(self) -> None:
        self._loaded: tuple[str, Definitions] | None = None
        source = resources.files("vpp_papi.data").joinpath("memclnt.api.json")
        self.bootstrap = _definitions(f"[{source.read_text(encoding='utf-8')}]", fresh=False)

    def load_json(self, text: str) -> Definitions:
        """Definitions from the JSON array that VPP serves; at once where they are those loaded last.

        Raises VppDefinitionsError when they make no sense.
        """
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        if self._loaded is None or self._loaded[0] != digest:
            self._loaded = None
            served = _definitions(text, fresh=True)
            # VPP 26.06 does not serve the messages of the transport itself, control_ping among them.
            messages = {**self.bootstrap.messages, **served.messages}
            services = {**self.bootstrap.services, **served.services}
            self._loaded = digest, Definitions(messages, services)
        return self._loaded[1]

    def load_directory(self, directory: Path) -> Definitions:
        """Definitions from the *.api.json files below a directory.

        Raises VppDefinitionsError when there are none, or when they cannot be read.
        """
        try:
            texts = [path.read_text(encoding="utf-8") for path in sorted(directory.rglob("*.api.json"))]
        except (OSError, UnicodeDecodeError) as error:
            raise VppDefinitionsError(f"cannot read VPP's message definitions in {directory}: {error}") from error
        if not texts:
            raise VppDefinitionsError(f"no *.api.json files of VPP below {directory}")
        return self.load_json(f"[{','.join(texts)}]")

    def encode(self, message: Message, values: Mapping[str, Any]) -> bytes:
        """Bytes of a message; fields that are not given are 0 or the definition's default.

        Raises LayoutError when a value does not fit.
        """
        try:
            packed: bytes = message.packer.pack(values)
        except Exception as error:  # the codec raises what struct, socket or a lookup happens to raise
            raise LayoutError(f"{error} {error.__cause__ or ''}".strip()) from error
        return packed

    def decode(self, message: Message, data: bytes) -> Any:
        """A received message as a named tuple.

        Raises LayoutError when the bytes do not fit the definition.
        """
        try:
            return message.packer.unpack(data)[0]
        except Exception as error:  # as above
            _reset_conversion()
            raise LayoutError(f"{message.name} of {len(data)} bytes: {error}") from error


def _definitions(text: str, *, fresh: bool) -> Definitions:
    if fresh:
        for name in vpp_serializer.types.keys() - _BASE_TYPES:
            del vpp_serializer.types[name]
        vpp_serializer.class_types.clear()
        vpp_serializer.message_cache.clear()
    try:
        packers, services = VPPApiJSONFiles.process_json_array_str(text)
        _read_text_leniently()
        messages = {name: _message(name, packer) for name, packer in packers.items()}
    except Exception as error:  # whatever the definitions lack
        raise VppDefinitionsError(f"VPP's message definitions make no sense: {error!r}") from error
    return Definitions(messages, services)


def _message(name: str, packer: Any) -> Message:
    context_at = None
    if "context" in packer.fields:
        context_at = sum(p.size for p in packer.packers[: packer.fields.index("context")])
    return Message(name, packer.crc, frozenset(packer.fields), context_at, packer)


def _read_text_leniently() -> None:
    for kind in vpp_serializer.types.values():
        if isinstance(kind, vpp_serializer.VPPType):
            kind.packers = [_lenient(packer) for packer in kind.packers]


def _lenient(packer: Any) -> Any:
    return _Text(packer) if isinstance(packer, vpp_serializer.String) and packer.fixed else packer


def _reset_conversion() -> None:
    # A failure in the middle leaves the mark of a conversion under way, and the next message is converted wrongly.
    for kind in vpp_serializer.types.values():
        if isinstance(kind, vpp_serializer.VPPType | vpp_serializer.VPPTypeAlias):
            kind.toplevelconversion = False
