"""What the clients of a network are told about it, encoded once and not for every packet."""

from collections.abc import Mapping
from ipaddress import IPv4Network
from struct import pack
from types import MappingProxyType
from typing import Final

from vppdhc.dhc4.config import Times
from vppdhc.dhc4.options import (
    BOOT_FILE_NAME,
    BROADCAST_ADDRESS,
    CLASSLESS_ROUTES,
    HOST_NAME,
    MICROSOFT_ROUTES,
    NO_OPTIONS,
    ROUTER,
    STATIC_ROUTES,
    SUBNET_MASK,
    V6_ONLY_PREFERRED,
    WPAD,
    OptionSet,
    Upstream,
)
from vppdhc.packet.fields4 import Begun, begin

REQUESTED_ADDRESS = 50
LEASE_TIME = 51
MESSAGE_TYPE = 53
SERVER_ID = 54
PARAMETER_LIST = 55
MESSAGE_TEXT = 56
RENEWAL_TIME = 58
REBINDING_TIME = 59
CLIENT_ID = 61
RELAY_AGENT = 82

_ANSWERS_MOST: Final = 256
"""Answers that are remembered; the clients of a network have a few dozen different parameter lists."""
_EXTRA_ANSWERS_MOST: Final = 1024
"""Answers that are remembered of client classes and reservations."""
_BEGUN_MOST: Final = 64
"""Beginnings of messages that are remembered of an answer; clients that wish other lease times have others."""
_FILE_LONGEST: Final = 127
"""Octets that the field file has room for, a NUL behind them (RFC 2131, 2)."""
_NOT_UNASKED: Final = frozenset({V6_ONLY_PREFERRED, MICROSOFT_ROUTES, WPAD})
"""Options for those who ask for them alone: RFC 8925, 3.3, demands that of the first; the others are not registered,
so that a client that does not know them may take them for something else."""


Lifetimes = tuple[tuple[int, bytes], ...]
"""Options about how long a lease is good for: code and value."""


class Answer:
    """What a client is told.

    options: in the order in which they are sent.
    next_server: field siaddr, 0 for none.
    file: field file, empty for none.
    """

    __slots__ = ("_begun", "file", "next_server", "options")

    def __init__(self, options: Mapping[int, bytes], next_server: int, file: bytes) -> None:
        self.options = options
        self.next_server = next_server
        self.file = file
        self._begun: dict[tuple[bytes, bytes, Lifetimes], Begun] = {}

    def begin(self, message_type: bytes, server_id: bytes, lifetimes: Lifetimes) -> Begun:
        """Return how a message with this answer begins: with these three, and then the options.

        message_type, server_id: values of options 53 and 54.
        """
        key = message_type, server_id, lifetimes
        begun = self._begun.get(key)
        if begun is None:
            if len(self._begun) >= _BEGUN_MOST:
                self._begun.clear()
            options = {MESSAGE_TYPE: message_type, SERVER_ID: server_id, **dict(lifetimes), **self.options}
            begun = self._begun[key] = begin(options)
        return begun


