"""The actions of the DHCPv6 server."""

from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv6Address, IPv6Network
from itertools import chain
from typing import Final

from nc.errors import invalid_value
from nc.operations import ActionRequest, Operations
from nc.pace import Pace
from nc.xml import Element
from vppdhc.clock import Clock
from vppdhc.dhc6.book import LeaseBook6
from vppdhc.dhc6.explanation import sentence
from vppdhc.dhc6.heard import Heard
from vppdhc.dhc6.outcome import Outcome
from vppdhc.dhc6.planning import Grant
from vppdhc.dhc6.preview import Preview
from vppdhc.dhc6.server import Server
from vppdhc.dhc6.statuses import Status
from vppdhc.dhc6.subnet import Subnet
from vppdhc.interface import Interface
from vppdhc.leases.lease6 import ADDRESS_LENGTH, Lease6, LeaseKind
from vppdhc.northbound.clearing import Cleared, Clearing, Submit
from vppdhc.northbound.config import address6, octets
from vppdhc.northbound.dhc6_lookups import exchange_leafs, pool_id
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.operations import Input
from vppdhc.northbound.raw_options import OPTIONS6
from vppdhc.northbound.server_state import lease_state
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.story6 import Stories6, Whom

_ETHERNET: Final = b"\1"


class Dhcp6Operations:
    """The actions of the DHCPv6 server.

    follow: does what an outcome without replies leads to once it is durable: events are logged and published, and
        routes come and go.
    """

    def __init__(
        self,
        server: Server,
        book: LeaseBook6,
        committer: Submit,
        clock: Clock,
        interface: Callable[[str], Interface | None],
        follow: Callable[[Outcome], object],
        heard: Heard,
        stories: Stories6,
        instants: Instants,
    ) -> None:
        self._server = server
        self._book = book
        self._clearing = Clearing(self._forget, committer)
        self._clock = clock
        self._interface = interface
        self._follow = follow
        self._heard = heard
        self._stories = stories
        self._instants = instants

    def register(self, operations: Operations) -> None:
        """Have them performed."""
        operations.register_action("/vppdhc:dhc6server/clear-leases", self._clear)
        operations.register_action("/vppdhc:dhc6server/which-address", self._which_address)
        operations.register_action("/vppdhc:dhc6server/why", self._why)

    def _clear(self, request: ActionRequest) -> Sequence[Element]:
        chosen = _Choice(Input(request.input))
        return [BUILD.leaf("cleared", self._clearing.forget(self._chosen(chosen)))]

    def _chosen(self, chosen: "_Choice") -> Iterator[Lease6]:
        pace = Pace()
        for lease in chain(self._book.offers(), self._book):
            pace.step()
            if chosen.includes(lease, self._clock.boottime()):
                yield lease

    def _forget(self, leases: list[Lease6]) -> Cleared:
        outcome = self._server.clear(leases, self._clock.boottime())
        return Cleared(outcome.changes, len(outcome.events), lambda: self._follow(outcome))

    def _which_address(self, request: ActionRequest) -> Sequence[Element]:
        asked = Input(request.input)
        interface = self._interface(asked.text("interface") or "")
        if interface is None:
            raise invalid_value(f"VPP has no interface {asked.text('interface')}")
        duid, hardware = octets(asked.text("client-duid") or ""), asked.text("hardware-address")
        said = asked.text("ia-id")
        ia_id = int(said) if said is not None else self._last_ia_id(interface, duid)
        preview = self._server.preview(
            duid,
            ia_id,
            interface,
            self._clock.boottime(),
            hardware=_ETHERNET + octets(hardware) if hardware else b"",
            link_address=address6(asked.text("link-address") or "::"),
        )
        return _preview(preview, interface.name, f"This is for ia-id {ia_id}." if said is None else "")

    def _last_ia_id(self, interface: Interface, duid: bytes) -> int:
        """Return an IAID that a client has used, 0 where it was not heard: the address goes by it."""
        exchanges = self._heard.of_client(interface.table6, duid)
        return next((one.ia_id for exchange in exchanges for one in exchange.findings), 0)

    def _why(self, request: ActionRequest) -> Sequence[Element]:
        asked = Input(request.input)
        address, prefix, ia_id = asked.text("leased-address"), asked.text("leased-prefix"), asked.text("ia-id")
        if address is not None and prefix is not None:
            raise invalid_value("leased-address and leased-prefix are of two leases: ask about one of them")
        whom = Whom(
            place=_place(address, prefix),
            hardware=octets(asked.text("hardware-address") or ""),
            duid=octets(asked.text("client-duid") or ""),
            ia_id=None if ia_id is None else int(ia_id),
            interface=asked.text("interface") or "",
        )
        exchanges, story = self._stories.tell(whom)
        told = [BUILD.node("exchange", exchange_leafs(exchange, self._instants)) for exchange in exchanges]
        return [*told, BUILD.leaf("explanation", story)]


