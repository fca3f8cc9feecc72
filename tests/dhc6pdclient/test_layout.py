"""All that follows from delegated prefixes, over renumberings, outages and restarts."""

import json
import math
from dataclasses import replace
from ipaddress import IPv6Interface, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dhc6pdclient.delegated import INFINITY, bindings, lease, networks
from vppdhc.dhc6pdclient.bindings import Bindings
from vppdhc.dhc6pdclient.config import ClientConfig, Lan
from vppdhc.dhc6pdclient.layout import Layout, lay_out, next_change
from vppdhc.dhc6pdclient.memory import LONGEST_STALE, MOST_GONE, NO_MEMORY, Memory, from_json
from vppdhc.interface import Interface
from vppdhc.vpp.items import InterfaceAddress, NptBinding, Route

WAN = Interface("wan0", 1, bytes(6), admin_up=True, link_up=True, table6=5)
LANS = ClientConfig(lans=(Lan("lan0"), Lan("lan1")))
NPT = ClientConfig(npt66=True, internal_prefix=IPv6Network("fd00::/48"))
OLD, NEW = "2001:db8:1::/56", "2001:db8:2::/56"


def laid(has: Bindings, before: Memory = NO_MEMORY, now: float = 0, config: ClientConfig = LANS) -> Layout:
    return lay_out(config, WAN, has, before, now)


def hosts(layout: Layout, now: float, interface: str = "lan0") -> dict[str, tuple[int, int]]:
    """What the hosts of a LAN hear: lifetimes by prefix."""
    return {str(one.prefix): one.lifetimes(now) for one in layout.advertised.get(interface, ())}


def addresses(layout: Layout) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in layout.items:
        if isinstance(item, InterfaceAddress):
            found.setdefault(item.interface, []).append(str(item.address))
    return found


def external(layout: Layout) -> list[str]:
    return [str(item.external) for item in layout.items if isinstance(item, NptBinding)]


def test_nothing_delegated() -> None:
    assert laid(bindings()) == Layout()
    assert next_change(bindings(), Layout(), 0) == math.inf


def test_tables() -> None:
    def tables(config: ClientConfig) -> set[int]:
        return {item.table for item in laid(bindings(lease(OLD)), config=config).items if isinstance(item, Route)}

    assert tables(LANS) == {5}
    assert tables(replace(LANS, route_table=0)) == {0}


def test_a_renewal_changes_only_times() -> None:
    first = laid(bindings(lease(OLD)))
    second = laid(bindings(lease(OLD, granted_at=1000)), first.memory, 1000)
    assert second.items == first.items
    assert hosts(first, 1000) == {"2001:db8:1::/64": (2600, 6200)}
    assert hosts(second, 1000) == {"2001:db8:1::/64": (3600, 7200)}


def test_a_renumbering_that_takes_the_old_prefix_away() -> None:
    first = laid(bindings(lease(OLD)))
    second = laid(bindings(lease(NEW, granted_at=1000)), first.memory, 1000)
    assert addresses(first) == {"lan0": ["2001:db8:1::1/64"], "lan1": ["2001:db8:1:1::1/64"]}
    assert addresses(second) == {"lan0": ["2001:db8:2::1/64"], "lan1": ["2001:db8:2:1::1/64"]}
    assert hosts(second, 1000) == {"2001:db8:2::/64": (3600, 7200), "2001:db8:1::/64": (0, 0)}
    assert hosts(second, 1000, "lan1") == {"2001:db8:2:1::/64": (3600, 7200), "2001:db8:1:1::/64": (0, 0)}


def test_a_renumbering_that_leaves_the_old_prefix_its_time() -> None:
    first = laid(bindings(lease(OLD)))
    has = bindings(lease(NEW, granted_at=1000), lease(OLD))
    second = laid(has, first.memory, 1000)
    assert hosts(second, 1000) == {"2001:db8:2::/64": (3600, 7200), "2001:db8:1::/64": (0, 6200)}
    assert addresses(second)["lan0"] == ["2001:db8:2::1/64", "2001:db8:1::1/64"]
    assert next_change(has, second, 1000) == 3600
    assert next_change(has, second, 3600) == 4600
    third = laid(has, second.memory, 7200)
    assert addresses(third)["lan0"] == ["2001:db8:2::1/64"]
    assert hosts(third, 7200) == {"2001:db8:2::/64": (0, 1000)}, "what has ended is nothing that hosts believe in"


def test_a_renumbering_replaces_the_binding_in_one_step() -> None:
    first = laid(bindings(lease(OLD)), config=NPT)
    for has in (bindings(lease(NEW, granted_at=9)), bindings(lease(NEW, granted_at=9), lease(OLD))):
        second = laid(has, first.memory, 9, NPT)
        assert (external(first), external(second)) == ([OLD], [NEW])
        (before, after) = (
            next(item for item in layout.items if isinstance(item, NptBinding)) for layout in (first, second)
        )
        assert before.slot == after.slot, "VPP is told of the new one in place of the old one"


