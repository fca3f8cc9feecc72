"""Which LAN gets which part of a delegated prefix."""

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dhc6pdclient.delegated import delegation, delegations
from vppdhc.dhc6pdclient.config import Lan
from vppdhc.dhc6pdclient.prefixes import Delegation
from vppdhc.dhc6pdclient.subprefixes import Assignment, Division, LanPrefix, divide, why_no_interface_id

HOME = "2001:db8:1:ab00::/56"


def had(*assignments: Assignment) -> list[LanPrefix]:
    """What is remembered of assignments."""
    return [
        LanPrefix(one.interface, one.delegation.ia_id, one.delegation.prefix, one.prefix, one.delegation.valid_until)
        for one in assignments
    ]


def shown(division: Division) -> dict[str, str]:
    """Address by interface, where each has one at most."""
    found = {one.interface: str(one.address) for one in division.assignments}
    assert len(found) == len(division.assignments)
    return found


def lans(*names: str) -> list[Lan]:
    return [Lan(name) for name in names]


HOMES = [
    ("2001:db8:1:ab00::/56", {"a": "2001:db8:1:ab00::1/64", "b": "2001:db8:1:ab01::1/64"}),
    ("2001:db8:1:abc0::/60", {"a": "2001:db8:1:abc0::1/64", "b": "2001:db8:1:abc1::1/64"}),
    ("2001:db8:1::/48", {"a": "2001:db8:1::1/64", "b": "2001:db8:1:1::1/64"}),
    ("2001:db8:1:2::/64", {"a": "2001:db8:1:2::1/64"}),
    ("2001:db8:1:2::/65", {}),
]


@pytest.mark.parametrize(("delegated", "found"), HOMES)
def test_usual_homes(delegated: str, found: dict[str, str]) -> None:
    division = divide([delegation(delegated)], lans("a", "b"))
    assert shown(division) == found
    assert division.problems == tuple(
        f"{name} gets no prefix: {delegated} has no /64 left: ask the provider for a larger prefix "
        "(prefix-length-hint), or name fewer LANs"
        for name in ("a", "b")
        if name not in found
    )


def test_a_configured_number_goes_first() -> None:
    wanted = [Lan("a"), Lan("b", subnet_id=0), Lan("c", subnet_id=0xAA), Lan("d")]
    assert shown(divide([delegation(HOME)], wanted)) == {
        "a": "2001:db8:1:ab01::1/64",
        "b": "2001:db8:1:ab00::1/64",
        "c": "2001:db8:1:abaa::1/64",
        "d": "2001:db8:1:ab02::1/64",
    }


def test_numbers_count_parts_of_the_lans_own_length() -> None:
    wanted = [Lan("a", subnet_id=1, prefix_length=60), Lan("b", prefix_length=72), Lan("c")]
    assert shown(divide([delegation(HOME)], wanted)) == {
        "a": "2001:db8:1:ab10::1/60",
        "b": "2001:db8:1:ab00::1/72",
        "c": "2001:db8:1:ab01::1/64",
    }


REFUSED = [
    (HOME, Lan("a", subnet_id=256), "has no /64 with subnet-id 256, the last one is 255: give a lower one"),
    (HOME, Lan("a", subnet_id=0xFFFFFFFF), "the last one is 255: give a lower one"),
    ("2001:db8::/64", Lan("a", subnet_id=1), "the last one is 0: give a lower one, or ask the provider for a larger"),
    (HOME, Lan("a", subnet_id=0, prefix_length=55), "has no /55 left: ask the provider for a larger prefix"),
    (HOME, Lan("a", prefix_length=48), "has no /48 left: ask the provider for a larger prefix"),
    (HOME, Lan("a", ia_id=7), "there is none for ia-pd 7"),
    (HOME, Lan("a", interface_id=IPv6Address("::")), "interface-id :: of a is reserved"),
]


@pytest.mark.parametrize(("delegated", "lan", "words"), REFUSED)
def test_reasons(delegated: str, lan: Lan, words: str) -> None:
    division = divide([delegation(delegated)], [lan, Lan("good")])
    assert list(shown(division)) == ["good"]
    (problem,) = division.problems
    assert words in problem


def test_of_two_configured_parts_that_overlap_the_first_one_is_used() -> None:
    division = divide([delegation(HOME)], [Lan("a", subnet_id=1, prefix_length=60), Lan("b", subnet_id=0x1F)])
    assert shown(division) == {"a": "2001:db8:1:ab10::1/60"}
    assert division.problems == (
        "b gets no prefix: 2001:db8:1:ab1f::/64, with subnet-id 31, overlaps 2001:db8:1:ab10::/60 of a: "
        "give another one",
    )


