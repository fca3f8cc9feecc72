"""Options by their codes: read from the configuration as they are given, and written for people in state."""

from collections.abc import Callable, Mapping
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, Final, NamedTuple

from nc.xml import Element
from vppdhc.northbound.config import octets
from vppdhc.northbound.model import BUILD, name
from vppdhc.northbound.sources import flag, hexadecimal
from vppdhc.packet import options4, options6
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.kinds4 import Value
from vppdhc.packet.table import Table


class OptionTable(NamedTuple):
    """The options of one protocol that have a name and a type.

    by_code: returns the option with a code, None for one that is not known.
    decode: returns the value of a code and bytes; raises DecodeError.
    family: of the addresses in them.
    """

    by_code: Callable[[int], Table | None]
    decode: Callable[[int, bytes], Value]
    family: int

    def read(self, entry: Element) -> tuple[int, bytes]:
        """Return code and content of an entry of the grouping raw-option.

        Raises ValueError where the type of the option is another one.
        """
        code = int(entry.findtext(name("code")) or 0)
        hexadecimal, text = entry.findtext(name("hex")), entry.findtext(name("text"))
        if hexadecimal is not None:
            raw = octets(hexadecimal)
        elif text is not None:
            raw = text.encode()
        else:
            addresses = entry.iterchildren(name("address"))
            raw = b"".join([inet_pton(self.family, address.text or "") for address in addresses])
        try:
            self.decode(code, raw)
        except DecodeError as error:
            known = self.by_code(code)
            kind = "" if known is None else f"; its type is {known.kind.name}"
            raise ValueError(f"this cannot be read as option {code}: {error.what}{kind}") from None
        return code, raw

    def value(self, options: Mapping[int, bytes], code: int) -> Any:
        """Return the value of one of some options, by its code; None where it is not there, or cannot be read."""
        raw = options.get(code)
        try:
            return None if raw is None else self.decode(code, raw)
        except DecodeError:
            return None

    def element(self, code: int, raw: bytes) -> Element:
        """Return an option as an entry of the grouping raw-options."""
        known, value = self.by_code(code), self.value({code: raw}, code)
        label = None if known is None else known.label
        text = None if known is None or value is None else _words(value)
        return BUILD.node("option", BUILD.leafs(code=code, name=label, hex=hexadecimal(raw), text=text))


OPTIONS4: Final = OptionTable(options4.by_code, options4.decode_value, AF_INET)
OPTIONS6: Final = OptionTable(options6.by_code, options6.decode_value, AF_INET6)


def _words(value: object) -> str:
    """Write the value of an option for people: "192.0.2.1, 192.0.2.2", "destination 10.0.0.0/8 router 192.0.2.1"."""
    if isinstance(value, Mapping):
        return " ".join(f"{key} {_words(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value))
    return flag(value) if isinstance(value, bool) else str(value)