def test_the_binding_goes_with_its_prefix() -> None:
    first = laid(bindings(lease(OLD)), config=NPT)
    assert external(laid(bindings(lease(OLD)), first.memory, 7199, NPT)) == [OLD]
    assert laid(bindings(lease(OLD)), first.memory, 7200, NPT).items == ()


def test_problems_of_all_kinds() -> None:
    config = replace(LANS, lans=(Lan("lan0", subnet_id=999),))
    found = laid(bindings(lease(OLD), ia7=lease(OLD)), config=config).problems
    assert [problem.split(",")[0] for problem in found] == [
        "2001:db8:1::/56 of ia-pd 7 is not used",
        "lan0 gets no prefix: 2001:db8:1::/56 has no /64 with subnet-id 999",
    ]
    assert "takes prefixes of /64 at most" in laid(bindings(lease("2001:db8::/80")), config=NPT).problems[0]


# --- what hosts are told of what has gone


def test_hosts_are_told_as_long_as_they_may_believe_in_it() -> None:
    first = laid(bindings(lease(OLD)))
    lost = laid(bindings(), first.memory, 1000)
    assert (lost.items, hosts(lost, 1000)) == ((), {"2001:db8:1::/64": (0, 0)})
    assert next_change(bindings(), lost, 1000) == 7200
    assert hosts(laid(bindings(), lost.memory, 7199), 7199) == {"2001:db8:1::/64": (0, 0)}
    assert laid(bindings(), lost.memory, 7200).advertised == {}


def test_hosts_are_not_told_for_ever() -> None:
    first = laid(bindings(lease(OLD, valid=INFINITY)))
    lost = laid(bindings(), first.memory, 1000)
    assert next_change(bindings(), lost, 1000) == 1000 + LONGEST_STALE
    assert next_change(bindings(), laid(bindings(), lost.memory, 5000), 5000) == 1000 + LONGEST_STALE


def test_a_prefix_that_comes_back_is_no_longer_stale() -> None:
    first = laid(bindings(lease(OLD)))
    lost = laid(bindings(), first.memory, 1000)
    again = laid(bindings(lease(OLD, granted_at=1100)), lost.memory, 1100)
    assert hosts(again, 1100) == {"2001:db8:1::/64": (3600, 7200)}
    assert again.memory.gone == ()


def test_the_hosts_of_a_lan_that_is_no_longer_configured_are_told() -> None:
    first = laid(bindings(lease(OLD)))
    second = laid(bindings(lease(OLD)), first.memory, 10, replace(LANS, lans=(Lan("lan1"),)))
    assert hosts(second, 10) == {"2001:db8:1::/64": (0, 0)}
    assert hosts(second, 10, "lan1") == {"2001:db8:1:1::/64": (3590, 7190)}


def test_a_provider_that_renumbers_all_the_time_fills_nothing() -> None:
    memory = NO_MEMORY
    for number in range(100):
        has = bindings(lease(f"2001:db8:{number:x}::/56", valid=INFINITY, granted_at=number))
        layout = laid(has, memory, number)
        memory = layout.memory
    assert len(memory.held) == 2
    assert len(memory.gone) == 2 * MOST_GONE
    told = [str(one.prefix) for one in layout.advertised["lan0"]]
    assert told == [f"2001:db8:{99 - age:x}::/64" for age in range(MOST_GONE + 1)], "the latest"


# --- what is remembered


def test_a_lan_has_the_same_number_after_an_outage() -> None:
    first = laid(bindings(lease(OLD)))
    only = replace(LANS, lans=(Lan("lan1"),))
    second = laid(bindings(lease(OLD)), first.memory, 10, only)
    memory = second.memory
    for now in (8000, 10**9):  # all lifetimes are over
        memory = laid(bindings(), memory, now, only).memory
    after = laid(bindings(lease(NEW, granted_at=10**9)), memory, 10**9, replace(LANS, lans=(Lan("new0"), Lan("lan1"))))
    assert addresses(after) == {"new0": ["2001:db8:2::1/64"], "lan1": ["2001:db8:2:1::1/64"]}


def test_a_lan_that_was_taken_away_is_forgotten_in_time() -> None:
    first = laid(bindings(lease(OLD)))
    assert laid(bindings(), first.memory, 8000, replace(LANS, lans=())).memory == NO_MEMORY


def test_the_translation_stays_over_a_restart() -> None:
    has = bindings(lease(OLD))
    memory = restarted(laid(has, config=NPT).memory)
    both = bindings(lease(NEW, preferred=7000, granted_at=5), lease(OLD, granted_at=5))
    assert external(laid(both, config=NPT, now=5)) == [NEW]
    assert external(laid(both, memory, 5, NPT)) == [OLD]


