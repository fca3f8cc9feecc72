"""State of /vppdhc:vpp: the connection, interfaces, punt ports, and what VPP refuses."""

from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv6Interface
from typing import Final

from nc.filter import Want
from nc.xml import Element
from vppdhc.interface import Interface
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.sources import Instants, Source, hexadecimal, matches
from vppdhc.vpp.delivery import Delivery, Refusal
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.link import VppLink
from vppdhc.vpp.neighbours import Neighbours
from vppdhc.vpp.programming import Programming
from vppdhc.vpp.punt import Port, PuntPorts
from vppdhc.vpp.refusals import Refused
from vppdhc.vpp.sender import PuntSender

_TAG_TYPES: Final = {0x8100: "c-vlan", 0x88A8: "s-vlan"}
_MILLI: Final = 1000


class VppState:
    """All of it, from the parts of the link to VPP."""

    def __init__(
        self,
        link: VppLink,
        interfaces: InterfaceTable,
        ports: PuntPorts,
        sender: PuntSender,
        delivery: Delivery,
        neighbours: Neighbours,
        programming: Programming,
        instants: Instants,
    ) -> None:
        self._link = link
        self._interfaces = interfaces
        self._ports = ports
        self._sender = sender
        self._delivery = delivery
        self._neighbours = neighbours
        self._programming = programming
        self._instants = instants

    def sources(self) -> list[Source]:
        """Return a source for each part."""
        return [
            Source("/vppdhc:vpp/connection", self._connection),
            Source("/vppdhc:vpp/interface", self._interface),
            Source("/vppdhc:vpp/punt-port", self._punt_port),
            Source("/vppdhc:vpp/punt-sender", self._punt_sender),
            Source("/vppdhc:vpp/drift", self._drift),
        ]

    def _connection(self, _: Want) -> Iterator[Element]:
        link = self._link
        never = "connecting" if link.connections == 0 else "lost"
        yield BUILD.node(
            "connection",
            BUILD.leafs(
                state="connected" if link.connected else never,
                since=self._instants.text(link.since),
                version=link.version or None,
                last_error=link.trouble or None,
                connect_count=link.connections,
                call_count=link.counters.calls,
                refused_call_count=link.counters.refused,
                timed_out_call_count=link.counters.timed_out,
                longest_call=round(link.counters.longest * _MILLI),
            ),
        )

    def _interface(self, want: Want) -> Iterator[Element]:
        for interface in self._interfaces:
            if matches(want, name=interface.name):
                yield _interface(interface)

    def _punt_port(self, want: Want) -> Iterator[Element]:
        for port, state in self._ports:
            keys = _port_keys(port)
            if matches(want, **keys):
                owner = "ours" if state.ours else "other" if state.holder else "nobody"
                yield BUILD.node(
                    "punt-port",
                    BUILD.leafs(
                        **keys,
                        owner=owner,
                        owner_path=state.holder or None,
                        taken_count=state.taken,
                        received_count=state.socket.received,
                        queue_limit=state.socket.queue_limit,
                    ),
                )

    def _punt_sender(self, _: Want) -> Iterator[Element]:
        counters = self._sender.counters
        yield BUILD.node(
            "punt-sender",
            BUILD.leafs(
                sent_count=counters.sent,
                no_interface_count=counters.no_interface,
                refused_count=counters.refused,
                gone_count=counters.gone,
            ),
        )

    def _drift(self, want: Want) -> Iterator[Element]:
        for item, refusal in [*self._delivery.refused.items(), *self._neighbours.refused.items()]:
            yield from self._drifted(want, str(item), "vpp", refusal, wanted=True)
        for owner, programmed, refused, wanted in self._programming.drift:
            due = self._instants.text(refused.due)
            component = owner.partition(" ")[0] or "vpp"
            yield from self._drifted(want, str(programmed), component, refused, wanted=wanted, next_attempt=due)

    def _drifted(
        self,
        want: Want,
        item: str,
        component: str,
        refused: Refusal | Refused,
        *,
        wanted: bool,
        next_attempt: str | None = None,
    ) -> Iterator[Element]:
        """Make the entry of something that is not as it should be. wanted: it is to be there, and is not."""
        if matches(want, object=item):
            intended, actual = ("present", "absent") if wanted else ("absent", "present")
            leafs = BUILD.leafs(
                object=item,
                component=component,
                intended=intended,
                actual=actual,
                since=self._instants.text(refused.since),
                attempts=refused.attempts,
                last_error=refused.reason,
                next_attempt=next_attempt,
            )
            yield BUILD.node("drift", leafs)


def _port_keys(port: Port) -> dict[str, object]:
    protocol = "udp" if port.protocol == 17 else "icmp6"
    return {"address_family": f"ipv{port.af}", "protocol": protocol, "port": port.port}


def _interface(interface: Interface) -> Element:
    leafs = BUILD.leafs(
        name=interface.name,
        if_index=interface.index,
        phys_address=hexadecimal(interface.mac),
        admin_status="up" if interface.admin_up else "down",
        oper_status="up" if interface.up else "down",
        link_local_address=interface.link_local,
        ipv4_table_id=interface.table4,
        ipv6_table_id=interface.table6,
    )
    tags = [
        BUILD.node("vlan-tag", BUILD.leafs(position=position, tag_type=_TAG_TYPES.get(vlan.tpid), vlan_id=vlan.vid))
        for position, vlan in enumerate(interface.vlans)
    ]
    addresses = [
        *(_address("ipv4-address", address) for address in interface.addresses4),
        *(_address("ipv6-address", address) for address in interface.addresses6),
    ]
    return BUILD.node("interface", [*leafs, *tags, *addresses])


def _address(kind: str, address: IPv4Interface | IPv6Interface) -> Element:
    return BUILD.node(kind, BUILD.leafs(ip=address.ip, prefix_length=address.network.prefixlen))
