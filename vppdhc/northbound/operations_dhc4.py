"""The actions of the DHCPv4 server."""

from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from itertools import chain
from typing import Final

from nc.errors import invalid_value
from nc.operations import ActionRequest, Operations
from nc.pace import Pace
from nc.xml import Element
from vppdhc.clock import Clock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.events import Event as LeaseEvent
from vppdhc.dhc4.explanation import sentence
from vppdhc.dhc4.server import Preview, Server
from vppdhc.interface import Interface
from vppdhc.leases.lease import Lease
from vppdhc.northbound.clearing import Cleared, Clearing, Submit
from vppdhc.northbound.config import octets
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.operations import Input
from vppdhc.northbound.raw_options import OPTIONS4
from vppdhc.northbound.server_state import lease_state
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_dhc4 import exchange_leafs
from vppdhc.northbound.story import Stories, Whom

_TEXT_MOST: Final = 255
"""Octets of a vendor or user class: as many as an option holds."""


class Dhcp4Operations:
    """The actions of the DHCPv4 server.

    tell: publishes and logs lease events.
    """

    def __init__(
        self,
        server: Server,
        book: LeaseBook,
        committer: Submit,
        clock: Clock,
        interface: Callable[[str], Interface | None],
        tell: Callable[[Sequence[LeaseEvent]], object],
        stories: Stories,
        instants: Instants,
    ) -> None:
        self._server = server
        self._book = book
        self._clearing = Clearing(self._forget, committer)
        self._clock = clock
        self._interface = interface
        self._tell = tell
        self._stories = stories
        self._instants = instants

    def register(self, operations: Operations) -> None:
        """Have them performed."""
        operations.register_action("/vppdhc:dhc4server/clear-leases", self._clear)
        operations.register_action("/vppdhc:dhc4server/which-address", self._which_address)
        operations.register_action("/vppdhc:dhc4server/why", self._why)

    def _clear(self, request: ActionRequest) -> Sequence[Element]:
        chosen = _Choice(Input(request.input))
        return [BUILD.leaf("cleared", self._clearing.forget(self._chosen(chosen)))]

    def _chosen(self, chosen: "_Choice") -> Iterator[Lease]:
        pace = Pace()
        for lease in chain(self._book.offers(), self._book):
            pace.step()
            if chosen.includes(lease, self._clock.boottime()):
                yield lease

    def _forget(self, leases: list[Lease]) -> Cleared:
        outcome = self._server.clear(leases, self._clock.boottime())
        return Cleared(outcome.changes, len(outcome.events), lambda: self._tell(outcome.events))

    def _which_address(self, request: ActionRequest) -> Sequence[Element]:
        asked = Input(request.input)
        interface = self._interface(asked.text("interface") or "")
        if interface is None:
            raise invalid_value(f"VPP has no interface {asked.text('interface')}")
        hardware = asked.text("hardware-address")
        identifier = asked.text("client-id")
        hardware_key = b"\1" + octets(hardware) if hardware else b""
        client = b"\0" + octets(identifier) if identifier else hardware_key
        relay = int(IPv4Address(asked.text("relay-address") or 0))
        preview = self._server.preview(
            client,
            hardware_key,
            interface,
            relay,
            self._clock.boottime(),
            circuit_id=octets(asked.text("circuit-id") or ""),
            remote_id=octets(asked.text("remote-id") or ""),
            vendor_class=_class(asked, "vendor-class"),
            user_class=_class(asked, "user-class"),
        )
        return _preview(preview, interface.name)

    def _why(self, request: ActionRequest) -> Sequence[Element]:
        asked = Input(request.input)
        whom = Whom(
            address=int(IPv4Address(asked.text("leased-address") or 0)),
            hardware=octets(asked.text("hardware-address") or ""),
            client_id=octets(asked.text("client-id") or ""),
            interface=asked.text("interface") or "",
        )
        exchanges, story = self._stories.tell(whom)
        told = [BUILD.node("exchange", exchange_leafs(exchange, self._instants)) for exchange in exchanges]
        return [*told, BUILD.leaf("explanation", story)]


def _class(asked: Input, local: str) -> bytes:
    """Return a vendor or user class as a client sends it."""
    said = (asked.text(local) or "").encode()
    if len(said) > _TEXT_MOST:
        raise invalid_value(f"{local} is longer than the {_TEXT_MOST} octets that an option holds")
    return said


def _preview(preview: Preview, interface: str) -> list[Element]:
    """Make the answer; interface: where the client would come in."""
    subnet, address = preview.subnet, preview.address
    pool = subnet.pool_of(address) if subnet is not None and address is not None else None
    answer = BUILD.leafs(
        address=None if address is None else IPv4Address(address),
        lease_time=None if preview.times is None else preview.times.lease,
        interface=(subnet.interface or interface) if subnet is not None else None,
        subnet=(subnet.id or None) if subnet is not None else None,
        pool_id=(pool.id or None) if pool is not None else None,
        reservation=None if preview.reservation is None else preview.reservation.id,
        client_class=preview.client_class or None,
        explanation=sentence(preview.why, address or 0, interface),
    )
    return [*answer, *(OPTIONS4.element(code, value) for code, value in preview.options.items())]


class _Choice:
    """Which leases an operator means."""

    def __init__(self, asked: Input) -> None:
        table, address = asked.text("table-id"), asked.text("leased-address")
        network, identifier, hardware = (
            asked.text("network-prefix"),
            asked.text("client-id"),
            asked.text("hardware-address"),
        )
        self._table = None if table is None else int(table)
        self._address = None if address is None else int(IPv4Address(address))
        self._network = None if network is None else IPv4Network(network)
        self._interface = asked.text("interface")
        self._hardware = octets(hardware) if hardware else b""
        self._identifier = octets(identifier) if identifier else b""
        self._state = asked.text("state")

    def includes(self, lease: Lease, now: float) -> bool:
        """Whether a lease is one of them."""
        return (
            self._table in {None, lease.table}
            and self._address in {None, lease.address}
            and (self._network is None or IPv4Address(lease.address) in self._network)
            and self._interface in {None, lease.interface}
            and (not self._hardware or lease.hardware[1:] == self._hardware)
            and (not self._identifier or lease.client_id == self._identifier)
            and self._state in {None, lease_state(lease, now)}
        )
