"""What is asked of a hundred thousand leases is built, and nothing else."""

from ipaddress import IPv4Address

import pytest

from nc.filter import Want
from tests.vpp.conftest import VirtualClock
from vppdhc.dhc4.allocation import Why
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.config import ServerConfig
from vppdhc.dhc4.heard import Heard
from vppdhc.dhc4.outcome import Outcome
from vppdhc.dhc4.protocols import Dataplane
from vppdhc.dhc4.server import Server
from vppdhc.dhc4.service import Dhcp4Service
from vppdhc.dhc4.teller import Teller
from vppdhc.interface import Interface
from vppdhc.leases.committer import Work
from vppdhc.leases.lease import Change, Lease, LeaseState
from vppdhc.northbound.model import name
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_dhc4 import Dhcp4State
from vppdhc.packet.dhcp4 import Message
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.neighbours import Neighbours

COUNT = 100_000
FIRST = int(IPv4Address("10.0.0.2"))


class Nowhere:
    def submit(self, work: Work) -> bool:
        raise AssertionError(work)


INTERFACES = InterfaceTable()
NO_VPP = Dataplane(
    INTERFACES, Neighbours(INTERFACES, VirtualClock()), lambda *_: False, lambda *_: False, lambda *_: None
)


@pytest.fixture(scope="module")
def state() -> Dhcp4State:
    clock = VirtualClock()
    book = LeaseBook()
    for number in range(COUNT):
        hardware = b"\1" + number.to_bytes(6, "big")
        lease = Lease(0, FIRST + number, LeaseState.ACTIVE, hardware, "lan", hardware, "", 3600, 900, 900, 5000)
        book.apply(Change(None, lease))
    server = Server(ServerConfig(), book)
    heard = Heard(COUNT)
    lan = Interface("lan", 1, bytes(6), admin_up=True, link_up=True)
    for number in range(COUNT):
        mac = number.to_bytes(6, "big")
        outcome = Outcome([], [], [], None, b"\1" + mac, 0, FIRST + number, Why.LEASE)
        heard.note(Message(chaddr=mac, options={53: b"\3"}), lan, outcome, 900.0)
    service = Dhcp4Service(server, book, NO_VPP, Nowhere(), clock, heard=heard, teller=Teller())
    return Dhcp4State(server, book, service, heard, clock, Instants(clock), 0.0)


def read(state: Dhcp4State, path: str, **keys: str) -> list[str]:
    want = Want(all=True, keys={name(key.replace("_", "-")): value for key, value in keys.items()})
    (source,) = [source for source in state.sources() if source.path == path]
    return [element.findtext(name("leased-address")) or "" for element in source.read(want)]


def test_one_lease_is_one_lease(state: Dhcp4State) -> None:
    address = str(IPv4Address(FIRST + 77_777))
    assert read(state, "/vppdhc:dhc4server/active-lease", table_id="0", leased_address=address) == [address]


def test_a_lease_that_is_not_there_is_none(state: Dhcp4State) -> None:
    assert read(state, "/vppdhc:dhc4server/active-lease", table_id="7", leased_address="10.0.0.2") == []
    assert read(state, "/vppdhc:dhc4server/inactive-lease", table_id="0", leased_address="10.0.0.2") == []


def test_one_client_is_one_client(state: Dhcp4State, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is gone through for it: neither those heard, nor their leases."""
    for gone_through in (Heard, LeaseBook):
        monkeypatch.setattr(gone_through, "__iter__", None)
    address = str(IPv4Address(FIRST + 77_777))
    client = "01:" + (77_777).to_bytes(6, "big").hex(":")
    assert read(state, "/vppdhc:dhc4server/client", table_id="0", client=client) == [address]
    assert read(state, "/vppdhc:dhc4server/client", table_id="1", client=client) == []
    assert read(state, "/vppdhc:dhc4server/client", table_id="0", client="00:11") == []


def test_all_of_them_are_all_of_them(state: Dhcp4State) -> None:
    assert len(set(read(state, "/vppdhc:dhc4server/client"))) == COUNT
    assert len(set(read(state, "/vppdhc:dhc4server/active-lease"))) == COUNT
