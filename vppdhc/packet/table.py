"""Tables of options: their codes, names and types."""

from enum import IntEnum

from vppdhc.packet import errors
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.kinds4 import Kind, Value


class Table(IntEnum):
    """Options by name: members are codes, each with a kind."""

    kind: Kind

    def __new__(cls, code: int, kind: Kind) -> "Table":
        """Make the member with this code."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.kind = kind
        return member

    @property
    def label(self) -> str:
        """The name as it is written outside of Python: "domain-name-servers"."""
        return self.name.lower().replace("_", "-")

    @property
    def fault(self) -> errors.Kind:
        """The kind of the DecodeError for bytes that are not its value."""
        return "dhcp4-option"

    def decode(self, raw: bytes) -> Value:
        """Return the value; the DecodeError says of which option."""
        try:
            return self.kind.decode(raw)
        except DecodeError as error:
            raise DecodeError(self.fault, error.offset, f"{self.label} ({self.value}): {error.what}") from None

    def encode(self, value: object) -> bytes:
        """Return the bytes of a value; the ValueError says of which option."""
        try:
            return self.kind.encode(value)
        except ValueError as error:
            raise ValueError(f"{self.label} ({self.value}): {error}") from None
