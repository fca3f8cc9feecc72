"""The RPCs and actions of the model."""

import base64
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network
from itertools import chain
from typing import Final, Protocol

from gevent.event import Event

from nc.access import AccessControl
from nc.datastore import CANDIDATE, Datastores
from nc.errors import in_use, invalid_value, operation_failed, operation_not_supported
from nc.operations import Action, ActionRequest, Operations
from nc.pace import Pace
from nc.rpc.request import Request
from nc.xml import Element
from vppdhc.capture import Recording
from vppdhc.clock import Clock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.events import Event as LeaseEvent
from vppdhc.dhc4.server import Preview, Server
from vppdhc.interface import Interface
from vppdhc.leases.committer import Work
from vppdhc.leases.lease import Lease
from vppdhc.northbound.config import octets
from vppdhc.northbound.model import BUILD, NAMESPACE, name
from vppdhc.northbound.sources import hexadecimal
from vppdhc.northbound.state_dhc4 import lease_state
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options4 import by_code, decode_value
from vppdhc.vpp.errors import VppError

_CLEAR_AT_ONCE: Final = 500
"""Leases that are cleared in one commit."""
_STORE_SECONDS: Final = 30.0
_CAPTURES_MOST: Final = 4
_NOT_BUILT: Final = (
    "/vppdhc:dhc4server/why",
    "/vppdhc:dhc4client/renew",
    "/vppdhc:dhc4client/rebind",
    "/vppdhc:dhc4client/release",
    "/vppdhc:dhc6server/clear-leases",
    "/vppdhc:dhc6server/which-address",
    "/vppdhc:dhc6server/why",
    "/vppdhc:dhc6pdclient/renew",
    "/vppdhc:dhc6pdclient/rebind",
    "/vppdhc:dhc6pdclient/release",
    "/vppdhc:ip6ndra/send-ra",
)
"""Actions that are modelled, and whose components this version does not have."""


class Submit(Protocol):
    """The committer, as far as it is needed here."""

    def submit(self, work: Work) -> bool:
        """Queue a work; False where it was refused."""


class Input:
    """The parameters of an RPC or action, checked by the schema."""

    def __init__(self, element: Element) -> None:
        self._element = element

    def text(self, local: str) -> str | None:
        """Return a parameter, None where it is absent."""
        return self._element.findtext(name(local))

    def texts(self, local: str) -> list[str]:
        """Return the values of a leaf-list."""
        return [child.text or "" for child in self._element.iterchildren(name(local))]

    def has(self, local: str) -> bool:
        """Whether a parameter is there."""
        return self._element.find(name(local)) is not None


class ConfigOperations:
    """rollback and get-config-version.

    parse: makes a tree of a stored configuration.
    """

    def __init__(
        self, datastores: Datastores, access: AccessControl, text: Callable[[int], str], parse: Callable[[str], Element]
    ) -> None:
        self._datastores = datastores
        self._access = access
        self._text = text
        self._parse = parse

    def register(self, operations: Operations) -> None:
        """Have them performed."""
        operations.register(name("rollback"), self._rollback)
        operations.register(name("get-config-version"), self._get_version)

    def _rollback(self, request: Request) -> Sequence[Element]:
        session = request.session

        def authorise(old: Element, new: Element) -> None:
            self._access.check_write(session, old, new)

        serial = int(request.text("version", NAMESPACE) or 0)
        # With its lock nobody else edits the candidate meanwhile; without the commit, unlocking discards it.
        self._datastores.lock(CANDIDATE, session)
        try:
            self._datastores.rollback(session, serial, authorise)
            self._datastores.commit(session, authorise, how="rollback", comment=f"to version {serial}")
        finally:
            self._datastores.unlock(CANDIDATE, session)
        return [BUILD.leaf("version", self._datastores.versions()[0].serial)]

    def _get_version(self, request: Request) -> Sequence[Element]:
        serial = int(request.text("version", NAMESPACE) or 0)
        try:
            tree = self._parse(self._text(serial))
        except KeyError:
            raise invalid_value(f"there is no version {serial} of the configuration") from None
        data = BUILD.node("data")
        data.extend(list(tree))
        self._access.prune(request.session, data)
        return [data]


