"""Domain names: the wire format of RFC 1035, 3.1 and 4.1.4, and the text form of RFC 1035, 5.1."""

from collections.abc import Iterable, Sequence

from vppdhc.packet.errors import DecodeError

_LONGEST_NAME = 255
_LONGEST_LABEL = 63
_POINTER = 0xC0
_MOST_POINTERS = 127  # as many as a name can have labels; no real encoder chains more than a few
_FARTHEST_POINTER = 0x3FFF


def decode_list(data: bytes, start: int = 0) -> list[str]:
    """Return the names that fill data from start on; compression pointers count from there (RFC 3397, 2).

    Raises DecodeError, also for pointers that lead forwards or in circles.
    """
    names = []
    offset = start
    while offset < len(data):
        labels, offset = _labels(data, offset, start)
        names.append(to_text(labels))
    return names


def decode_partial(data: bytes, start: int = 0) -> str:
    """Return the one name that fills data from start on: with a final dot when the root label ends it, else without.

    A name that goes on is one that RFC 4702, 3.3 calls a partial one. Raises DecodeError; pointers are not allowed.
    """
    labels: list[bytes] = []
    offset = start
    while offset < len(data):
        length = data[offset]
        following = offset + 1 + length
        if length == 0:
            if following != len(data):
                raise DecodeError("dhcp4-option", offset, "bytes behind the end of the name")
            return to_text(labels) + "." if labels else "."
        if length > _LONGEST_LABEL or following > len(data):
            raise DecodeError("dhcp4-option", offset, f"label of {length} bytes")
        labels.append(data[offset + 1 : following])
        offset = following
    if len(data) - start >= _LONGEST_NAME:
        raise DecodeError("dhcp4-option", start, f"name longer than {_LONGEST_NAME} bytes")
    return to_text(labels)


def _labels(data: bytes, offset: int, base: int) -> tuple[list[bytes], int]:
    """Return the labels of the name at offset, and the offset behind it."""
    labels: list[bytes] = []
    size = 1
    following = 0  # behind the first pointer, once there was one
    pointers = 0
    earliest = offset
    while True:
        if offset >= len(data):
            raise DecodeError("dhcp4-option", offset, "the name does not end")
        length = data[offset]
        if length >= _POINTER:
            if offset + 1 >= len(data):
                raise DecodeError("dhcp4-option", offset, "a compression pointer is cut")
            target = base + ((length & 0x3F) << 8 | data[offset + 1])
            pointers += 1
            if target >= earliest or pointers > _MOST_POINTERS:
                raise DecodeError("dhcp4-option", offset, "a compression pointer leads forwards or in a circle")
            following = following or offset + 2
            offset = earliest = target
        elif length == 0:
            return labels, following or offset + 1
        else:
            end = offset + 1 + length
            size += 1 + length
            if length > _LONGEST_LABEL or end > len(data) or size > _LONGEST_NAME:
                raise DecodeError("dhcp4-option", offset, f"label of {length} bytes in a name of {size}")
            labels.append(data[offset + 1 : end])
            offset = end


def encode_list(names: Iterable[str]) -> bytes:
    """Return names with their common endings compressed (RFC 3397, 2). Raises ValueError for what is no domain name."""
    wire = bytearray()
    known: dict[tuple[bytes, ...], int] = {}
    for name in names:
        labels = tuple(_from_text(name)[0])
        while labels and labels not in known:
            if len(wire) <= _FARTHEST_POINTER:
                known[labels] = len(wire)
            wire += bytes((len(labels[0]),)) + labels[0]
            labels = labels[1:]
        wire += (_POINTER << 8 | known[labels]).to_bytes(2, "big") if labels else b"\0"
    return bytes(wire)


def encode_plain(name: str) -> bytes:
    """Return one name without compression; ended by the root label whether or not a dot ends its text."""
    return _wire(_from_text(name)[0]) + b"\0"


def encode_plain_list(names: Iterable[str]) -> bytes:
    """Return names without compression. Raises ValueError for what is no domain name."""
    return b"".join([encode_plain(name) for name in names])


def encode_partial(name: str) -> bytes:
    """Return one name without compression, ended by the root label when a dot ends its text (RFC 4702, 3.3).

    Raises ValueError for what is no domain name.
    """
    labels, complete = _from_text(name)
    return _wire(labels) + b"\0" if complete else _wire(labels)


def _wire(labels: Iterable[bytes]) -> bytes:
    """Return labels behind their lengths."""
    return b"".join([bytes((len(label),)) + label for label in labels])


def to_text(labels: Sequence[bytes]) -> str:
    r"""Return labels as text: dots between them, \. and \\ and \DDD for what is not plain; "." for none."""
    return ".".join(["".join([_escaped(byte) for byte in label]) for label in labels]) or "."


def _escaped(byte: int) -> str:
    r"""Return a byte of a label as text; 0x2e is a dot, 0x5c a backslash."""
    if byte in b".\\":
        return "\\" + chr(byte)
    return chr(byte) if 0x21 <= byte <= 0x7E else f"\\{byte:03d}"


def _from_text(name: str) -> tuple[list[bytes], bool]:
    """Return the labels of a name, and whether a dot ends it; no labels for ".".

    Raises ValueError for empty or long labels, characters that are not ASCII and long names.
    """
    if name == ".":
        return [], True
    labels = [bytearray()]
    position = 0
    while position < len(name):
        character = name[position]
        position += 1
        if character == ".":
            labels.append(bytearray())
            continue
        if character == "\\":
            code, position = _unescaped(name, position)
        else:
            code = ord(character)
            if not 0x21 <= code <= 0x7E:
                raise ValueError(f"{name!r}: {character!r} in a domain name; others than ASCII need IDNA")
        labels[-1].append(code)
    complete = not labels[-1]
    if complete:
        labels.pop()
    if not labels or any(not 0 < len(label) <= _LONGEST_LABEL for label in labels):
        raise ValueError(f"{name!r}: the labels of a domain name have 1 to {_LONGEST_LABEL} bytes")
    if sum(len(label) + 1 for label in labels) >= _LONGEST_NAME:
        raise ValueError(f"{name!r}: a domain name has at most {_LONGEST_NAME} bytes")
    return [bytes(label) for label in labels], complete


def _unescaped(name: str, position: int) -> tuple[int, int]:
    """Return the byte that the escape behind a backslash stands for, and the position behind it."""
    digits = name[position : position + 3]
    if len(digits) == 3 and digits.isascii() and digits.isdigit() and int(digits) <= 0xFF:
        return int(digits), position + 3
    character = name[position : position + 1]
    if character.isascii() and character.isprintable() and character and not character.isdigit():
        return ord(character), position + 1
    raise ValueError(f"{name!r}: a backslash and nothing that it can escape")