class Parameters:
    """What the clients of a network are told, as encoded options."""

    __slots__ = ("_answers", "_defaults", "_extra_answers", "_options", "_upstream", "_values")

    def __init__(
        self, network: IPv4Network, router: int, options: OptionSet, upstream: Upstream = MappingProxyType({})
    ) -> None:
        """Encode them.

        router: this router's address in the network, the default gateway where options name no other; 0 for none.
        options: what all levels say together, down to that of the network or pool.
        upstream: what was learned from the provider so far; learn() tells of more.
        """
        defaults = {SUBNET_MASK: pack("!I", int(network.netmask))}
        if router:
            defaults[ROUTER] = pack("!I", router)
        if network.prefixlen < 31:
            defaults[BROADCAST_ADDRESS] = pack("!I", int(network.broadcast_address))
        self._defaults = defaults
        self._options = options
        self._answers: dict[bytes | None, Answer] = {}
        self._extra_answers: dict[tuple[OptionSet, bytes | None], Answer] = {}
        self.learn(upstream)

    def learn(self, upstream: Upstream) -> None:
        """Go on with other values of the provider."""
        self._upstream = upstream
        self._values = self._encode(self._options)
        self._answers.clear()
        self._extra_answers.clear()

    def answer(self, wanted: bytes | None, *, extra: OptionSet | None = None, host_name: bytes = b"") -> Answer:
        """Return the options for a parameter request list (option 55), in its order; None is for no list.

        extra: what the client's reservation says over its class.
        host_name: option 12 of its reservation, empty for none; extra goes before it.

        Without a list a client gets everything but what has to be asked for. With one it gets what it asks for, the
        router included: a host that leaves option 3 out, such as one that is only managed through this interface,
        means it. The subnet mask comes unasked, as an address cannot be used without it, and it comes first, as it
        has to precede the router (RFC 2132, 3.3). So does, behind the rest, what is configured for this client or its
        class (RFC 2131, 4.3.1), such as the vendor options without which a boot loader takes no notice of an answer.

        A client that asks for classless routes, and is given some, gets no router and no static routes, which it
        would ignore (RFC 3442, "DHCP Client Behavior" and "DHCP Server Administrator Responsibilities").
        """
        if host_name:
            extra = _with_host_name(extra or NO_OPTIONS, host_name)
        if not extra:
            known = self._answers.get(wanted)
            if known is None:
                if len(self._answers) >= _ANSWERS_MOST:
                    self._answers.clear()
                known = self._answers[wanted] = self._choose(wanted, NO_OPTIONS)
            return known
        key = extra, wanted
        known = self._extra_answers.get(key)
        if known is None:
            if len(self._extra_answers) >= _EXTRA_ANSWERS_MOST:
                self._extra_answers.clear()
            known = self._extra_answers[key] = self._choose(wanted, extra)
        return known

    def _choose(self, wanted: bytes | None, extra: OptionSet) -> Answer:
        options = extra.over(self._options)
        values = self._encode(options) if extra else self._values
        unasked = [code for code in extra.values if code not in _NOT_UNASKED]
        if wanted is None:
            codes = [code for code in values if code not in _NOT_UNASKED]
        else:
            codes = [SUBNET_MASK, *wanted, *unasked]
        chosen = {code: values[code] for code in codes if code in values}
        if wanted is not None and CLASSLESS_ROUTES in wanted and CLASSLESS_ROUTES in chosen:
            for code in (ROUTER, STATIC_ROUTES):
                chosen.pop(code, None)
        file = values.get(BOOT_FILE_NAME, b"")
        return Answer(chosen, options.next_server or 0, file if len(file) <= _FILE_LONGEST else b"")

    def _encode(self, options: OptionSet) -> dict[int, bytes]:
        """Return everything that can be sent, by code and in its order."""
        values = options.resolved(self._upstream)
        said = options.values.keys() | options.omitted
        for code, value in self._defaults.items():
            if code not in said:
                values[code] = value
        if CLASSLESS_ROUTES in values and MICROSOFT_ROUTES not in said:
            values[MICROSOFT_ROUTES] = values[CLASSLESS_ROUTES]
        return dict(sorted(values.items()))


def _with_host_name(extra: OptionSet, host_name: bytes) -> OptionSet:
    if HOST_NAME in extra.values or HOST_NAME in extra.omitted:
        return extra
    return OptionSet({HOST_NAME: host_name}).over(extra)


def lifetimes(times: Times) -> Lifetimes:
    """Encode lease time, T1 and T2. A client gets them all, asked or not: they are how it keeps its lease."""
    seconds = ((LEASE_TIME, times.lease), (RENEWAL_TIME, times.renewal), (REBINDING_TIME, times.rebinding))
    return tuple((code, pack("!I", value)) for code, value in seconds if value is not None)
