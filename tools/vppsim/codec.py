"""VPP's binary API messages: definitions as VPP's `*.api.json` files have them, compiled to encoders and decoders.

Values are plain: integers (also for enumerations), bytes for arrays of u8 and for unions, text, lists, and a dict for
everything that has fields. What is not given is encoded as zero.
"""

import json
import struct
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

TABLE: Final = Path(__file__).with_name("api.json")

_SCALARS: Final = {
    "u8": ">B", "i8": ">b", "u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i",
    "u64": ">Q", "i64": ">q", "bool": ">?", "f64": "=d",
}  # fmt: skip


class LayoutError(ValueError):
    """Bytes or values do not fit a definition."""


class Kind(Protocol):
    """A type. size: of its encoding in bytes, without what has variable length."""

    size: int

    def encode(self, value: Any, fields: Mapping[str, Any]) -> bytes:
        """Return the encoding of a value that stands among these fields."""

    def decode(self, data: bytes, offset: int, fields: Mapping[str, Any]) -> tuple[Any, int]:
        """Return the value at an offset, and the offset behind it; fields are those decoded before it."""


class _Scalar:
    def __init__(self, form: str) -> None:
        self._struct = struct.Struct(form)
        self.size = self._struct.size

    def encode(self, value: Any, fields: Mapping[str, Any]) -> bytes:
        return self._struct.pack(value or 0)

    def decode(self, data: bytes, offset: int, fields: Mapping[str, Any]) -> tuple[Any, int]:
        return self._struct.unpack_from(data, offset)[0], offset + self.size


class _Bytes:
    """A fixed number of bytes: arrays of u8, and unions, which are as long as their longest member."""

    def __init__(self, size: int) -> None:
        self.size = size

    def encode(self, value: Any, fields: Mapping[str, Any]) -> bytes:
        data = bytes(value or b"")
        if len(data) > self.size:
            raise LayoutError(f"{len(data)} bytes for a field of {self.size}")
        return data.ljust(self.size, b"\0")

    def decode(self, data: bytes, offset: int, fields: Mapping[str, Any]) -> tuple[Any, int]:
        end = offset + self.size
        if end > len(data):
            raise LayoutError("cut short")
        return data[offset:end], end


class _Text:
    def __init__(self, size: int) -> None:
        self.size = size

    def encode(self, value: Any, fields: Mapping[str, Any]) -> bytes:
        data = (value or "").encode()
        if self.size:
            return data[: self.size - 1].ljust(self.size, b"\0")
        return struct.pack(">I", len(data)) + data

    def decode(self, data: bytes, offset: int, fields: Mapping[str, Any]) -> tuple[Any, int]:
        size = self.size
        if not size:
            (size,) = struct.unpack_from(">I", data, offset)
            offset += 4
        if offset + size > len(data):
            raise LayoutError("cut short")
        return data[offset : offset + size].split(b"\0", 1)[0].decode(errors="replace"), offset + size


class _List:
    """length: the number of elements, or the name of the field in front that tells it."""

    def __init__(self, kind: Kind, length: int | str) -> None:
        self._kind = kind
        self._length = length
        self.size = kind.size * length if isinstance(length, int) else 0

    def encode(self, value: Any, fields: Mapping[str, Any]) -> bytes:
        items: Sequence[Any] = value or ()
        if isinstance(self._length, int):
            items = [*items, *[None] * (self._length - len(items))]
        return b"".join(self._kind.encode(item, fields) for item in items)

    def decode(self, data: bytes, offset: int, fields: Mapping[str, Any]) -> tuple[Any, int]:
        items = []
        for _ in range(self._length if isinstance(self._length, int) else fields[self._length]):
            item, offset = self._kind.decode(data, offset, fields)
            items.append(item)
        return items, offset


class _Record:
    def __init__(self, fields: list[tuple[str, Kind]]) -> None:
        self._fields = fields
        self.size = sum(kind.size for _, kind in fields)

    def encode(self, value: Any, fields: Mapping[str, Any]) -> bytes:
        values: Mapping[str, Any] = value or {}
        return b"".join(kind.encode(values.get(name), values) for name, kind in self._fields)

    def decode(self, data: bytes, offset: int, fields: Mapping[str, Any]) -> tuple[Any, int]:
        values: dict[str, Any] = {}
        for name, kind in self._fields:
            values[name], offset = kind.decode(data, offset, values)
        return values, offset


