"""The DHCPv6 clients of the router with everything round them: /vppdhc:dhc6pdclient."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network
from random import SystemRandom
from typing import Final

import gevent

from nc.component import Component
from nc.operations import Operations
from nc.schema import Schema
from nc.state import StateSource
from vppdhc.clock import Clock
from vppdhc.dhc6pdclient.client import Dhcp6Clients, World
from vppdhc.dhc6pdclient.config import ClientConfig, ConflictDetection, OnStop
from vppdhc.dhc6pdclient.lans import Advertised, together
from vppdhc.dhc6pdclient.memory import LONGEST_STALE
from vppdhc.dhc6pdclient.prefixes import OnwardPrefix
from vppdhc.dhc6pdclient.routers import UpstreamRouter, UpstreamRouters
from vppdhc.dhc6pdclient.tenant import LeaseTenant, TenantWorld
from vppdhc.interface import Interface
from vppdhc.northbound.dhc6pdclient_component import Dhcp6ClientComponent
from vppdhc.northbound.dhc6pdclient_operations import Dhcp6ClientOperations
from vppdhc.northbound.notices import Notices
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_dhc6pdclient import Dhcp6ClientState
from vppdhc.parts.clients import LEAVE_SECONDS, Learned, Upstream, status
from vppdhc.parts.duid import DuidPart
from vppdhc.parts.vpp import VppPart
from vppdhc.places import Places
from vppdhc.supervisor import Supervisor
from vppdhc.vpp.delivery import Ip6Enabled
from vppdhc.vpp.items import Item
from vppdhc.vpp.punt import Port
from vppdhc.vpp.router_events import RouterAdvertisement
from vppdhc.vpp.solicitation import NeighbourQuestion

Onward = Mapping[str, tuple[OnwardPrefix, ...]]
"""What routers behind this one can have, by the interface of the client that has it."""

PORT: Final = Port(af=6, protocol=17, port=546)
_NAME: Final = "dhc6pdclient"


@dataclass(frozen=True, slots=True)
class Audience:
    """Who hears of what the clients have.

    on_learned: is told whenever providers tell something else.
    on_advertised: is told whenever LANs are to hear something else of delegated prefixes, whosever clients'.
    on_ways: is told the interfaces with a way to the provider, whenever these are others.
    on_onward: is told what routers behind this one can have, whenever that is something else.
    handed_on: returns what they have.
    """

    on_learned: Callable[[Learned], object]
    on_advertised: Callable[[Advertised], object]
    on_ways: Callable[[frozenset[str]], object]
    on_onward: Callable[[Onward], object]
    handed_on: Callable[[], Collection[IPv6Network]]


class Dhc6PdClientPart:
    """The clients, what tells VPP of them, and what tells operators, servers and router advertisements."""

    def __init__(
        self,
        vpp: VppPart,
        duid: DuidPart,
        places: Places,
        clock: Clock,
        supervisor: Supervisor,
        notices: Notices,
        audience: Audience,
    ) -> None:
        """Have no clients before they are configured."""
        self._vpp = vpp
        self._clock = clock
        self._supervisor = supervisor
        self._audience = audience
        self._advertised: dict[str, Advertised] = {}
        self._ways: frozenset[str] = frozenset()
        self._onward: dict[str, tuple[OnwardPrefix, ...]] = {}
        random = SystemRandom()
        self._routers = UpstreamRouters(clock, self._router_heard)
        tenants = TenantWorld(
            interfaces=vpp.interfaces,
            programmer=vpp.programming,
            duplicates=NeighbourQuestion(vpp.interfaces, vpp.neighbours, vpp.sender.send, random),
            routers=self._routers.of,
            clock=clock,
            directory=places.client6_leases,
            on_advertised=self._advertise,
            on_way=self._find_way,
            on_onward=self._hand_on,
            handed_on=audience.handed_on,
            in_thread=gevent.get_hub().threadpool.apply,
        )
        self._clients = Dhcp6Clients(
            World(
                interfaces=vpp.interfaces,
                send=vpp.sender.send,
                tenant=lambda name, config: LeaseTenant(name, tenants, config),
                flags=self._routers.flags,
                clock=clock,
                supervisor=supervisor,
                random=random,
                duid=duid.get,
                directory=places.client6_leases,
                want_packets=self._want_packets,
                settled=vpp.settling.expect(_NAME),
            )
        )
        duid.on_change(self._clients.duid_changed)
        self._clients.on_event(notices.client6)
        self._clients.on_learned(Upstream(audience.on_learned).learn)
        vpp.router_events.on_advertisement(self._hear)
        vpp.interfaces.on_change(self._interface_changed)
        vpp.programming.on_drift(lambda _, __: self._clients.look_again())
        vpp.link.on_connected(self._clients.vpp_connected)
        vpp.link.on_lost(self._clients.vpp_lost)

    def components(self, schema: Schema) -> list[Component]:
        """Return what configures it."""
        return [Dhcp6ClientComponent(schema, self._vpp.known, self._vpp.punt_problem, self._configure)]

    def sources(self, instants: Instants) -> list[StateSource]:
        """Return what tells of it."""
        return [*Dhcp6ClientState(self._clients, self._in_place, self._routers_on, instants).sources()]

    def register(self, operations: Operations) -> None:
        """Have its actions performed."""
        Dhcp6ClientOperations(self._clients).register(operations)

    def status(self) -> dict[str, tuple[str, str]]:
        """Say how it is: status and problem."""
        return {_NAME: status(self._clients.clients)}

    def start(self) -> None:
        """Take packets in."""
        source = self._vpp.ports.socket(PORT)
        self._supervisor.start(_NAME, lambda: self._clients.serve(source))

    def end(self) -> None:
        """End all clients as they are configured to, while packets still pass."""
        kept = [name for name, one in self._clients.clients.items() if one.tenure.config.on_stop is OnStop.KEEP]
        self._clients.stop(LEAVE_SECONDS)
        self._supervisor.stop(_NAME)
        self._vpp.delivery.leave(map(Ip6Enabled, kept), owner=_NAME)

    def _configure(self, configs: Mapping[str, ClientConfig]) -> None:
        for removed in self._clients.clients.keys() - configs.keys():
            gevent.spawn_later(LONGEST_STALE, self._forget, removed)
        self._routers.keep(list(configs))
        asking = (name for name, one in configs.items() if one.conflict_detection is ConflictDetection.PROBE)
        self._vpp.neighbours.watch(asking, _NAME)
        self._clients.configure(configs)

    def _want_packets(self, interfaces: frozenset[str]) -> None:
        vpp = self._vpp
        vpp.ports.want(PORT, wanted=bool(interfaces))
        vpp.delivery.want(Ip6Enabled, map(Ip6Enabled, interfaces), owner=_NAME)
        vpp.router_events.watch(interfaces)
        vpp.link.settle()

    def _hear(self, interface: str, advertisement: RouterAdvertisement) -> None:
        """Take an advertisement that came in, if it is of a provider's router."""
        if interface in self._clients.clients:
            self._routers.heard(interface, advertisement)

    def _interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        self._routers.interface_changed(old, new)

    def _router_heard(self, interface: str) -> None:
        self._clients.routers_changed(interface)

    def _in_place(self, interface: str) -> Collection[Item]:
        client = self._clients.clients.get(interface)
        return () if client is None else self._vpp.programming.in_place(client.tenant.owner)

    def _routers_on(self, interface: str) -> Sequence[UpstreamRouter]:
        return self._routers.of(interface).routers(self._clock.boottime())

    def _find_way(self, client: str, found: bool) -> None:
        self._ways = self._ways | {client} if found else self._ways - {client}
        self._audience.on_ways(self._ways)

    def _hand_on(self, client: str, onward: tuple[OnwardPrefix, ...]) -> None:
        self._onward[client] = onward
        self._audience.on_onward(dict(self._onward))

    def _advertise(self, client: str, advertised: Advertised) -> None:
        self._advertised[client] = advertised
        self._audience.on_advertised(together(self._advertised.values()))

    def _forget(self, removed: str) -> None:
        """Tell hosts no longer that what they had by a client has gone: no host can have it any more."""
        if removed not in self._clients.clients and self._advertised.pop(removed, {}):
            self._audience.on_advertised(together(self._advertised.values()))
