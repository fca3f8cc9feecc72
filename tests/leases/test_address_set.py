import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vppdhc.leases.address_set import AddressSet

LAST = 2**32 - 1
# Close together, so that bitmaps fill up and empty, and at the edges of every level.
ADDRESSES = st.one_of(
    st.integers(0, 700),
    st.integers(LAST - 600, LAST),
    st.sampled_from([edge + step for edge in (1 << 8, 1 << 16, 1 << 24) for step in (-1, 0, 1)]),
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), ADDRESSES)), ADDRESSES, ADDRESSES)
def test_is_a_set(steps: list[tuple[bool, int]], start: int, stop: int) -> None:
    addresses, model = AddressSet(), set[int]()
    for put_in, address in steps:
        (addresses.add if put_in else addresses.discard)(address)
        (model.add if put_in else model.discard)(address)
        assert (address in addresses) == (address in model)
    assert len(addresses) == len(model)
    assert all(address in addresses for address in model)
    near = min(stop, start + 2000)
    assert addresses.first_free(start, near) == next((a for a in range(start, near) if a not in model), None)
    assert sorted(addresses.within(start, stop)) == sorted(a for a in model if start <= a < stop)
    assert addresses.count(start, stop) == sum(1 for a in model if start <= a < stop)
    assert list(addresses) == sorted(model)


def test_finds_the_only_hole_of_a_full_slash_16() -> None:
    base = 10 << 24
    addresses = AddressSet()
    for address in range(base, base + 65536):
        addresses.add(address)
    assert addresses.first_free(base, base + 65536) is None
    assert addresses.first_free(base, base + 65537) == base + 65536
    for hole in (base, base + 255, base + 256, base + 40_000, base + 65535):
        addresses.discard(hole)
        assert addresses.first_free(base, base + 65536) == hole
        addresses.add(hole)


def test_takes_as_many_steps_full_as_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    real = AddressSet._next_clear

    def counted(self: AddressSet, level: int, index: int) -> int:
        steps.append(level)
        return real(self, level, index)

    monkeypatch.setattr(AddressSet, "_next_clear", counted)
    base = 10 << 24
    addresses = AddressSet()
    for address in range(base, base + 65535):
        addresses.add(address)
    assert addresses.first_free(base, base + 65536) == base + 65535
    assert len(steps) <= 4


def test_leaves_nothing_behind() -> None:
    addresses, chosen = AddressSet(), random.Random(1).sample(range(1 << 32), 1000)
    chosen += range(1 << 20, (1 << 20) + 600)
    for address in chosen:
        addresses.add(address)
    for address in chosen:
        addresses.discard(address)
    assert not len(addresses)
    assert not any(addresses._levels)


def test_the_last_address_of_all() -> None:
    addresses = AddressSet()
    for address in range(LAST - 511, LAST + 1):
        addresses.add(address)
    assert addresses.first_free(LAST - 300, LAST + 1) is None


def test_goes_through_all_that_stay_while_others_come_and_go() -> None:
    addresses = AddressSet()
    for address in range(0, 2000, 2):
        addresses.add(address)
    seen = []
    for address in addresses:
        seen.append(address)
        addresses.discard(address)
        addresses.discard(1998 - address)
        addresses.add(2000 + address)
    assert seen == sorted(set(seen))
    assert set(seen) >= set(range(0, 1000, 2))


def test_ipv6_addresses_and_finds_the_only_hole_among_many() -> None:
    """Full bitmaps below bitmaps that are full but for one, in a space of 128 bits."""
    base, last = 0x20010DB8 << 96, (1 << 128) - 1
    addresses = AddressSet(16)
    for address in (*range(base, base + 70_000), last, last - 1, *range(1000, 1 << 90, 1 << 80)):
        addresses.add(address)
    assert addresses.first_free(base, base + (1 << 64)) == base + 70_000
    assert addresses.first_free(base, base + 70_000) is None
    assert addresses.first_free(last - 1, last + 1) is None
    addresses.discard(base + 65_000)
    assert addresses.first_free(base + 3, base + (1 << 64)) == base + 65_000
    assert addresses.count(0, 1 << 100) == 1024
    assert list(addresses)[-2:] == [last - 1, last]
    assert sorted(addresses.within(last - 5, last + 1)) == [last - 1, last]