class Message:
    """One message. number: its id here. reply: name of the reply to a request; stream: replies are details."""

    def __init__(self, name: str, crc: str, number: int, record: Kind) -> None:
        self.name = name
        self.number = number
        self.key = f"{name}_{crc.removeprefix('0x')}"
        self.reply: str | None = None
        self.stream = False
        self._record = record

    def encode(self, values: Mapping[str, Any]) -> bytes:
        """Return the message, its id in front. Raises LayoutError or struct.error."""
        return self._record.encode({**values, "_vl_msg_id": self.number}, {})

    def decode(self, data: bytes) -> dict[str, Any]:
        """Return its fields. Raises LayoutError when the bytes do not fit."""
        try:
            values: dict[str, Any] = self._record.decode(data, 0, {})[0]
        except struct.error as error:
            raise LayoutError(f"{self.name}: {error}") from error
        return values


class Api:
    """All messages, by name and by number.

    text: their definitions as `get_api_json` serves them; those of the connection itself, the first file, are not
    among them: a client has to know them beforehand.
    """

    def __init__(self, files: Sequence[Mapping[str, Any]]) -> None:
        self.by_name: dict[str, Message] = {}
        self._kinds: dict[str, Kind] = {name: _Scalar(form) for name, form in _SCALARS.items()}
        self.text = json.dumps(files[1:])
        for file in files:
            self._load(file)

    def _load(self, file: Mapping[str, Any]) -> None:
        for name, *members in (*file["enums"], *file["enumflags"]):
            options = members[-1] if isinstance(members[-1], dict) else {}
            self._kinds[f"vl_api_{name}_t"] = _Scalar(_SCALARS[options.get("enumtype", "u32")])
        self._load_in_any_order(
            {name: ("alias", alias) for name, alias in file["aliases"].items()}
            | {name: ("union", members) for name, *members in file["unions"]}
            | {name: ("type", members) for name, *members in file["types"]}
        )
        for name, *fields, options in file["messages"]:
            number = len(self.by_name) + 1
            self.by_name[name] = Message(name, options["crc"], number, self._record(fields))
        for name, service in file["services"].items():
            self.by_name[name].reply = service["reply"]
            self.by_name[name].stream = bool(service.get("stream"))

    def _load_in_any_order(self, waiting: dict[str, tuple[str, Any]]) -> None:
        while waiting:
            before = len(waiting)
            for name, (sort, definition) in list(waiting.items()):
                try:
                    self._kinds[f"vl_api_{name}_t"] = self._kind(sort, definition)
                except KeyError:
                    continue
                del waiting[name]
            if len(waiting) == before:
                raise LayoutError(f"types that nothing defines are used by {', '.join(waiting)}")

    def _kind(self, sort: str, definition: Any) -> Kind:
        if sort == "type":
            return self._record(definition)
        if sort == "union":
            return _Bytes(max(self._kinds[member[0]].size for member in definition if isinstance(member, list)))
        return self._field([definition["type"], "", *([definition["length"]] if "length" in definition else [])])

    def _record(self, fields: list[Any]) -> _Record:
        return _Record([(field[1], self._field(field)) for field in fields if isinstance(field, list)])

    def _field(self, field: list[Any]) -> Kind:
        """Return the kind of [type, name, length?, name of the length's field?, options?]."""
        kind, _, *rest = [part for part in field if not isinstance(part, dict)]
        if kind == "string":
            return _Text(rest[0])
        if not rest:
            return self._kinds[kind]
        if kind == "u8" and len(rest) == 1:
            return _Bytes(rest[0])
        return _List(self._kinds[kind], rest[1] if len(rest) == 2 else rest[0])


def load(without: Collection[str] = ()) -> Api:
    """Return the messages of our own table, but for those of some API files, named as their `module`."""
    files = json.loads(TABLE.read_text(encoding="utf-8"))
    return Api([file for file in files if file["module"] not in without])
