"""Which delegations are used, and the arithmetic of prefixes, against sets of addresses."""

from ipaddress import IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dhc6pdclient.delegated import bindings, delegation, lease, networks
from vppdhc.dhc6pdclient.bindings import Association, IaKey, IaType
from vppdhc.dhc6pdclient.prefixes import (
    MOST_DELEGATIONS,
    Space,
    delegations_of,
    number_of,
    part,
    usable,
    why_not_for_hosts,
    without,
)

SMALL = IPv6Network("2001:db8::/120")
PARTS = st.integers(120, 128).flatmap(lambda length: st.sampled_from(list(SMALL.subnets(new_prefix=length))))


def addresses(network: IPv6Network) -> set[int]:
    return set(range(int(network.network_address), int(network.broadcast_address) + 1))


def test_only_prefixes_are_delegations() -> None:
    has = bindings(lease("2001:db8:1::/48"), ia7=lease("2001:db8:7::/48"))
    address = Association(IaKey(IaType.NA, 1), (lease("2001:db8:9::1/128"),))
    has = type(has)(associations=(address, *has.associations))
    assert [(one.ia_id, str(one.prefix)) for one in delegations_of(has)] == [
        (1, "2001:db8:1::/48"),
        (7, "2001:db8:7::/48"),
    ]


def test_what_has_ended_is_left_out() -> None:
    assert usable([delegation("2001:db8::/48")], now=7199.9).delegations
    assert usable([delegation("2001:db8::/48")], now=7200) == ((), ())


def test_what_is_deprecated_goes_last() -> None:
    old, new = delegation("2001:db8:1::/48", preferred=0), delegation("2001:db8:2::/48")
    assert usable([old, new], now=1).delegations == (new, old)


def test_what_the_last_reply_left_out_is_deprecated_at_once() -> None:
    old, new = delegation("2001:db8:1::/48"), delegation("2001:db8:2::/48", at=1000)
    found = usable([old, new], now=1000).delegations
    assert [(str(one.prefix), one.preferred_until, one.valid_until) for one in found] == [
        ("2001:db8:2::/48", 4600, 8200),
        ("2001:db8:1::/48", 1000, 7200),
    ]


def test_another_ia_is_another_matter() -> None:
    old, new = delegation("2001:db8:1::/48", 1), delegation("2001:db8:2::/48", 2, at=1000)
    assert usable([old, new], now=1000).delegations == (old, new)


@pytest.mark.parametrize("prefixes", [("2001:db8::/56", "2001:db8::/48"), ("2001:db8::/48", "2001:db8::/48")])
def test_of_two_that_overlap_the_first_one_is_used(prefixes: tuple[str, str]) -> None:
    first, second = (delegation(prefix, ia_id) for ia_id, prefix in enumerate(prefixes, 1))
    found = usable([first, second], now=1)
    assert found.delegations == (first,)
    assert found.problems == (f"{prefixes[1]} of ia-pd 2 is not used, as it overlaps {prefixes[0]} of ia-pd 1",)


def test_of_two_that_overlap_the_one_of_after_a_renumbering_is_used() -> None:
    old, new = delegation("2001:db8::/60"), delegation("2001:db8::/56", at=10)
    assert usable([old, new], now=10).delegations == (new,)


def test_a_server_cannot_have_any_number_of_prefixes_used() -> None:
    many = [delegation(f"2001:db8:{number:x}::/48") for number in range(MOST_DELEGATIONS + 3)]
    found = usable(many, now=1)
    assert found.delegations == tuple(many[:MOST_DELEGATIONS])
    assert found.problems == ("of 19 delegated prefixes, the last 3 are not used",)


def test_no_excluded_prefix_outside_of_the_delegated_one() -> None:
    for excluded in ("2001:db8:2::/64", "2001:db8:1::/48", "2001:db8::/32"):
        with pytest.raises(ValueError, match=f"{excluded} is not a part of 2001:db8:1::/48"):
            delegation("2001:db8:1::/48", excluded=excluded)


@pytest.mark.parametrize("prefix", ["::/0", "2000::/3", "fe80::/64", "ff02::/64", "::1/128", "::ffff:0:0/96"])
def test_what_hosts_cannot_have(prefix: str) -> None:
    assert why_not_for_hosts(IPv6Network(prefix))


@pytest.mark.parametrize("prefix", ["2001:db8::/32", "fd00::/48", "2001:db8::1/128", "2400::/16"])
def test_what_hosts_can_have(prefix: str) -> None:
    assert not why_not_for_hosts(IPv6Network(prefix))


@given(PARTS)
def test_numbers_of_parts(network: IPv6Network) -> None:
    number = number_of(SMALL, network)
    assert list(SMALL.subnets(new_prefix=network.prefixlen))[number] == network
    assert part(SMALL, network.prefixlen, number) == network


@given(st.lists(PARTS, max_size=3), PARTS)
def test_what_is_left_without_a_part(many: list[IPv6Network], taken: IPv6Network) -> None:
    for network in many:
        left = list(without([network], taken))
        assert set().union(*map(addresses, left)) == addresses(network) - addresses(taken)
        assert sum(one.num_addresses for one in left) == len(addresses(network) - addresses(taken)), "none twice"
        assert left == sorted(left)
    assert list(without(many, taken)) == [left for network in many for left in without([network], taken)]


def test_the_rest_is_as_few_networks_as_can_be() -> None:
    assert list(without(networks("fd00::/48"), IPv6Network("fd00::/50"))) == networks(
        "fd00:0:0:4000::/50", "fd00:0:0:8000::/49"
    )


@given(st.lists(st.tuples(st.integers(120, 128), st.booleans(), PARTS), max_size=30))
def test_space_is_what_a_set_of_addresses_says(steps: list[tuple[int, bool, IPv6Network]]) -> None:
    space, taken = Space(SMALL), set[int]()
    for length, first, network in steps:
        free = next((one for one in SMALL.subnets(new_prefix=length) if taken.isdisjoint(addresses(one))), None)
        assert space.first_free(length) == free
        wanted = free if first else network
        if wanted is None:
            continue
        holder = space.holder(wanted)
        assert (holder is None) == taken.isdisjoint(addresses(wanted))
        if holder is None:
            space.take(wanted, str(wanted))
            taken |= addresses(wanted)
        else:
            assert not addresses(holder[0]).isdisjoint(addresses(wanted))
            assert str(holder[0]) == holder[1]


def test_nothing_larger_than_the_whole_is_free() -> None:
    assert Space(SMALL).first_free(119) is None