def _place(address: str | None, prefix: str | None) -> tuple[int, int] | None:
    """Return network and length of the address or prefix that is given; None without."""
    if address is not None:
        return address6(address), ADDRESS_LENGTH
    if prefix is None:
        return None
    network = IPv6Network(prefix, strict=False)
    return int(network.network_address), network.prefixlen


def _preview(preview: Preview, interface: str, remark: str) -> list[Element]:
    """Make the answer; interface: where the client would come in. remark: ends the explanation."""
    addresses = [grant for grant in preview.grants if grant.choice.place.kind is LeaseKind.ADDRESS]
    prefixes = [grant for grant in preview.grants if grant.choice.place.kind is LeaseKind.PREFIX]
    first = next(iter((*addresses, *prefixes)), None)
    source = None if first is None else first.choice.source
    options: dict[int, bytes] = {}
    for code, raw in preview.options:  # some are sent several times (RFC 5908, 4)
        options[code] = options.get(code, b"") + raw
    return [
        *(BUILD.leaf("address", IPv6Address(grant.choice.network)) for grant in addresses),
        *(BUILD.leaf("prefix", IPv6Network((grant.choice.network, grant.choice.length))) for grant in prefixes),
        *BUILD.leafs(
            preferred_lifetime=min((grant.lifetimes.preferred for grant in preview.grants), default=None),
            valid_lifetime=min((grant.lifetimes.valid for grant in preview.grants), default=None),
            interface=None if source is None else (source.interface or interface),
            subnet=(source.id or None) if isinstance(source, Subnet) else None,
            pool_id=None if first is None else pool_id(source, first.choice.network),
            reservation=None if preview.reservation is None else preview.reservation.id,
            explanation=_explained(preview, addresses, prefixes, interface, remark),
        ),
        *(OPTIONS6.element(code, raw) for code, raw in options.items()),
    ]


def _explained(
    preview: Preview, addresses: Sequence[Grant], prefixes: Sequence[Grant], interface: str, remark: str
) -> str:
    """Say why the client would get what it would, and why nothing of the other kind."""
    if preview.drop is not None:
        return sentence(preview.why, 0, 0, interface)
    choices = [grant.choice for grant in preview.grants]
    said = [sentence(one.why, one.network, one.length, interface) for one in choices]
    if not addresses:
        said.append(sentence(Status.NO_ADDRESS.text, 0, 0, interface))
    if not prefixes:
        said.append(sentence(Status.NO_PREFIX.text, 0, 0, interface))
    return " ".join([*said, *([remark] if remark else [])])


class _Choice:
    """Which leases an operator means."""

    def __init__(self, asked: Input) -> None:
        table, network, ia_id = asked.text("table-id"), asked.text("network-prefix"), asked.text("ia-id")
        self._table = None if table is None else int(table)
        self._places = {_place(asked.text("leased-address"), None), _place(None, asked.text("leased-prefix"))} - {None}
        self._network = None if network is None else IPv6Network(network, strict=False)
        self._interface = asked.text("interface")
        self._hardware = octets(asked.text("hardware-address") or "")
        self._duid = octets(asked.text("client-duid") or "")
        self._ia_id = None if ia_id is None else int(ia_id)
        self._state = asked.text("state")

    def includes(self, lease: Lease6, now: float) -> bool:
        """Whether a lease is one of them."""
        return (
            self._table in {None, lease.table}
            and (not self._places or self._places == {(lease.network, lease.length)})
            and (self._network is None or self._is_within(lease))
            and self._interface in {None, lease.interface}
            and (not self._hardware or lease.hardware[1:] == self._hardware)
            and (not self._duid or lease.duid == self._duid)
            and (self._ia_id is None or (bool(lease.duid) and lease.ia_id == self._ia_id))
            and self._state in {None, lease_state(lease, now)}
        )

    def _is_within(self, lease: Lease6) -> bool:
        assert self._network is not None
        shift = ADDRESS_LENGTH - self._network.prefixlen
        within = lease.network >> shift == int(self._network.network_address) >> shift
        return within and lease.length >= self._network.prefixlen
