"""A DHCPv6 server on a simulated host: enough of RFC 8415, section 18.3, to delegate prefixes to a router.

It is strict where section 16 tells a server to discard, so that a client that breaks a rule gets no answer.
"""

import hmac
from collections import deque
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Any, Final

from tools.vppsim import dhcp6
from tools.vppsim.addresses import Prefix, mask, text
from tools.vppsim.dhcp6 import IA_NA, IA_PD, Ia, Lease, Message, Status, Type

_REMEMBERED: Final = 100
"""Messages of clients that are shown."""
_BITS: Final = 128
_DUID_LL: Final = bytes.fromhex("0003 0001")
_KEY_SIZE: Final = 16
_RKAP: Final = bytes.fromhex("03 01 00")
"""Reconfigure key authentication: its protocol, algorithm and replay detection method (section 20.4)."""
_KEY, _DIGEST = b"\1", b"\2"

_FOR_ANY_SERVER: Final = {Type.SOLICIT, Type.CONFIRM, Type.REBIND}
_FOR_ONE_SERVER: Final = {Type.REQUEST, Type.RENEW, Type.RELEASE, Type.DECLINE}
_GIVES_KEY: Final = {Type.SOLICIT, Type.REQUEST, Type.INFORMATION_REQUEST}

_Key = tuple[bytes, int, int]
"""Who has something: DUID of the client, kind and number of the identity association."""


