"""The hash that leads a client to an address, and what is in a pool."""

from hashlib import blake2b
from ipaddress import IPv6Address, IPv6Network

import pytest

from tests.dhc6.allocating import Site, named, subnet
from tests.dhc6.clients import duid, interface, number
from vppdhc.dhc6.identifiers import ReservedIds
from vppdhc.dhc6.pool import LEVELS, Pool, Space
from vppdhc.leases.address_set import AddressSet
from vppdhc.leases.lease6 import Association, LeaseKind

ADDRESSES = Space(0, LeaseKind.ADDRESS, 128)


def hashed(station: int, ia_id: int = 1) -> int:
    """The bottom 64 bits of the hash, as the documentation has it."""
    return int.from_bytes(blake2b(duid(station) + ia_id.to_bytes(4, "big"), digest_size=16).digest()[8:], "big")


def association(station: int, ia_id: int = 1) -> Association:
    return Association(LeaseKind.ADDRESS, duid(station), ia_id)


def nothing(_: int) -> None:
    """Nothing is in the way."""


def test_an_address_is_the_prefix_and_the_hash_of_duid_and_iaid() -> None:
    site = Site()
    for station in range(1, 50):
        for ia_id in (0, 1, 0xFFFFFFFF):
            choice = site.choose(station, ia_id=ia_id)
            assert named(choice) == str(IPv6Address(number("2001:db8:1::") + hashed(station, ia_id)))


def test_the_interface_id_is_the_same_in_every_network_and_after_a_restart() -> None:
    site = Site(interface("2001:db8:1::1/64", "fd00:1::53/64", "fd00:1::54/64"))
    for station in range(1, 20):
        ids = {site.grant(station, site.choose(station, of=one)).network & (1 << 64) - 1 for one in site.subnets()}
        site.stored.clear()
        site.restart()
        ids |= {site.grant(station, site.choose(station, of=one)).network & (1 << 64) - 1 for one in site.subnets()}
        assert ids == {hashed(station)}


def test_next_in_order_when_taken_wrapping_round() -> None:
    site = Site(interface("2001:db8:1::1/64"), subnets=(subnet("s", "2001:db8:1::/64", (0x10, 0x13)),))
    start = blake2b(duid(1) + b"\0\0\0\1", digest_size=16).digest()[-1] % 4
    got = [named(site.take(1, ia_id=1))]
    pool = site.subnets()[0].pools[0].pool
    taken = site.book.taken(pool.space)
    for _ in range(3):
        address = pool.candidate(association(1), taken, nothing)
        assert address is not None
        got.append(str(IPv6Address(address)))
        taken.add(address)
    assert got == [f"2001:db8:1::{0x10 + (start + step) % 4:x}" for step in range(4)]
    assert pool.candidate(association(1), taken, nothing) is None


class CountedSet(AddressSet):
    """A set that counts how often it is asked for what is free."""

    __slots__ = ("asked",)

    def __init__(self) -> None:
        super().__init__(LEVELS)
        self.asked = 0

    def first_free(self, start: int, stop: int) -> int | None:
        self.asked += 1
        return super().first_free(start, stop)


def test_a_full_pool_takes_no_more_steps_than_an_empty_one() -> None:
    """Of 65,536 addresses 99 % are taken, in one block and scattered; then one is left."""
    base = number("2001:db8:1::")
    whole = base, base + 65_536
    pool = Pool(ADDRESSES, whole, [whole])
    for free in (range(0, 65_536, 100), range(655), [77]):
        taken = CountedSet()
        left = set(free)
        for offset in range(65_536):
            if offset not in left:
                taken.add(base + offset)
        for station in range(1, 200):
            taken.asked = 0
            found = pool.candidate(association(station), taken, nothing)
            assert found is not None
            wish = int.from_bytes(blake2b(duid(station) + b"\0\0\0\1", digest_size=16).digest(), "big") % 65_536
            assert found - base == min((one for one in left if one >= wish), default=min(left))
            assert taken.asked <= 2


def test_a_network_of_64_bits_with_100000_leases_takes_one_step() -> None:
    base = number("2001:db8:1::")
    whole = base, base + (1 << 64)
    pool = Pool(ADDRESSES, whole, [whole])
    taken = CountedSet()
    for ia_id in range(100_000):
        taken.add(base + hashed(1, ia_id))
    for ia_id in range(100_000, 100_100):
        taken.asked = 0
        assert pool.candidate(association(1, ia_id), taken, nothing) == base + hashed(1, ia_id)
        assert taken.asked == 1


