"""What is asked of a hundred thousand leases is built, and nothing else."""

from ipaddress import IPv4Address

import pytest

from nc.filter import Want
from tests.vpp.conftest import VirtualClock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.config import ServerConfig
from vppdhc.dhc4.server import Server
from vppdhc.dhc4.service import Dhcp4Service
from vppdhc.leases.committer import Work
from vppdhc.leases.lease import Change, Lease, LeaseState
from vppdhc.northbound.model import name
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_dhc4 import Dhcp4State
from vppdhc.vpp.interfaces import InterfaceTable

COUNT = 100_000
FIRST = int(IPv4Address("10.0.0.2"))


class Nowhere:
    def submit(self, work: Work) -> bool:
        raise AssertionError(work)


@pytest.fixture(scope="module")
def state() -> Dhcp4State:
    clock = VirtualClock()
    book = LeaseBook()
    for number in range(COUNT):
        hardware = b"\1" + number.to_bytes(6, "big")
        lease = Lease(0, FIRST + number, LeaseState.ACTIVE, hardware, "lan", hardware, b"", "", 3600, 900, 900, 5000)
        book.apply(Change(None, lease))
    server = Server(ServerConfig(), book)
    service = Dhcp4Service(server, book, InterfaceTable(), lambda *_: None, Nowhere(), clock)
    return Dhcp4State(server, book, service, clock, Instants(clock), 0.0)


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


def test_all_of_them_are_all_of_them(state: Dhcp4State) -> None:
    assert len(set(read(state, "/vppdhc:dhc4server/active-lease"))) == COUNT