class Conduct(Enum):
    """What it does with what it hears."""

    ANSWER = "answer"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status that it answers with. kind: to these identity associations; None for the whole message."""

    status: Status
    kinds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """What it grants.

    delegated: pool of prefixes. length: of a prefix that it delegates. addresses: pool of addresses. Pools are None
    where there is none. preferred, valid, t1, t2: in seconds; T1 and T2 of 0 leave them to the client.
    rapid: whether a Solicit with Rapid Commit is replied to at once. options: the further ones, raw by code.
    """

    delegated: Prefix | None = None
    length: int = 56
    addresses: Prefix | None = None
    preferred: int = 1800
    valid: int = 3600
    t1: int = 0
    t2: int = 0
    preference: int = 0
    rapid: bool = False
    options: tuple[tuple[int, bytes], ...] = ()


class Dhcp6Server:
    """The server.

    What a client has stays its own until it is given back, declined or forgotten. What is not in its pool any more is
    withdrawn, with lifetimes of 0, when the client next comes, and another one put in its place.
    """

    def __init__(self, mac: bytes, random: Random, terms: Terms) -> None:
        self.terms = terms
        self.conduct = Conduct.ANSWER
        self.refusal: Refusal | None = None
        self.duid = _DUID_LL + mac
        self._random = random
        self._granted: dict[_Key, Prefix] = {}
        self._declined: set[Prefix] = set()
        self._keys: dict[bytes, bytes] = {}
        self._replay = 0
        self._heard: deque[Message] = deque(maxlen=_REMEMBERED)

    def answer(self, message: Message) -> Message | None:
        """Return the answer to a message of a client, None for none."""
        self._heard.append(message)
        duid = message.first(dhcp6.CLIENT_ID)
        if self.conduct is Conduct.SILENT or not self._is_for_us(message):
            return None
        if self.refusal is not None and not self.refusal.kinds:
            kind = Type.ADVERTISE if message.type == Type.SOLICIT else Type.REPLY
            return self._reply(kind, message, [dhcp6.status_option(self.refusal.status)])
        if message.type == Type.INFORMATION_REQUEST:
            return self._reply(Type.REPLY, message, list(self.terms.options))
        if duid is None:
            return None
        return self._about_leases(message, duid)

    def _about_leases(self, message: Message, duid: bytes) -> Message | None:
        ias = message.ias()
        if message.type == Type.CONFIRM:
            return self._confirm(message, ias)
        if message.type in (Type.RELEASE, Type.DECLINE):
            for ia in ias:
                self._take_back(message.type, (duid, ia.kind, ia.ia_id))
            return self._reply(Type.REPLY, message, [dhcp6.status_option(Status.SUCCESS)])
        extends = message.type in (Type.RENEW, Type.REBIND)
        answers = [(self._extend if extends else self._grant)(duid, ia) for ia in ias]
        options = [*(ia.encode() for ia in answers), *self.terms.options]
        if message.type != Type.SOLICIT:
            return self._reply(Type.REPLY, message, options)
        if self.terms.rapid and message.first(dhcp6.RAPID_COMMIT) is not None:
            return self._reply(Type.REPLY, message, [(dhcp6.RAPID_COMMIT, b""), *options])
        options.append((dhcp6.PREFERENCE, bytes([self.terms.preference])))
        return self._reply(Type.ADVERTISE, message, options)

    def reconfigure(self, kind: Type) -> list[tuple[bytes, Message]]:
        """Return a Reconfigure for each client that accepts one, with its DUID (section 18.3.11).

        kind: message that the client is to come with: Renew, Rebind or Information-request.
        """
        told = []
        for duid, key in self._keys.items():
            self._replay += 1
            head = _RKAP + self._replay.to_bytes(8, "big") + _DIGEST
            message = Message(Type.RECONFIGURE, 0)
            message.options = [
                (dhcp6.CLIENT_ID, duid),
                (dhcp6.SERVER_ID, self.duid),
                (dhcp6.RECONFIGURE_MESSAGE, bytes([kind])),
                (dhcp6.AUTH, head + bytes(_KEY_SIZE)),
            ]
            digest = hmac.digest(key, message.encode(), "md5")
            message.options[-1] = (dhcp6.AUTH, head + digest)
            told.append((duid, message))
        return told

    def forget(self) -> None:
        """Lose everything that it knows of its clients, as a server does whose disk was replaced."""
        self._granted.clear()
        self._declined.clear()
        self._keys.clear()

    def show(self) -> dict[str, Any]:
        """Return what it does, who has what, and what it heard, the newest last."""
        return {
            "conduct": self.conduct.value,
            "duid": self.duid.hex(),
            "granted": [
                {"duid": duid.hex(), "type": _KINDS[kind], "ia-id": ia_id, "prefix": str(prefix)}
                for (duid, kind, ia_id), prefix in self._granted.items()
            ],
            "heard": [_shown(message) for message in self._heard],
        }

    def _is_for_us(self, message: Message) -> bool:
        """Tell whether a server has to take notice of a message (section 16)."""
        server = message.first(dhcp6.SERVER_ID)
        if message.type in _FOR_ANY_SERVER:
            return server is None
        if message.type in _FOR_ONE_SERVER:
            return server == self.duid
        return message.type == Type.INFORMATION_REQUEST and server in (None, self.duid) and not message.ias()

    def _grant(self, duid: bytes, ia: Ia) -> Ia:
        """Answer to an identity association of a Solicit or a Request."""
        status = self._refused(ia.kind)
        if status is None:
            key = (duid, ia.kind, ia.ia_id)
            prefix = self._granted.get(key)
            if prefix is None or not self._is_ours(ia.kind, prefix):
                prefix = self._choose(ia)
            if prefix is not None:
                self._granted[key] = prefix
                return self._with(ia, [Lease(prefix, self.terms.preferred, self.terms.valid)])
            status = Status.NO_PREFIX_AVAIL if ia.kind == IA_PD else Status.NO_ADDRS_AVAIL
        return Ia(ia.kind, ia.ia_id, status=status)

    def _extend(self, duid: bytes, ia: Ia) -> Ia:
        """Answer to an identity association of a Renew or a Rebind (sections 18.3.4 and 18.3.5)."""
        known = self._granted.get((duid, ia.kind, ia.ia_id))
        if self._refused(ia.kind) is not None:
            return self._grant(duid, ia)
        if known is None:
            gone = [lease for lease in ia.leases if not self._is_ours(ia.kind, lease.network)]
            if gone and len(gone) == len(ia.leases):
                return self._with(ia, [Lease(lease.network, 0, 0) for lease in gone])
            return Ia(ia.kind, ia.ia_id, status=Status.NO_BINDING)
        answer = self._grant(duid, ia)
        now = {lease.network for lease in answer.leases}
        answer.leases += [Lease(lease.network, 0, 0) for lease in ia.leases if lease.network not in now]
        return answer

    def _confirm(self, message: Message, ias: list[Ia]) -> Message | None:
        """Say whether addresses are still right for the link (section 18.3.3)."""
        addresses = [lease.network for ia in ias if ia.kind == IA_NA for lease in ia.leases]
        if not addresses:
            return None
        right = all(self._is_ours(IA_NA, address) for address in addresses)
        return self._reply(Type.REPLY, message, [dhcp6.status_option(Status.SUCCESS if right else Status.NOT_ON_LINK)])

    def _take_back(self, kind: int, key: _Key) -> None:
        prefix = self._granted.pop(key, None)
        if prefix is not None and kind == Type.DECLINE:
            self._declined.add(prefix)

    def _refused(self, kind: int) -> Status | None:
        return self.refusal.status if self.refusal is not None and kind in self.refusal.kinds else None

    def _choose(self, ia: Ia) -> Prefix | None:
        """Choose what the client wishes where it can have it, else the first that is free."""
        pool, length = self._pool(ia.kind)
        taken = {*self._granted.values(), *self._declined}
        wished = [lease.network for lease in ia.leases]
        free = [one for one in wished if one not in taken and self._is_ours(ia.kind, one)]
        if free or pool is None:
            return free[0] if free else None
        count = 1 << length - pool.length
        first = 1 if ia.kind == IA_NA else 0  # the first address is that of all routers (RFC 4291, 2.6.1)
        numbers = range(first, min(count, first + len(taken) + 1))
        step = 1 << _BITS - length
        candidates = (Prefix(6, pool.address + number * step, length) for number in numbers)
        return next((one for one in candidates if one not in taken), None)

    def _is_ours(self, kind: int, prefix: Prefix) -> bool:
        pool, length = self._pool(kind)
        sound = prefix.length == length and mask(6, prefix.address, length) == prefix.address
        return pool is not None and sound and pool.holds(prefix.address)

    def _pool(self, kind: int) -> tuple[Prefix | None, int]:
        return (self.terms.delegated, self.terms.length) if kind == IA_PD else (self.terms.addresses, _BITS)

    def _with(self, ia: Ia, leases: list[Lease]) -> Ia:
        return Ia(ia.kind, ia.ia_id, self.terms.t1, self.terms.t2, leases)

    def _reply(self, kind: Type, asked: Message, options: list[tuple[int, bytes]]) -> Message:
        duid = asked.first(dhcp6.CLIENT_ID)
        head = [(dhcp6.SERVER_ID, self.duid)]
        if duid is not None:
            head.insert(0, (dhcp6.CLIENT_ID, duid))
        if asked.first(dhcp6.RECONFIGURE_ACCEPT) is not None:
            head.append((dhcp6.RECONFIGURE_ACCEPT, b""))
            if duid is not None and kind == Type.REPLY and asked.type in _GIVES_KEY:
                head += self._new_key(duid)
        return Message(kind, asked.xid, head + options)

    def _new_key(self, duid: bytes) -> list[tuple[int, bytes]]:
        """Return the option that tells a client the key of its Reconfigure messages (section 20.4)."""
        self._keys[duid] = self._random.randbytes(_KEY_SIZE)
        self._replay += 1
        return [(dhcp6.AUTH, _RKAP + self._replay.to_bytes(8, "big") + _KEY + self._keys[duid])]


_KINDS: Final = {IA_NA: "ia-na", IA_PD: "ia-pd"}


def _shown(message: Message) -> dict[str, Any]:
    return {
        "type": dhcp6.name_of(message.type),
        "ias": [
            {"type": _KINDS[ia.kind], "ia-id": ia.ia_id, "prefixes": [_text(lease) for lease in ia.leases]}
            for ia in message.ias()
        ],
        "options": {code: raw.hex() for code, raw in message.options},
    }


def _text(lease: Lease) -> str:
    """Return what a client has or wishes. Its length may be any number."""
    return f"{text(6, lease.network.address)}/{lease.network.length}"
