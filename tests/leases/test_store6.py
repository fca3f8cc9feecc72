"""DHCPv6 leases in the store, beside those of DHCPv4."""

import json
import math
import sqlite3
from contextlib import closing
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.leases.support import BASE6, FOR_EVER, FakeClock, contents, contents6, lease, lease6, new, new6
from vppdhc.leases.errors import LeaseStoreError
from vppdhc.leases.lease import Change, LeaseState
from vppdhc.leases.lease6 import NO_DETAILS6, Change6, Details6, Lease6, LeaseKind, by_version
from vppdhc.leases.reading import stored_leases6
from vppdhc.leases.rows6 import Lease6Reader, row6_of
from vppdhc.leases.store import LeaseStore

PREFIX, ADDRESS = LeaseKind.PREFIX, LeaseKind.ADDRESS


def some(clock: FakeClock) -> list[Lease6]:
    """Leases of every kind, in the order of the store."""
    details = Details6(BASE6 + 1, (0xFE80 << 112) + 2, b"eth0/1", b"\0\0\0\x09line 7")
    everything = lease6(4, clock, kind=PREFIX)._replace(
        next_hop=(0xFE80 << 112) + 5, reconfigure_key=bytes(range(16)), details=details, hostname="näme"
    )
    return [
        lease6(1, clock),
        lease6(2, clock, FOR_EVER)._replace(ia_id=0xFFFFFFFF),
        lease6(3, clock, state=LeaseState.DECLINED)._replace(duid=b"", hardware=b""),
        lease6(1, clock, kind=PREFIX, state=LeaseState.RELEASED),
        everything,
        lease6(4, clock, kind=PREFIX)._replace(network=(1 << 128) - 1, length=128, table=7),
        lease6(4, clock, kind=PREFIX)._replace(network=0, length=0, table=0xFFFFFFFF),
    ]


def test_leases_are_stored_whole_and_in_order(path: Path, clock: FakeClock) -> None:
    leases = some(clock)
    store = LeaseStore(path, clock)
    store.commit(new6(*leases[::-1]))
    assert list(store.load6()) == leases
    store.close()
    found = contents6(path, clock)
    assert list(found.values()) == leases
    for before, after in zip(leases, found.values(), strict=True):
        assert [type(value) for value in before] == [type(value) for value in after]


@given(st.data())
def test_every_lease_reads_as_it_was_written(data: st.DataObject) -> None:
    number = st.integers(0, 0xFFFFFFFF)
    octets = st.binary(max_size=20)
    address = st.integers(0, (1 << 128) - 1)
    instant = st.floats(0, 1e9)
    one = Lease6(
        data.draw(number),
        data.draw(st.sampled_from(LeaseKind)),
        data.draw(address),
        data.draw(st.integers(0, 128)),
        data.draw(st.sampled_from([state for state in LeaseState if state])),
        data.draw(octets),
        data.draw(number),
        "tap1",
        data.draw(octets),
        data.draw(st.text().filter(lambda text: text.isprintable())),
        data.draw(number),
        data.draw(number),
        data.draw(instant),
        data.draw(instant),
        data.draw(instant | st.just(math.inf)),
        data.draw(address),
        data.draw(octets),
        data.draw(st.just(NO_DETAILS6) | st.builds(Details6, address, address, octets, octets)),
    )
    assert Lease6Reader().lease(row6_of(one)) == one


def test_equal_values_are_one_object_and_whole_numbers_stay_apart_from_instants(path: Path, clock: FakeClock) -> None:
    clock.advance(600.0)
    details = Details6(interface_id=b"eth0")
    pair = [lease6(host, clock, 1600)._replace(details=Details6(*details)) for host in (1, 2)]
    store = LeaseStore(path, clock)
    store.commit(new6(*pair))
    one, two = store.load6()
    assert one.details is two.details
    assert one.interface is two.interface
    assert (one.renewed, one.valid) == (1600.0, 1600)
    assert (type(one.renewed), type(one.valid)) == (float, int)
    store.close()


def test_both_versions_are_committed_together_or_not_at_all(path: Path, clock: FakeClock) -> None:
    store = LeaseStore(path, clock)
    store.commit([*new(lease(1, clock)), *new6(lease6(1, clock))])
    wrong = lease6(2, clock)._replace(ia_id=-1)
    with pytest.raises(LeaseStoreError):
        store.commit([*new(lease(2, clock)), *new6(wrong)])
    with pytest.raises(LeaseStoreError):
        store.commit([*new6(lease6(2, clock)), *new(lease(2, clock)._replace(granted=-1))])
    assert [one.address for one in store.load()] == [1]
    assert [one.network for one in store.load6()] == [BASE6 + 1]
    store.commit([Change(lease(1, clock), None), Change6(lease6(1, clock), None)])
    store.close()
    assert (contents(path, clock), contents6(path, clock)) == ({}, {})


