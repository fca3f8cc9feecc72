"""The DHCPv4 server's state, leaf by leaf: relayed clients, classes, reservations, configured pools, conflicts."""

from collections.abc import Iterator
from ipaddress import IPv4Network

import gevent
import pytest

from nc.filter import EVERYTHING
from nc.schema import Schema
from nc.xml import Element, local_name
from tests.dhc4.clients import Lan, interface, message, number, octets, reservation, text
from tests.dhc4.shell import Clock, Commits, Router
from vppdhc.dhc4.classes import ClientClass, ClientClasses
from vppdhc.dhc4.config import ConflictDetection, Overrides, PoolConfig, ServerConfig, Settings, SubnetConfig
from vppdhc.dhc4.events import Event, EventKind, PoolEvent
from vppdhc.dhc4.heard import Heard
from vppdhc.dhc4.reservations import Reservations
from vppdhc.dhc4.service import Dhcp4Service
from vppdhc.dhc4.teller import Teller
from vppdhc.leases.lease import Change
from vppdhc.leases.usage import PoolUsage
from vppdhc.northbound.notices import Notices
from vppdhc.northbound.sources import Instants
from vppdhc.northbound.state_dhc4 import Dhcp4State

TAP = interface("192.168.1.1/24")
RELAY = "10.7.0.1"
CONFIG = ServerConfig(
    Settings(conflict_detection=ConflictDetection.NONE),
    subnets=(
        SubnetConfig(
            "lab",
            IPv4Network("10.7.0.0/24"),
            pools=(
                PoolConfig("low", number("10.7.0.10"), number("10.7.0.19")),
                PoolConfig("high", number("10.7.0.20"), number("10.7.0.29"), Overrides(lease_time=7200)),
            ),
        ),
    ),
    classes=ClientClasses([ClientClass("phones", (b"phone*",)), ClientClass("labs", (), (b"lab",))]),
    reservations=Reservations([reservation(3, "192.168.1.9", id_="printer")]),
)


@pytest.fixture
def lan() -> Lan:
    return Lan(TAP, config=CONFIG)


def leafs(element: Element) -> dict[str, str]:
    """Return the leafs of an entry by their names, those in containers as well."""
    return {local_name(leaf.tag): leaf.text or "" for leaf in element.iter() if not len(leaf)}


def state(lan: Lan, schema: Schema, list_name: str) -> list[dict[str, str]]:
    """Return the entries of a list, each of whose leafs has to be in the model."""
    clock = Clock()
    clock.now = lan.now
    commits = Commits(clock, lan.book)
    service = Dhcp4Service(lan.server, lan.book, Router(TAP).dataplane, commits, clock, heard=Heard(), teller=Teller())
    path = f"/vppdhc:dhc4server/{list_name}"
    made = Dhcp4State(lan.server, lan.book, service, Heard(), clock, Instants(clock), 0.0)
    (source,) = (source for source in made.sources() if source.path == path)
    node = schema.node_at(path)
    assert node is not None
    entries = list(source.read(EVERYTHING))
    for entry in entries:
        assert {child.tag for child in entry} <= node.children.keys()
    return [leafs(entry) for entry in entries]


def relayed(lan: Lan, station: int, *options: tuple[str, object]) -> str:
    """Have a client take a lease behind the relay agent."""
    agent = ("relay_agent_information", b"\1\4eth1\2\2\xff\0")
    offered = lan.ask(message("discover", station, *options, agent, giaddr=RELAY, hops=1))
    server, address = offered.options["server_id"], str(offered.bootp.yiaddr)
    ask = (("requested_addr", address), ("server_id", server), *options, agent)
    assert lan.ask(message("request", station, *ask, giaddr=RELAY, hops=1)).type == "ack"
    return address


