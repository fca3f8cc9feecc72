"""The options that tell a client about its network, encoded once and not for every packet."""

from collections.abc import Mapping
from ipaddress import IPv4Network
from struct import pack

from vppdhc.dhc4.config import Settings, Times

SUBNET_MASK = 1
ROUTER = 3
DOMAIN_NAME_SERVER = 6
DOMAIN_NAME = 15
BROADCAST_ADDRESS = 28
NTP_SERVERS = 42
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
HOST_NAME = 12

_LISTS_MOST = 256
"""Parameter lists whose answers are remembered; the clients of a network have a few dozen different ones."""


def _addresses(addresses: tuple[int, ...]) -> bytes:
    return pack(f"!{len(addresses)}I", *addresses)


class Parameters:
    """What a subnet's clients are told, as encoded options."""

    __slots__ = ("_answers", "_values")

    def __init__(self, network: IPv4Network, router: int, settings: Settings) -> None:
        """Encode the options; router is the default gateway, the address of this router in the network."""
        values = {SUBNET_MASK: pack("!I", int(network.netmask)), ROUTER: pack("!I", router)}
        if settings.name_servers:
            values[DOMAIN_NAME_SERVER] = _addresses(settings.name_servers)
        if settings.domain_name:
            values[DOMAIN_NAME] = settings.domain_name.encode("ascii")
        if network.prefixlen < 31:
            values[BROADCAST_ADDRESS] = pack("!I", int(network.broadcast_address))
        if settings.ntp_servers:
            values[NTP_SERVERS] = _addresses(settings.ntp_servers)
        self._values = values
        self._answers: dict[bytes | None, Mapping[int, bytes]] = {}

    def answer(self, wanted: bytes | None, host_name: bytes = b"") -> Mapping[int, bytes]:
        """Return the options for a parameter request list (option 55), in its order; None is for no list.

        host_name: option 12 of this very client, empty for none.

        Without a list a client gets everything. With one it gets what it asks for and nothing else, the router
        included: a host that leaves option 3 out, such as one that is only managed through this interface, means
        it. The subnet mask alone comes unasked, as an address cannot be used without it, and it comes first, as it
        has to precede the router (RFC 2132, 3.3).
        """
        if host_name:
            return _chosen(wanted, {**self._values, HOST_NAME: host_name})
        known = self._answers.get(wanted)
        if known is None:
            if len(self._answers) >= _LISTS_MOST:
                self._answers.clear()
            known = self._answers[wanted] = _chosen(wanted, self._values)
        return known


def _chosen(wanted: bytes | None, values: Mapping[int, bytes]) -> Mapping[int, bytes]:
    codes = values if wanted is None else (SUBNET_MASK, *wanted)
    return {code: values[code] for code in codes if code in values}


def lifetimes(times: Times) -> Mapping[int, bytes]:
    """Encode lease time, T1 and T2. A client gets them all, asked or not: they are how it keeps its lease."""
    options = {LEASE_TIME: pack("!I", times.lease)}
    if times.renewal is not None:
        options[RENEWAL_TIME] = pack("!I", times.renewal)
    if times.rebinding is not None:
        options[REBINDING_TIME] = pack("!I", times.rebinding)
    return options