def test_the_providers_link_is_nobodys() -> None:
    division = divide([delegation(HOME, excluded="2001:db8:1:ab00::/64")], [Lan("a", subnet_id=0), Lan("b")])
    assert shown(division) == {"b": "2001:db8:1:ab01::1/64"}
    assert "overlaps 2001:db8:1:ab00::/64 of the provider's link" in division.problems[0]


def test_each_delegation_has_a_part_for_a_lan_that_names_none() -> None:
    division = divide([delegation("2001:db8:1::/56", 1), delegation("2001:db8:2::/56", 2)], [Lan("a"), Lan("b", 2)])
    assert [(one.interface, str(one.address)) for one in division.assignments] == [
        ("a", "2001:db8:1::1/64"),
        ("a", "2001:db8:2::1/64"),
        ("b", "2001:db8:2:1::1/64"),
    ]
    assert division.problems == ()


def test_without_any_delegation_nothing_is_wrong_with_the_lans() -> None:
    assert divide([], [Lan("a", ia_id=3)]) == ((), ())


# --- stability


def test_a_lan_keeps_its_part_when_others_come_and_go() -> None:
    home = [delegation(HOME)]
    first = divide(home, lans("a", "b", "c"))
    second = divide(home, lans("new", "c"), had(*first.assignments))
    assert shown(second) == {"new": "2001:db8:1:ab00::1/64", "c": "2001:db8:1:ab02::1/64"}


def test_a_lan_gives_way_to_one_that_is_configured_to_have_its_part() -> None:
    home = [delegation(HOME)]
    first = divide(home, lans("a"))
    second = divide(home, [Lan("a"), Lan("b", subnet_id=0)], had(*first.assignments))
    assert shown(second) == {"a": "2001:db8:1:ab01::1/64", "b": "2001:db8:1:ab00::1/64"}


def test_a_renumbering_changes_no_number() -> None:
    first = divide([delegation(HOME)], lans("a", "b", "c"))
    second = divide([delegation("2001:db8:2:cd00::/56")], lans("c", "b"), had(*first.assignments))
    assert shown(second) == {"b": "2001:db8:2:cd01::1/64", "c": "2001:db8:2:cd02::1/64"}


def test_a_number_that_does_not_fit_any_more_is_replaced() -> None:
    first = divide([delegation(HOME)], lans("a", "b"))
    second = divide([delegation("2001:db8:2:2::/64")], lans("b"), had(*first.assignments))
    assert shown(second) == {"b": "2001:db8:2:2::1/64"}


def test_a_lan_of_another_length_begins_anew() -> None:
    first = divide([delegation(HOME)], lans("a", "b"))
    second = divide([delegation(HOME)], [Lan("b", prefix_length=60)], had(*first.assignments))
    assert shown(second) == {"b": "2001:db8:1:ab00::1/60"}


def test_the_same_prefix_counts_more_than_another_one_and_the_latest_more_than_earlier_ones() -> None:
    def was(delegated: str, part: str) -> LanPrefix:
        return had(*divide([delegation(delegated)], [Lan("a", subnet_id=int(part, 16))]).assignments)[0]

    before = [was("2001:db8:2::/56", "2"), was("2001:db8:3::/56", "3"), was(HOME, "1")]
    assert shown(divide([delegation(HOME)], lans("a"), before)) == {"a": "2001:db8:1:ab01::1/64"}
    assert shown(divide([delegation("2001:db8:4::/56")], lans("a"), before)) == {"a": "2001:db8:4:2::1/64"}


def test_four_thousand_lans_get_a_part_each() -> None:
    names = [f"lan.{number}" for number in range(4094)]
    division = divide([delegation("2001:db8::/48")], lans(*names))
    assert shown(division)["lan.4093"] == "2001:db8:0:ffd::1/64"
    assert len({one.prefix for one in division.assignments}) == 4094


# --- at random

ANY_LAN = st.builds(
    Lan,
    st.sampled_from("abcdefgh"),
    st.none() | st.integers(1, 2),
    st.none() | st.integers(0, 20),
    st.sampled_from([56, 60, 63, 64, 72]),
)
ANY_LANS = st.lists(ANY_LAN, max_size=8, unique_by=lambda lan: lan.interface)