def restarted(memory: Memory) -> Memory:
    """What is read of what was written."""
    return from_json(json.loads(json.dumps(memory.to_json())))


def test_hosts_are_told_of_what_went_during_a_restart() -> None:
    memory = restarted(laid(bindings(lease(OLD))).memory).moved(-100, 0)
    layout = laid(bindings(lease(NEW, granted_at=20)), memory, 20)
    assert hosts(layout, 20) == {"2001:db8:2::/64": (3600, 7200), "2001:db8:1::/64": (0, 0)}
    assert {one.until for one in layout.memory.gone} == {7100}


def test_on_another_clock_nobody_has_to_be_told_for_longer_than_ever() -> None:
    memory = laid(bindings(lease(NEW)), laid(bindings(lease(OLD, valid=INFINITY))).memory).memory
    assert memory.gone[0].until == LONGEST_STALE
    assert memory.moved(9999, 5).gone[0].until == LONGEST_STALE + 5
    assert memory.moved(-100, 5).gone[0].until == LONGEST_STALE - 100


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        [],
        {"external": "fd00::1/48", "held": [], "gone": []},
        {"external": 1.5, "held": [], "gone": []},
        {"external": None, "held": None, "gone": []},
        {"external": None, "held": [None], "gone": []},
        {"external": None, "held": [{"interface": "lan0"}], "gone": []},
    ],
)
def test_what_was_not_written_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"not as it was written|host bits set"):
        from_json(wrong)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prefix", "2001:db8:9::/64"),
        ("prefix", "x"),
        ("ia-id", "1"),
        ("ia-id", True),
        ("prefix", 5),
        ("interface", 5),
        ("until", math.nan),
        ("until", ""),
    ],
)
def test_a_part_that_was_not_written_is_refused(name: str, value: object) -> None:
    document = laid(bindings(lease(OLD))).memory.to_json()
    document["held"][0][name] = value
    with pytest.raises(
        ValueError, match=r"is no part of a delegated prefix|not as it was written|At least 3 parts|convert"
    ):
        from_json(document)


# --- at random

PREFIXES = st.sampled_from(
    ["2001:db8:1::/56", "2001:db8:1::/60", "2001:db8:2::/56", "2001:db8:3::/64", "2001:db8:4::/48"]
)
STEPS = st.lists(
    st.tuples(
        st.floats(0, 4000),
        st.lists(st.tuples(PREFIXES, st.sampled_from([0, 600, 3600]), st.floats(0, 600)), max_size=3),
        st.lists(st.sampled_from(["lan0", "lan1", "lan2"]), unique=True),
        st.booleans(),
    ),
    max_size=8,
)


@given(STEPS)
def test_hosts_never_hear_more_than_was_delegated(
    steps: list[tuple[float, list[tuple[str, int, float]], list[str], bool]],
) -> None:
    """Whatever comes and goes: VPP has what hosts hear is alive, and they hear of all that they may believe in."""
    now, memory, told = 10_000.0, NO_MEMORY, dict[tuple[str, IPv6Network], float]()
    for passed, leases, names, restart in steps:
        now += passed
        has = bindings(
            *(lease(prefix, preferred=preferred, valid=3600, granted_at=now - age) for prefix, preferred, age in leases)
        )
        layout = laid(has, memory, now, ClientConfig(lans=tuple(map(Lan, names))))
        memory = restarted(layout.memory) if restart else layout.memory
        alive = set()
        for interface, prefixes in layout.advertised.items():
            assert len({one.prefix for one in prefixes}) == len(prefixes)
            for one in prefixes:
                preferred, valid = one.lifetimes(now)
                left = max(
                    (ends.valid_until - now for _, ends in has.leases if ends.prefix == one.delegated), default=0
                )
                assert preferred <= valid <= left
                assert one.stale == (valid == 0)
                alive |= set() if one.stale else {(interface, one.prefix)}
                told[interface, one.prefix] = 0 if one.stale else now + valid
        heard = {(interface, one.prefix) for interface, prefixes in layout.advertised.items() for one in prefixes}
        assert {key for key, until in told.items() if until > now} <= heard
        assert alive == {
            (item.interface, item.address.network) for item in layout.items if isinstance(item, InterfaceAddress)
        }


def test_items_are_what_they_say() -> None:
    items = laid(bindings(lease("2001:db8:4::/64")), config=replace(LANS, lans=(Lan("lan0"),))).items
    assert items == (InterfaceAddress("lan0", IPv6Interface("2001:db8:4::1/64")),)
    assert networks("2001:db8:4::/64") == [one.prefix for one in laid(bindings(lease("2001:db8:4::/64"))).assignments]