class VppOperations:
    """reconcile and capture.

    reconcile: has everything in VPP put right, and returns how much was and how much still is not.
    capture: records packets: of an interface, protocols and hardware address, so many, for so many seconds.
    """

    def __init__(
        self,
        reconcile: Callable[[], tuple[int, int]],
        interface: Callable[[str], Interface | None],
        capture: Callable[[str, frozenset[str], bytes, int, float], Recording],
    ) -> None:
        self._reconcile = reconcile
        self._interface = interface
        self._capture = capture
        self._capturing = 0

    def register(self, operations: Operations) -> None:
        """Have them performed."""
        operations.register(name("reconcile"), self._perform_reconcile)
        operations.register(name("capture"), self._perform_capture)

    def _perform_reconcile(self, _: Request) -> Sequence[Element]:
        try:
            restored, drifted = self._reconcile()
        except VppError as error:
            raise operation_failed(f"nothing can be put right now: {error}") from error
        return BUILD.leafs(restored=restored, drifted=drifted)

    def _perform_capture(self, request: Request) -> Sequence[Element]:
        asked = Input(request.input)
        interface = asked.text("interface") or ""
        if self._interface(interface) is None:
            raise invalid_value(f"VPP has no interface {interface}")
        if self._capturing >= _CAPTURES_MOST:
            raise in_use(f"{_CAPTURES_MOST} captures are running; wait for one to end", "application")
        self._capturing += 1
        try:
            recording = self._capture(
                interface,
                frozenset(asked.texts("protocol")),
                octets(asked.text("hardware-address") or ""),
                int(asked.text("max-packets") or 0),
                float(asked.text("duration") or 0),
            )
        finally:
            self._capturing -= 1
        pcap = base64.b64encode(recording.pcap).decode("ascii")
        return BUILD.leafs(packets=recording.packets, dropped=recording.dropped, pcap=pcap)


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
    ) -> None:
        self._server = server
        self._book = book
        self._committer = committer
        self._clock = clock
        self._interface = interface
        self._tell = tell

    def register(self, operations: Operations) -> None:
        """Have them performed."""
        operations.register_action("/vppdhc:dhc4server/clear-leases", self._clear)
        operations.register_action("/vppdhc:dhc4server/which-address", self._which_address)

    def _clear(self, request: ActionRequest) -> Sequence[Element]:
        chosen = _Choice(Input(request.input))
        pace = Pace()
        batch: list[Lease] = []
        cleared = 0
        for lease in chain(self._book.offers(), self._book):
            pace.step()
            if chosen.includes(lease, self._clock.boottime()):
                batch.append(lease)
            if len(batch) >= _CLEAR_AT_ONCE:
                cleared += self._clear_batch(batch, cleared)
                batch = []
        return [BUILD.leaf("cleared", cleared + self._clear_batch(batch, cleared))]

    def _clear_batch(self, leases: Iterable[Lease], cleared: int) -> int:
        """Forget leases, and return how many there were once that is durable.

        cleared: how many were cleared before.
        """
        outcome = self._server.clear(leases, self._clock.boottime())
        durable = Event()

        def finish() -> None:
            self._tell(outcome.events)
            durable.set()

        if not self._committer.submit(Work(outcome.changes, finish)) or not durable.wait(_STORE_SECONDS):
            why = "the lease store takes no changes now, see system/lease-store/alarm"
            raise operation_failed(f"{cleared} leases were cleared, the others were not: {why}")
        return len(outcome.events)

    def _which_address(self, request: ActionRequest) -> Sequence[Element]:
        asked = Input(request.input)
        for local in ("circuit-id", "remote-id", "vendor-class", "user-class"):
            if asked.has(local):
                raise operation_not_supported(f"this version gives nobody an address by {local}", type_="application")
        interface = self._interface(asked.text("interface") or "")
        if interface is None:
            raise invalid_value(f"VPP has no interface {asked.text('interface')}")
        hardware = asked.text("hardware-address")
        identifier = asked.text("client-id")
        hardware_key = b"\1" + octets(hardware) if hardware else b""
        client = b"\0" + octets(identifier) if identifier else hardware_key
        relay = int(IPv4Address(asked.text("relay-address") or 0))
        return _preview(self._server.preview(client, hardware_key, interface, relay, self._clock.boottime()))


def _preview(preview: Preview) -> list[Element]:
    subnet = preview.subnet
    answer = BUILD.leafs(
        address=None if preview.address is None else IPv4Address(preview.address),
        lease_time=None if preview.times is None else preview.times.lease,
        interface=None if subnet is None else subnet.interface,
        reservation=None if preview.reservation is None else preview.reservation.id,
        explanation=preview.why,
    )
    return [*answer, *(_option(code, value) for code, value in preview.options.items())]


def _option(code: int, value: bytes) -> Element:
    known = by_code(code)
    try:
        text = None if known is None else str(decode_value(code, value))
    except DecodeError:  # configured as raw octets
        text = None
    label = None if known is None else known.label
    return BUILD.node("option", BUILD.leafs(code=code, name=label, hex=hexadecimal(value), text=text))


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


def register_unavailable(operations: Operations) -> None:
    """Have the actions refused whose components this version does not have."""
    for path in _NOT_BUILT:
        operations.register_action(path, _refuse(path))


def _refuse(path: str) -> Action:
    def refuse(_: ActionRequest) -> Sequence[Element]:
        action = path.rpartition("/")[2]
        raise operation_not_supported(f"{action}: this version does not have it yet", type_="application")

    return refuse