def well_divided(delegated: list[Delegation], lans_: list[Lan], division: Division) -> None:
    found = division.assignments
    assert not any(one.prefix.overlaps(other.prefix) for one in found for other in found if one is not other)
    by_name = {lan.interface: lan for lan in lans_}
    for one in found:
        lan, excluded = by_name[one.interface], one.delegation.excluded
        assert one.delegation in delegated
        assert one.prefix.subnet_of(one.delegation.prefix)
        assert excluded is None or not one.prefix.overlaps(excluded)
        assert lan.ia_id in (None, one.delegation.ia_id)
        assert one.prefix.prefixlen == lan.prefix_length
        assert lan.subnet_id is None or one.prefix[0] == one.delegation.prefix[lan.subnet_id * one.prefix.num_addresses]
        assert one.address.ip == one.prefix[1]
    missing = sum(
        len([one for one in delegated if lan.ia_id in (None, one.ia_id)])
        - len([one for one in found if one.interface == lan.interface])
        for lan in lans_
    )
    waiting = [lan for lan in lans_ if delegated and lan.ia_id not in (None, *(one.ia_id for one in delegated))]
    assert len(division.problems) == missing + len(waiting), "a reason for each that is missing"


def apart(many: list[Delegation]) -> bool:
    return not any(one.prefix.overlaps(other.prefix) for one in many for other in many if one is not other)


ANY_DELEGATIONS = st.lists(delegations(shortest=48), max_size=3).filter(apart)


@given(ANY_DELEGATIONS, ANY_LANS)
def test_parts_never_overlap(delegated: list[Delegation], lans_: list[Lan]) -> None:
    well_divided(delegated, lans_, divide(delegated, lans_))


@given(ANY_DELEGATIONS, ANY_LANS)
def test_dividing_again_changes_nothing(delegated: list[Delegation], lans_: list[Lan]) -> None:
    first = divide(delegated, lans_)
    assert divide(delegated, lans_, had(*first.assignments)) == first


@given(delegations(shortest=52), ANY_LANS, ANY_LANS)
def test_others_that_come_and_go_change_nothing(delegated: Delegation, before: list[Lan], after: list[Lan]) -> None:
    first = divide([delegated], before)
    stay = [lan for lan in before if lan.subnet_id is None]
    names = {lan.interface for lan in stay}
    others = [lan for lan in after if lan.interface not in names and lan.subnet_id is None]
    second = divide([delegated], [*others, *stay], had(*first.assignments))
    well_divided([delegated], [*others, *stay], second)
    parts = {one.interface: one.prefix for one in second.assignments}
    for one in first.assignments:
        if one.interface in names:
            assert parts[one.interface] == one.prefix


# --- interface ids


@pytest.mark.parametrize(
    ("interface_id", "length"),
    [("::1", 64), ("::1", 48), ("::1:0:0:1", 64), ("::fdff:ffff:ffff:ff7f", 64), ("::5eff:fe00:0", 64), ("::1", 126),
     ("::7f", 120), ("::1", 120), ("::3", 126)],
)  # fmt: skip
def test_interface_ids(interface_id: str, length: int) -> None:
    assert why_no_interface_id(Lan("a", prefix_length=length, interface_id=IPv6Address(interface_id))) == ""


@pytest.mark.parametrize(
    ("interface_id", "length", "words"),
    [
        ("::", 64, "is reserved"),
        ("::", 72, "is reserved"),
        ("::200:5eff:fe00:0", 64, "is reserved"),
        ("::200:5eff:fe00:5213", 64, "is reserved"),
        ("::200:5eff:feff:ffff", 64, "is reserved"),
        ("::fdff:ffff:ffff:ff80", 64, "is reserved"),
        ("::fdff:ffff:ffff:ffff", 48, "is reserved"),
        ("::80", 120, "is reserved"),
        ("::ff", 120, "is reserved"),
        ("::100", 120, "has more than 8 bits"),
        ("::1:0:0:0:1", 64, "has more than 64 bits"),
        ("::1:0:0:0:1", 48, "has more than 64 bits"),
    ],
)
def test_interface_ids_that_no_host_has(interface_id: str, length: int, words: str) -> None:
    reason = why_no_interface_id(Lan("lan0", prefix_length=length, interface_id=IPv6Address(interface_id)))
    assert reason.startswith(f"interface-id {IPv6Address(interface_id)} of lan0 {words}")
    assert reason.endswith(": give another one")