def test_a_relayed_client_is_shown_whole(lan: Lan, schema: Schema) -> None:
    address = relayed(lan, 1, ("vendor_class_id", b"phone 1.0"), ("hostname", b"desk"))
    (shown,) = state(lan, schema, "active-lease")
    pool = "low" if number(address) < number("10.7.0.20") else "high"
    lifetime = {"low": 3600, "high": 7200}[pool]
    assert shown | {"allocation-time": "", "last-renew-rebind": "", "expires": ""} == {
        "state": "active",
        "table-id": "0",
        "leased-address": address,
        "hardware-address": "02:00:00:00:00:01",
        "hostname": "desk",
        "vendor-class": "phone 1.0",
        "client-class": "phones",
        "interface": "tap0",
        "subnet": "lab",
        "pool-id": pool,
        "lease-time": str(lifetime),
        "lease-t1": str(lifetime // 2),
        "lease-t2": str(lifetime * 7 // 8),
        "allocation-time": "",
        "last-renew-rebind": "",
        "expires": "",
        "relay-address": RELAY,
        "circuit-id": "65:74:68:31",
        "remote-id": "ff:00",
    }


def test_a_user_class_and_a_full_name_are_shown(lan: Lan, schema: Schema) -> None:
    fqdn = ("client_FQDN", b"\1\0\0host.example.net")
    lan.bind(1, ("user_class", b"\3lab"), fqdn, client_id=b"\1\2")
    (shown,) = state(lan, schema, "active-lease")
    assert (shown["client-class"], shown["client-id"]) == ("labs", "01:02")
    assert shown["fqdn"].startswith("host.")
    assert "relay-address" not in shown
    assert "subnet" not in shown


def test_a_reservation_is_shown_at_its_client(lan: Lan, schema: Schema) -> None:
    assert lan.bind(3) == "192.168.1.9"
    lan.bind(4)
    shown = {one["hardware-address"]: one.get("reservation") for one in state(lan, schema, "active-lease")}
    assert shown == {"02:00:00:00:00:03": "printer", "02:00:00:00:00:04": None}


def test_times_that_the_settings_do_not_make_any_more_are_not_shown(lan: Lan, schema: Schema) -> None:
    lan.bind(1)
    lan.server.configure(ServerConfig(Settings(lease_time=600)))
    (shown,) = state(lan, schema, "active-lease")
    assert shown["lease-time"] == "3600"
    assert "lease-t1" not in shown
    assert "lease-t2" not in shown


def test_every_pool_is_shown(lan: Lan, schema: Schema) -> None:
    relayed(lan, 1)
    shown = state(lan, schema, "address-pool-state")
    ids = [(one.get("subnet"), one.get("pool-id"), one["start-address"], one["total-count"]) for one in shown]
    assert sorted(ids, key=str) == [
        ("lab", "high", "10.7.0.20", "10"),
        ("lab", "low", "10.7.0.10", "10"),
        (None, None, "192.168.1.25", "230"),
    ]
    assert sum(int(one["allocated-count"]) for one in shown) == 1


@pytest.fixture
def published() -> Iterator[tuple[Notices, list[Element]]]:
    """Give notices that are published at once, and what was published."""
    made: list[Element] = []
    notices = Notices(Instants(Clock()))
    running = gevent.spawn(notices.run, lambda _, make: made.append(make()))
    yield notices, made
    running.kill()


def test_a_conflict_is_notified(lan: Lan, published: tuple[Notices, list[Element]]) -> None:
    notices, made = published
    lan.bind(1)
    (lease,) = lan.book
    notices.leases([Event(EventKind.CONFLICT, lease._replace(client=b""), octets("02:99:00:00:00:01"))])
    gevent.sleep(0)
    (notice,) = made
    assert local_name(notice.tag) == "address-conflict"
    assert leafs(notice) == {
        "server": "dhc4server",
        "interface": "tap0",
        "table-id": "0",
        "address": text(lease.address),
        "hardware-address": "02:99:00:00:00:01",
    }


def test_the_relay_agent_is_in_the_events_of_a_lease(lan: Lan, published: tuple[Notices, list[Element]]) -> None:
    notices, made = published
    relayed(lan, 1)
    lan.bind(2)
    notices.leases([Event(EventKind.GRANTED, lease) for lease in lan.book])
    gevent.sleep(0)
    assert [leafs(notice).get("relay-address") for notice in made] == [RELAY, None]


def test_a_pool_is_named_in_its_events(published: tuple[Notices, list[Element]]) -> None:
    notices, made = published
    usage = PoolUsage(10, 9, 0, 0, 80, exceeded=True)
    network = IPv4Network("10.7.0.0/24")
    notices.pools([PoolEvent(0, network, "", usage, "lab", "low"), PoolEvent(0, network, "tap0", usage)])
    gevent.sleep(0)
    first, second = map(leafs, made)
    assert (first["subnet"], first["pool-id"], first.get("interface")) == ("lab", "low", None)
    assert (second.get("subnet"), second.get("pool-id"), second["interface"]) == (None, None, "tap0")


def test_a_lease_for_ever_has_no_end(lan: Lan, schema: Schema) -> None:
    lan.bind(1)
    (lease,) = lan.book
    lan.book.apply(Change(lease, lease._replace(granted=0xFFFFFFFF, expires=float("inf"))))
    (shown,) = state(lan, schema, "active-lease")
    assert "expires" not in shown
    assert "lease-t1" not in shown
