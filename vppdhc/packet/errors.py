"""The one error that decoding a packet can end in."""

from typing import Final, Literal, get_args

Kind = Literal[
    "punt-truncated",
    "ethernet-truncated",
    "ethernet-type",
    "arp-truncated",
    "arp-malformed",
    "ipv4-truncated",
    "ipv4-malformed",
    "ipv4-fragment",
    "ipv4-protocol",
    "ipv6-truncated",
    "ipv6-malformed",
    "ipv6-fragment",
    "ipv6-protocol",
    "udp-truncated",
    "udp-malformed",
    "icmpv6-truncated",
    "icmpv6-checksum",
    "nd-hop-limit",
    "nd-type",
    "nd-code",
    "nd-truncated",
    "nd-source",
    "nd-destination",
    "nd-target",
    "nd-option",
    "dhcp4-truncated",
    "dhcp4-malformed",
    "dhcp4-option",
    "dhcp6-truncated",
    "dhcp6-malformed",
    "dhcp6-option",
]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""Every kind there is, for the counters of what was dropped."""


class DecodeError(ValueError):
    """Bytes that are not the packet, or the option value, that they should be.

    kind: which error, one of KINDS; begins with the layer.
    offset: where, in bytes from the beginning of what the decoding function was given.
    what: what is wrong there, for people to read.
    """

    def __init__(self, kind: Kind, offset: int, what: str) -> None:
        super().__init__(kind, offset, what)
        self.kind: Final = kind
        self.offset: Final = offset
        self.what: Final = what

    @property
    def layer(self) -> str:
        """The protocol whose bytes are wrong: "ipv4", "udp", "dhcp4", ..."""
        return self.kind.partition("-")[0]

    def __str__(self) -> str:
        return f"{self.kind} at byte {self.offset}: {self.what}"