def test_the_last_change_of_an_address_counts_and_offers_are_not_stored(path: Path, clock: FakeClock) -> None:
    first, second = lease6(1, clock, version=1), lease6(1, clock, version=2)
    store = LeaseStore(path, clock)
    store.commit(
        [
            *new6(first, lease6(3, clock, state=LeaseState.OFFERED)),
            Change6(first, second),
            Change6(None, lease6(4, clock)),
            Change6(lease6(4, clock), None),
            *new6(lease6(1, clock, kind=PREFIX)),
        ]
    )
    store.close()
    assert list(contents6(path, clock).values()) == [second, lease6(1, clock, kind=PREFIX)]


def test_a_large_group_is_stored(path: Path, clock: FakeClock) -> None:
    """It takes several statements."""
    store = LeaseStore(path, clock)
    leases = [lease6(host, clock) for host in range(3000)]
    store.commit([*new(*(lease(host, clock) for host in range(3000))), *new6(*leases)])
    assert list(store.load6()) == leases
    store.commit([Change6(one, None) for one in leases[::2]])
    assert list(store.load6()) == leases[1::2]
    store.close()


def test_instants_are_converted_after_a_reboot(path: Path, clock: FakeClock) -> None:
    store = LeaseStore(path, clock)
    store.commit(new6(lease6(1, clock), lease6(2, clock, FOR_EVER), lease6(3, clock, 100)))
    store.close()
    clock.reboot(wall_passed=600)
    left = [one.expires - clock.boottime() for one in contents6(path, clock).values()]
    assert left == [3000.0, math.inf, -500.0]
    clock.reboot(wall_passed=-10_000)
    assert [one.expires - clock.boottime() for one in contents6(path, clock).values()] == left


def test_stored_leases_in_words(path: Path, clock: FakeClock) -> None:
    store = LeaseStore(path, clock)
    store.commit(new6(*some(clock)))
    found = list(stored_leases6(path))
    store.close()
    assert found[4] == {
        "table_id": 0,
        "kind": "prefix",
        "network": "2001:db8:0:400::",
        "prefix_length": 56,
        "state": "active",
        "duid": "00030001000000000004",
        "ia_id": 0,
        "interface": "tap1",
        "hardware": "01000000000004",
        "hostname": "näme",
        "preferred": 1800,
        "valid": 3600,
        "since": "2027-01-15T08:00:00Z",
        "renewed": "2027-01-15T08:00:00Z",
        "expires": "2027-01-15T09:00:00Z",
        "next_hop": "fe80::5",
        "link_address": "2001:db8::1",
        "peer_address": "fe80::2",
        "interface_id": b"eth0/1".hex(),
        "remote_id": b"\0\0\0\x09line 7".hex(),
    }
    assert [one["state"] for one in found[:4]] == ["active", "active", "declined", "released"]
    assert (found[1]["expires"], found[0]["next_hop"]) == (None, "")
    assert "000102030405" not in json.dumps(found), "a key is shown"


def test_many_leases_are_read_in_portions_and_in_order(path: Path, clock: FakeClock) -> None:
    store = LeaseStore(path, clock)
    leases = [lease6(host, clock, kind=kind) for kind in (ADDRESS, PREFIX) for host in range(1500)]
    store.commit(new6(*leases))
    store.close()
    found = [(one["kind"], int(IPv6Address(one["network"]))) for one in stored_leases6(path)]
    assert found == [(one.kind.name.lower(), one.network) for one in leases]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lease6 SET network = x'20010db8'",
        "UPDATE lease6 SET kind = 2",
        "UPDATE lease6 SET prefix_length = 129",
        "UPDATE lease6 SET state = 0",
        "UPDATE lease6 SET details = '{'",
    ],
)
def test_the_table_takes_no_other_rows(path: Path, clock: FakeClock, statement: str) -> None:
    store = LeaseStore(path, clock)
    store.commit(new6(lease6(1, clock)))
    store.close()
    with closing(sqlite3.connect(path)) as database, pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        database.execute(statement)


@pytest.mark.parametrize("details", ["[1]", '{"next_hop": 5}', '{"next_hop": "1.2.3.4"}', '{"interface_id": "zz"}'])
def test_details_that_make_no_sense_are_an_error(path: Path, clock: FakeClock, details: str) -> None:
    store = LeaseStore(path, clock)
    store.commit(new6(lease6(1, clock)))
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("UPDATE lease6 SET details = ?", (details,))
    with pytest.raises(LeaseStoreError, match="corrupt"):
        list(store.load6())
    store.close()


def test_changes_by_version(clock: FakeClock) -> None:
    changes4, changes6 = new(lease(1, clock), lease(2, clock)), new6(lease6(1, clock))
    assert by_version([changes4[0], *changes6, changes4[1]]) == (changes4, changes6)