def test_what_is_in_the_way_is_passed_by_so_far_and_no_further() -> None:
    whole = 1000, 1_001_000
    pool = Pool(Space(0, LeaseKind.PREFIX, 64), whole, [whole])
    asked = []

    def everything(one: int) -> int:
        asked.append(one)
        return one + 1

    assert pool.candidate(association(1), AddressSet(LEVELS), everything) is None
    assert len(asked) == 100
    first = asked[0]
    assert (
        pool.candidate(association(1), AddressSet(LEVELS), lambda one: first + 5 if one < first + 5 else None)
        == first + 5
    )


RESERVED = {
    "2001:db8::/64": [
        ("2001:db8::", "2001:db8::1"),
        ("2001:db8::200:5eff:fe00:0", "2001:db8::200:5eff:ff00:0"),
        ("2001:db8::200:5eff:fe00:5213", "2001:db8::200:5eff:ff00:0"),
        ("2001:db8::fdff:ffff:ffff:ff80", "2001:db8::fe00:0:0:0"),
        ("2001:db8::fdff:ffff:ffff:ffff", "2001:db8::fe00:0:0:0"),
    ],
    "2001:db8::/56": [
        ("2001:db8:0:7::", "2001:db8:0:7::1"),
        ("2001:db8:0:7:fdff:ffff:ffff:fffe", "2001:db8:0:7:fe00::"),
    ],
    "2001:db8::/120": [("2001:db8::", "2001:db8::1"), ("2001:db8::80", "2001:db8::100")],
    "2001:db8::/121": [("2001:db8::", "2001:db8::1")],
}
FREE = {
    "2001:db8::/64": [
        "::1",
        "::200:5eff:fdff:ffff",
        "::200:5eff:ff00:0",
        "::fdff:ffff:ffff:ff7f",
        "::fe00:0:0:0",
        "::ffff",
    ],
    "2001:db8::/120": ["::1", "::7f"],
    "2001:db8::/121": ["::1", "::7f"],
    "2001:db8::/127": ["::", "::1"],
    "2001:db8::/128": ["::"],
}


@pytest.mark.parametrize("network", RESERVED)
def test_reserved_interface_ids(network: str) -> None:
    ids = ReservedIds(IPv6Network(network))
    for address, beyond in RESERVED[network]:
        assert ids.until(number(address)) == number(beyond), address


@pytest.mark.parametrize("network", FREE)
def test_interface_ids_that_are_not_reserved(network: str) -> None:
    base = int(IPv6Network(network).network_address)
    ids = ReservedIds(IPv6Network(network))
    assert [ids.until(base + number(one)) for one in FREE[network]] == [None] * len(FREE[network])


def test_reserved_and_own_addresses_are_in_no_pool() -> None:
    site = Site(interface("2001:db8:1::1/64", "2001:db8:1::99/64"))
    pool = site.subnets()[0].pools[0].pool
    assert pool.size == (1 << 64) - 1 - (1 << 24) - 128 - 2
    for host in ("1", "99", "", "fdff:ffff:ffff:ff80", "200:5eff:fe00:5213"):
        address = number(f"2001:db8:1::{host}")
        assert address not in pool
        assert not site.subnets()[0].is_for_clients(address)
        assert not site.allocation.grantable(site.asking(1), site.subnets()[0], address)


def test_reserved_ids_of_a_network_that_has_many() -> None:
    """A hash, and whoever wishes it, is led past them in each network of 64 bits."""
    site = Site(interface("2001:db8::1/56"))
    (served,) = site.subnets()
    reserved = number("2001:db8:0:7:fdff:ffff:ffff:ff80")
    assert served.pool_of(reserved) is None
    choice = site.choose(1, reserved)
    assert choice is not None
    assert choice.network != reserved
    pool = served.pools[0].pool
    taken = AddressSet(LEVELS)
    assert pool.candidate(
        association(1), taken, lambda one: number("2001:db8:0:8::") if one < number("2001:db8:0:8::") else None
    )


@pytest.mark.parametrize("prefix", ["/127", "/128"])
def test_networks_without_room(prefix: str) -> None:
    site = Site(interface(f"2001:db8:1::{prefix}"))
    got = named(site.choose(1))
    assert got == ("2001:db8:1::1" if prefix == "/127" else "")
