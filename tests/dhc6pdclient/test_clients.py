"""All clients together: in greenlets, under the supervisor, with time that passes by itself."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path

import gevent
import pytest

from tests.dhc6pdclient.running import FAST, WANS, Machine, bound, started
from tests.dhc6pdclient.world import ADDRESS, BOTH, NA, PD, PREFIX
from tests.vpp.conftest import until
from vppdhc.dhc6pdclient.config import DefaultRoute, OnStop
from vppdhc.dhc6pdclient.demand import Flags
from vppdhc.dhc6pdclient.states import State
from vppdhc.interface import Interface
from vppdhc.packet.options6 import Option


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    try:
        yield made
    finally:
        made.supervisor.stop_all()


def test_a_client_on_each_interface(machine: Machine) -> None:
    machine.clients.configure(dict.fromkeys(WANS, FAST))
    machine.connect(*WANS.values())
    until(bound(machine, "wan0", "wan1"), "both are bound")
    assert machine.has("wan0") == ["2001:db8:100::/56"]
    assert machine.has("wan1") == ["2001:db8:200::/56"]
    assert machine.wanted == [frozenset(WANS)]
    assert sorted((event.interface, str(event.kind)) for event in machine.events) == [
        ("wan0", "prefix-delegated"),
        ("wan1", "prefix-delegated"),
    ]
    assert machine.clients.learned("wan0")[Option.DNS_SERVERS] == IPv6Address("2001:db8::53").packed
    assert machine.clients.learned("nowhere") == {}
    assert sorted(path.name for path in (machine.directory / "dhc6pdclient").iterdir()) == ["wan0.json", "wan1.json"]
    until(lambda: machine.settled == 1, "it is said that all have begun")
    assert [tenant.runs for tenant in machine.tenants.values()] == [1, 1]


def test_nothing_happens_before_vpp_is_there(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST})
    machine.change(WANS["wan0"])
    gevent.idle()
    assert machine.state() is State.LINK_DOWN
    assert machine.heard == []
    assert machine.settled == 0
    machine.clients.vpp_connected()
    until(bound(machine), "it is bound")


def test_nothing_happens_before_the_interface_has_a_link_local_address(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST})
    machine.connect(replace(WANS["wan0"], link_local=None))
    gevent.idle()
    assert machine.state() is State.LINK_DOWN
    assert machine.heard == []
    until(lambda: machine.settled == 1, "it keeps nobody waiting")
    machine.change(WANS["wan0"])
    until(bound(machine), "it is bound")


def test_without_clients_all_have_begun_at_once(machine: Machine) -> None:
    machine.clients.configure({})
    machine.connect(*WANS.values())
    until(lambda: machine.settled == 1, "it is said")
    machine.lose()
    machine.connect(*WANS.values())
    gevent.idle()
    assert machine.settled == 1


def test_what_came_from_routers_has_time_to_come_again(machine: Machine) -> None:
    started(machine, replace(FAST, on_stop=OnStop.KEEP))
    until(lambda: machine.settled == 1, "it is said")
    machine.start_again(routers_within=0.2)
    started(machine)
    assert machine.settled == 1, "the routers may not have been heard yet"
    until(lambda: machine.settled == 2, "it is said all the same")


def test_vpp_goes_and_comes(machine: Machine) -> None:
    started(machine)
    machine.lose()
    until(lambda: machine.state() is State.LINK_DOWN, "it knows")
    machine.connect(replace(WANS["wan0"], index=7))
    until(bound(machine), "it is bound again")
    assert machine.heard == [("wan0", "solicit"), ("wan0", "rebind")]
    assert machine.has() == [PREFIX]


@pytest.mark.parametrize(
    "gone",
    [
        (replace(WANS["wan0"], link_up=False),),
        (replace(WANS["wan0"], admin_up=False),),
        (replace(WANS["wan0"], link_local=None),),
        (),
    ],
    ids=["without carrier", "down", "without a link-local address", "gone"],
)
def test_interface_goes_and_comes(machine: Machine, gone: tuple[Interface, ...]) -> None:
    started(machine)
    heard = len(machine.heard)
    machine.change(*gone)
    until(lambda: machine.state() is State.LINK_DOWN, "it knows")
    machine.change(WANS["wan0"])
    until(bound(machine), "it is bound again")
    assert machine.heard[heard:] == [("wan0", "rebind")]


def test_other_changes_of_the_interface_wake_nobody(machine: Machine) -> None:
    started(machine)
    machine.change(replace(WANS["wan0"], addresses6=(IPv6Interface("2001:db8::50/128"),)))
    gevent.idle()
    assert machine.heard == [("wan0", "solicit")]
    machine.change(replace(WANS["wan0"], table6=5))
    until(lambda: machine.heard[-1] == ("wan0", "rebind"), "another table is another place")
    until(bound(machine), "it is bound again")
    machine.change(replace(WANS["wan0"], table6=5, link_local=IPv6Address("fe80::77")))
    until(lambda: machine.heard[1:] == [("wan0", "rebind")] * 2, "another address is somebody else")


def test_another_duid_makes_somebody_else_of_those_alone_who_go_by_it(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST, "wan1": replace(FAST, client_duid=b"\0\4my own")})
    machine.connect(*WANS.values())
    until(bound(machine, *WANS), "both are bound")
    machine.heard.clear()
    machine.duid = b"\0\4another"
    machine.clients.duid_changed()
    until(lambda: machine.heard == [("wan0", "release"), ("wan0", "solicit")], "it begins anew")
    until(bound(machine, *WANS), "both are bound")


def test_configured_otherwise_without_an_interruption_of_others(machine: Machine) -> None:
    machine.clients.configure(dict.fromkeys(WANS, FAST))
    machine.connect(*WANS.values())
    until(bound(machine, "wan0", "wan1"), "both are bound")
    heard = len(machine.heard)
    config = replace(FAST, default_route=DefaultRoute.NONE)
    machine.clients.configure({"wan0": config, "wan1": FAST})
    until(lambda: len(machine.heard) > heard, "one asks again")
    until(bound(machine, "wan0", "wan1"), "both are bound")
    assert machine.heard[heard:] == [("wan0", "rebind")]
    assert machine.tenants["wan0"].config == config
    assert machine.tenants["wan1"].config == FAST


def test_removed_and_there_again(machine: Machine) -> None:
    started(machine)
    tenant = machine.tenants["wan0"]
    machine.clients.configure({})
    until(lambda: not machine.clients.clients, "it has ended")
    assert tenant.has == []
    assert tenant.stopped == 1
    assert machine.learned[-1] == ("wan0", {})
    assert machine.wanted[-1] == frozenset()
    machine.clients.configure({"wan0": FAST})
    until(bound(machine), "another one is bound")


def test_removed_and_there_again_at_once(machine: Machine) -> None:
    started(machine)
    first = machine.clients.clients["wan0"]
    machine.clients.configure({})
    machine.clients.configure({"wan0": FAST})
    until(lambda: bound(machine)() and machine.clients.clients["wan0"] is not first, "another one is bound")
    assert machine.has() == [PREFIX]


@pytest.mark.parametrize("on_stop", list(OnStop))
def test_stop(machine: Machine, on_stop: OnStop) -> None:
    machine.clients.configure({name: replace(FAST, on_stop=on_stop) for name in WANS})
    machine.connect(*WANS.values())
    until(bound(machine, "wan0", "wan1"), "both are bound")
    assert machine.clients.stop(10)
    assert machine.has() == ([PREFIX] if on_stop is OnStop.KEEP else [])
    assert (("wan0", "release") in machine.heard) is (on_stop is OnStop.RELEASE)
    assert machine.tenants["wan0"].withdrawn is (on_stop is not OnStop.KEEP), "also what came from routers"
    assert machine.clients.clients == {}
    assert [tenant.stopped for tenant in machine.tenants.values()] == [1, 1]


def test_stop_without_clients(machine: Machine) -> None:
    assert machine.clients.stop(0)


@pytest.mark.parametrize("on_stop", list(OnStop))
def test_nothing_stays_of_a_client_that_is_removed(machine: Machine, on_stop: OnStop) -> None:
    started(machine, replace(FAST, on_stop=on_stop))
    tenant = machine.tenants["wan0"]
    machine.clients.configure({})
    until(lambda: not machine.clients.clients, "it has ended")
    assert tenant.withdrawn


def test_a_stop_does_not_wait_for_a_server_to_take_everything_away(machine: Machine) -> None:
    started(machine, replace(FAST, on_stop=OnStop.RELEASE))
    machine.server.silent = True
    assert not machine.clients.stop(0.2)
    assert machine.heard[-1] == ("wan0", "release")
    assert machine.tenants["wan0"].withdrawn


def test_the_next_daemon_asks_for_the_same_lease(machine: Machine) -> None:
    started(machine, replace(FAST, on_stop=OnStop.KEEP))
    machine.start_again()
    started(machine)
    assert machine.heard == [("wan0", "rebind")]
    assert machine.has() == [PREFIX]
    until(lambda: machine.settled == 2, "it is said that all have begun")


def test_the_next_daemon_wishes_what_it_has_given_back(machine: Machine) -> None:
    started(machine, replace(FAST, on_stop=OnStop.RELEASE))
    machine.start_again()
    started(machine)
    assert machine.heard == [("wan0", "solicit")]


def test_operator(machine: Machine) -> None:
    started(machine)
    machine.clients.renew("wan0")
    until(lambda: len(machine.heard) == 2, "it renews")
    until(bound(machine), "it is bound")
    machine.clients.rebind("wan0")
    until(lambda: len(machine.heard) == 3, "it rebinds")
    until(bound(machine), "it is bound")
    machine.clients.release("wan0")
    until(lambda: machine.state() is State.RELEASED, "it has released")
    assert machine.heard == [("wan0", kind) for kind in ("solicit", "renew", "rebind", "release")]
    assert machine.has() == []
    for act in (machine.clients.renew, machine.clients.rebind, machine.clients.release):
        with pytest.raises(KeyError):
            act("nowhere")


@pytest.mark.parametrize("act", ["renew", "rebind", "release"])
def test_operator_while_it_is_asked_who_else_has_the_address(machine: Machine, act: str) -> None:
    machine.probing = True
    machine.clients.configure({"wan0": replace(BOTH, rapid_commit=True)})
    machine.connect(*WANS.values())
    until(lambda: machine.probes, "it is asked")
    getattr(machine.clients, act)("wan0")
    machine.probing = False
    until(lambda: machine.heard == [("wan0", "solicit"), ("wan0", act)], "what the operator wants is done")
    until(lambda: machine.state() is (State.RELEASED if act == "release" else State.BOUND), "it is over")
    assert machine.has() == ([] if act == "release" else [PREFIX, ADDRESS])


def test_a_release_by_an_operator_does_not_keep_a_conflict_from_the_server(machine: Machine) -> None:
    machine.probing = True
    machine.clients.configure({"wan0": replace(BOTH, rapid_commit=True)})
    machine.connect(*WANS.values())
    until(lambda: machine.probes, "it is asked")
    machine.tenants["wan0"].taken.add(ADDRESS)
    machine.clients.release("wan0")
    machine.probing = False
    until(lambda: machine.state() is State.RELEASED, "it has released")
    assert machine.heard == [("wan0", kind) for kind in ("solicit", "decline", "release")]
    declined, released = machine.server.heard[-2:]
    assert list(declined.ias) == [NA]
    assert list(released.ias) == [PD]
    assert declined.wishes(NA) == [ADDRESS]


def test_routers_say_what_to_ask_for(machine: Machine) -> None:
    machine.flags.clear()
    machine.clients.configure({"wan0": replace(BOTH, rapid_commit=True)})
    machine.connect(*WANS.values())
    until(lambda: machine.state() is State.WAITING, "it waits for a router")
    before = machine.tenants["wan0"].changes
    machine.clients.routers_changed("nowhere")
    machine.flags["wan0"] = Flags(managed=False, other=True)
    machine.clients.routers_changed("wan0")
    until(bound(machine), "it is bound")
    assert list(machine.server.heard[-1].ias) == [PD]
    assert machine.tenants["wan0"].changes == before + 1


def test_routers_that_say_the_same_do_not_wake_the_client(machine: Machine) -> None:
    machine.providers["wan0"].server.silent = True
    machine.clients.configure({"wan0": FAST})
    machine.connect(*WANS.values())
    until(lambda: machine.heard, "it looks for servers")
    first, before = machine.server.heard[0].message.transaction_id, machine.tenants["wan0"].changes
    for _ in range(3):
        machine.clients.routers_changed("wan0")
    until(lambda: len(machine.heard) == 2, "it repeats its message")
    assert machine.server.heard[1].message.transaction_id == first
    assert machine.tenants["wan0"].changes == before + 3


def test_what_vpp_refuses_is_said_as_long_as_it_does(machine: Machine) -> None:
    started(machine)
    journal = machine.clients.clients["wan0"].journal
    for problem in ("VPP refuses a route", "VPP refuses another one", ""):
        machine.tenants["wan0"].problem = problem
        machine.clients.look_again()
        assert journal.problem == problem
    assert [event.text for event in machine.events if event.kind == "problem"] == [
        "VPP refuses a route",
        "VPP refuses another one",
    ]


def test_what_vpp_does_not_refuse_any_more_is_not_the_only_problem(machine: Machine) -> None:
    started(machine)
    journal = machine.clients.clients["wan0"].journal
    machine.tenants["wan0"].problem = "VPP refuses a route"
    machine.clients.look_again()
    journal.trouble("no server answers")
    machine.tenants["wan0"].problem = ""
    machine.clients.look_again()
    assert journal.problem == "no server answers"


def test_the_tenant_hears_of_its_interface_also_while_no_packets_pass(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST})
    machine.connect(replace(WANS["wan0"], link_up=False))
    assert machine.tenants["wan0"].changes == 1
    machine.change()
    assert machine.tenants["wan0"].changes == 2
    assert machine.state() is State.LINK_DOWN


def test_datagrams_for_nobody_are_counted(machine: Machine) -> None:
    machine.clients.configure({"wan0": FAST})
    machine.connect(*WANS.values())
    machine.source.put([b"", b"\2\0\0\0\0\0\0\0frame", b"\x63\0\0\0\0\0\0\0frame", b"\1\0\0\0\0\0\0\0"])
    until(bound(machine), "the reader goes on")
    assert dict(machine.clients.elsewhere) == {"punt-truncated": 1, "no-client": 2}


def test_a_client_that_fails_is_started_again(machine: Machine) -> None:
    started(machine)
    machine.fails = True
    machine.clients.renew("wan0")
    until(lambda: machine.supervisor.restarts["dhc6pdclient wan0"] == 1, "it has failed")
    until(lambda: len(machine.heard) == 3 and bound(machine)(), "it is bound again")
    assert machine.has() == [PREFIX]
    assert (machine.tenants["wan0"].runs, machine.tenants["wan0"].stopped) == (2, 1)


def test_a_listener_that_fails_harms_nobody(machine: Machine) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("listener")

    machine.clients.on_event(fail)
    machine.clients.on_learned(fail)
    started(machine)
    assert machine.supervisor.restarts["dhc6pdclient wan0"] == 0


def test_what_is_stored_is_of_the_one_interface(machine: Machine) -> None:
    machine.clients.configure(dict.fromkeys(WANS, replace(FAST, on_stop=OnStop.KEEP)))
    machine.connect(*WANS.values())
    until(bound(machine, *WANS), "both are bound")
    machine.start_again()
    for provider in machine.providers.values():
        provider.server.silent = True
    machine.clients.configure(dict.fromkeys(WANS, FAST))
    machine.connect(*WANS.values())
    until(lambda: machine.state("wan0") is machine.state("wan1") is State.CONFIRMING, "they ask")
    assert [IPv6Network(machine.has(name)[0]).network_address.packed[4] for name in WANS] == [1, 2]
