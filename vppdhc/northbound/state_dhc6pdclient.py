"""State of /vppdhc:dhc6pdclient: where each client is, what it has, and what became of that."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv6Address, IPv6Network
from math import isinf
from typing import Final

from nc.xml import Element
from vppdhc.dhc6pdclient.bindings import NO_STATUS, Association, IaType, Lease
from vppdhc.dhc6pdclient.client import Client, Dhcp6Clients
from vppdhc.dhc6pdclient.demand import everything
from vppdhc.dhc6pdclient.prefixes import Delegation
from vppdhc.dhc6pdclient.routers import UpstreamRouter
from vppdhc.dhc6pdclient.subprefixes import Assignment
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.raw_options import OPTIONS6
from vppdhc.northbound.sources import Instants, Source, flag, hexadecimal
from vppdhc.northbound.state_clients import client_sources
from vppdhc.packet.dhcp6 import INFINITY
from vppdhc.packet.options6 import Option
from vppdhc.vpp.items import InterfaceAddress, Item, NptBinding, Route

_COUNTED: Final = (
    "solicit",
    "advertise",
    "request",
    "confirm",
    "renew",
    "rebind",
    "reply",
    "release",
    "decline",
    "reconfigure",
    "information-request",
)
_EVERYWHERE: Final = IPv6Network("::/0")


class Dhcp6ClientState:
    """All of it."""

    def __init__(
        self,
        clients: Dhcp6Clients,
        in_place: Callable[[str], Collection[Item]],
        routers: Callable[[str], Sequence[UpstreamRouter]],
        instants: Instants,
    ) -> None:
        """Tell nothing before it is asked for.

        in_place: gives what VPP has of what a client wants, by its interface.
        routers: gives the provider's routers on an interface.
        """
        self._clients = clients
        self._in_place = in_place
        self._routers = routers
        self._instants = instants

    def sources(self) -> list[Source]:
        """Return a source for each part."""
        parts: dict[str, Callable[[Client], Iterable[Element]]] = {
            "state": lambda client: [BUILD.leaf("state", client.machine.state.value)],
            "ia-state": self._associations,
            "lan-prefix": self._lan_prefixes,
            "slaac-address": self._slaac_addresses,
            "npt66-binding": self._binding,
            "upstream-router": self._upstream_routers,
            "learned": _learned,
        }
        return client_sources("dhc6pdclient", lambda: self._clients.clients, parts, _COUNTED)

    # What the client has

    def _associations(self, client: Client) -> Iterator[Element]:
        """Give the associations that are wanted, and those that there are besides."""
        bindings, config = client.tenure.bindings, client.tenure.config
        placed = self._in_place(client.name)
        for key in dict.fromkeys((*everything(config).keys, *bindings.keys)):
            association = bindings.get(key)
            make = self._prefix if key.type is IaType.PD else self._address
            leases = [make(lease, client.name, placed) for lease in association.leases]
            yield BUILD.node("ia-state", [*self._association(association), *_status(association), *leases])

    def _association(self, association: Association) -> list[Element]:
        text, has = self._instants.text, bool(association.leases)
        obtained, renewed = association.obtained, association.renewed
        return BUILD.leafs(
            ia_type=association.key.type.value,
            ia_id=association.key.ia_id,
            server_duid=hexadecimal(association.server),
            lease_t1=association.t1 if has and association.t1 != INFINITY else None,
            lease_t2=association.t2 if has and association.t2 != INFINITY else None,
            renewal=text(association.renewal),
            rebinding=text(association.rebinding),
            allocation_time=None if obtained is None else text(obtained),
            last_renew_rebind=None if renewed is None or renewed == obtained else text(renewed),
        )

    def _prefix(self, lease: Lease, _: str, __: Collection[Item]) -> Element:
        leafs = BUILD.leafs(prefix=lease.prefix, excluded_prefix=lease.excluded)
        return BUILD.node("delegated-prefix", [*leafs, *self._lifetimes(lease)])

    def _address(self, lease: Lease, interface: str, placed: Collection[Item]) -> Element:
        leafs = BUILD.leafs(address=lease.address, programmed=flag(_has_address(placed, interface, lease.address)))
        return BUILD.node("leased-address", [*leafs, *self._lifetimes(lease)])

    def _lifetimes(self, lease: Lease | Delegation) -> list[Element]:
        """Return what was granted, and until when that is; of a delegation as it is used."""
        granted = lease.lease if isinstance(lease, Delegation) else lease
        return BUILD.leafs(
            preferred_lifetime=granted.preferred,
            valid_lifetime=granted.valid,
            preferred_until=self._instants.text(lease.preferred_until),
            valid_until=self._instants.text(lease.valid_until),
        )

    # What became of it

    def _lan_prefixes(self, client: Client) -> Iterator[Element]:
        """Give what the LANs have, then what they had and what their hosts are told has gone."""
        layout, placed = client.tenant.layout, self._in_place(client.name)
        for assignment in layout.assignments:
            yield BUILD.node("lan-prefix", self._assignment(assignment, placed))
        for interface, prefixes in layout.advertised.items():
            for one in prefixes:
                if one.stale:
                    leafs = BUILD.leafs(
                        prefix=one.prefix,
                        interface=interface,
                        delegated_prefix=one.delegated,
                        deprecated=flag(True),
                        programmed=flag(False),
                    )
                    yield BUILD.node("lan-prefix", leafs)

    def _assignment(self, assignment: Assignment, placed: Collection[Item]) -> list[Element]:
        address = assignment.address.ip
        leafs = BUILD.leafs(
            prefix=assignment.prefix,
            interface=assignment.interface,
            delegated_prefix=assignment.delegation.prefix,
            address=address,
            deprecated=flag(False),
            programmed=flag(_has_address(placed, assignment.interface, address)),
        )
        return [*leafs, *self._lifetimes(assignment.delegation)]

    def _slaac_addresses(self, client: Client) -> Iterator[Element]:
        placed = self._in_place(client.name)
        for one in client.tenant.slaac:
            leafs = BUILD.leafs(
                address=one.address,
                programmed=flag(_has_address(placed, client.name, one.address)),
                preferred_until=self._instants.text(one.preferred_until),
                valid_until=self._instants.text(one.valid_until),
            )
            yield BUILD.node("slaac-address", leafs)

    def _binding(self, client: Client) -> Iterator[Element]:
        translation = client.tenant.layout.translation
        if translation is not None:
            item = NptBinding(client.name, translation.internal, translation.external)
            leafs = BUILD.leafs(
                internal_prefix=translation.internal,
                external_prefix=translation.external,
                programmed=flag(item in self._in_place(client.name)),
            )
            outside = [BUILD.leaf("outside-prefix", network) for network in translation.outside]
            remarks = [BUILD.leaf("remark", remark) for remark in translation.remarks]
            yield BUILD.node("npt66-binding", [*leafs, *outside, *remarks])

    def _upstream_routers(self, client: Client) -> Iterator[Element]:
        placed = self._in_place(client.name)
        hops = {item.next_hop for item in placed if isinstance(item, Route) and item.prefix == _EVERYWHERE}
        for router in self._routers(client.name):
            leafs = BUILD.leafs(
                address=router.address,
                managed_flag=flag(router.managed),
                other_config_flag=flag(router.other),
                default_lifetime=router.lifetime,
                valid_until=self._instants.text(router.until),
                default_route=flag(router.address in hops),
            )
            yield BUILD.node("upstream-router", leafs)


def _has_address(placed: Collection[Item], interface: str, address: IPv6Address) -> bool:
    """Whether VPP has an address of ours, of whatever prefix length."""
    found = (item for item in placed if isinstance(item, InterfaceAddress))
    return any(item.interface == interface and item.address.ip == address for item in found)


def _status(association: Association) -> Iterator[Element]:
    """Give the status that was said last, where anything was."""
    status = association.status
    if association.leases or status != NO_STATUS:
        leafs = BUILD.leafs(code=status.code, message=status.message or None)
        yield BUILD.node("status", leafs)


def _learned(client: Client) -> Iterator[Element]:
    """Give what the provider told, and the limits that are in force."""
    learned, limits = client.tenure.learned, client.talk.limits
    lists = {
        "name-server": OPTIONS6.value(learned, Option.DNS_SERVERS) or [],
        "domain-search": OPTIONS6.value(learned, Option.DOMAIN_SEARCH) or [],
        "ntp-server": _time_servers(learned),
    }
    leafs = BUILD.leafs(
        aftr_name=OPTIONS6.value(learned, Option.AFTR_NAME),
        captive_portal=OPTIONS6.value(learned, Option.V6_CAPTIVE_PORTAL),
        sol_max_rt=int(limits.sol_max_rt),
        inf_max_rt=int(limits.inf_max_rt),
        info_refresh_time=None if isinf(limits.info_refresh_time) else int(limits.info_refresh_time),
    )
    values = [BUILD.leaf(local, value) for local, several in lists.items() for value in several]
    options = [OPTIONS6.element(code, raw) for code, raw in sorted(learned.items())]
    yield BUILD.node("learned", [*values, *leafs, *options])


def _time_servers(learned: Mapping[int, bytes]) -> list[str]:
    """Return NTP servers by address or name (RFC 5908), then those that only SNTP has (RFC 4075), each once."""
    servers = [entry["value"] for entry in OPTIONS6.value(learned, Option.NTP_SERVER) or [] if "value" in entry]
    return list(dict.fromkeys(map(str, [*servers, *(OPTIONS6.value(learned, Option.SNTP_SERVERS) or [])])))
