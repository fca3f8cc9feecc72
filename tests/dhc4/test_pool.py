from ipaddress import IPv4Network

import pytest

from tests.dhc4.clients import number, octets, text
from vppdhc.dhc4.pool import Pool
from vppdhc.leases.address_set import AddressSet


def pool(network: str, *own: str, static: int = 10) -> Pool:
    return Pool.of_network(0, IPv4Network(network), [number(address) for address in own], static)


@pytest.mark.parametrize(
    ("made", "ranges"),
    [
        (pool("192.168.1.0/24", "192.168.1.1"), ["192.168.1.25-192.168.1.254"]),
        (pool("192.168.1.0/24", "192.168.1.1", static=0), ["192.168.1.2-192.168.1.254"]),
        (pool("192.168.1.0/24", "192.168.1.254"), ["192.168.1.25-192.168.1.253"]),
        (
            pool("192.168.1.0/24", "192.168.1.100", "192.168.1.101", "192.168.1.200"),
            ["192.168.1.25-192.168.1.99", "192.168.1.102-192.168.1.199", "192.168.1.201-192.168.1.254"],
        ),
        (pool("192.168.1.0/24", "192.168.1.1", static=100), []),
        (pool("10.0.0.0/8", "10.0.0.1"), ["10.25.153.153-10.255.255.254"]),
        (pool("10.0.0.0/30", "10.0.0.1"), ["10.0.0.2-10.0.0.2"]),
        (pool("10.0.0.0/31", "10.0.0.0"), []),
        (pool("10.0.0.0/32", "10.0.0.0"), []),
    ],
)
def test_leaves_out_what_is_not_for_clients(made: Pool, ranges: list[str]) -> None:
    assert [f"{text(start)}-{text(stop - 1)}" for start, stop in made.ranges] == ranges
    for start, stop in made.ranges:
        assert start in made
        assert stop - 1 in made
        assert stop not in made
        assert start - 1 not in made
    assert made.size == sum(stop - start for start, stop in made.ranges)


def test_address_of_a_client_never_changes_between_versions() -> None:
    assert text(pool("192.168.1.0/24", "192.168.1.1").candidate(octets("02:00:00:00:00:01"), AddressSet()) or 0) == (
        "192.168.1.178"
    )


def test_gives_every_address_once_and_then_none() -> None:
    made, taken = pool("192.168.1.0/24", "192.168.1.1", "192.168.1.77"), AddressSet()
    given = []
    for station in range(made.size):
        address = made.candidate(station.to_bytes(6, "big"), taken)
        assert address is not None
        assert address in made
        taken.add(address)
        given.append(address)
    assert len(set(given)) == made.size
    assert made.candidate(b"one more", taken) is None


def test_goes_on_after_a_taken_address_and_round_the_end() -> None:
    made, taken = pool("192.168.1.0/24", "192.168.1.1", "192.168.1.77"), AddressSet()
    order = []
    for _ in range(made.size):
        address = made.candidate(b"always the same", taken)
        assert address is not None
        order.append(address)
        taken.add(address)
    in_pool = [address for start, stop in made.ranges for address in range(start, stop)]
    first = in_pool.index(order[0])
    assert order == in_pool[first:] + in_pool[:first]


def test_empty_pool_has_no_candidate() -> None:
    assert pool("10.0.0.0/31", "10.0.0.0").candidate(b"x", AddressSet()) is None
