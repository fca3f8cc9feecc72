"""What an operator sees when the provider changes things, or something is not as it should be."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nc.schema import Schema
from tests.northbound.client_wan import WAN, leafs
from tests.northbound.dhc6pdclient_wan import (
    ADDRESS,
    CLIENT,
    DEFAULT,
    ELSEWHERE,
    ISP,
    LAN,
    ON_LAN,
    OTHER_ADDRESS,
    OTHER_ON_LAN,
    OTHER_PREFIX,
    OTHER_REST,
    POOL,
    PREFIX,
    REST,
    TRANSLATING,
    UNREACHABLE,
    Provided6,
)
from tests.northbound.managed import subtree, text, texts

Make = Callable[..., Provided6]

INTERNAL = ("fd00::/48", UNREACHABLE, 255)
"""What is routed to discard where it is translated."""


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Make]:
    """Give a function that makes a router whose daemon runs; nothing in it may fail with a traceback."""
    routers: list[Provided6] = []

    def make(**settings: Any) -> Provided6:
        routers.append(Provided6(tmp_path, **settings))
        routers[0].daemon.start()
        return routers[0]

    try:
        yield make
        assert "Traceback" not in routers[0].daemon.said()
    finally:
        routers[0].close()


def bound(make: Make, **settings: Any) -> Provided6:
    """Make a router whose client has its prefix on the LAN."""
    wan = make(client=CLIENT | {name.replace("_", "-"): value for name, value in settings.items()})
    wan.is_bound()
    return wan


# The prefix changes


def test_a_renumbering_reaches_vpp_and_the_lan(made: Make) -> None:
    wan = made(client=CLIENT | {"ia-na": [{"ia-id": 1}]})
    wan.has(ON_LAN, wan=[ADDRESS], routes=(DEFAULT, REST))
    wan.isp(ELSEWHERE)
    wan.act("renew")
    wan.has(OTHER_ON_LAN, wan=[OTHER_ADDRESS], routes=(DEFAULT, OTHER_REST))
    shown = leafs(wan.client_state(), ".//v:lan-prefix", "interface", "prefix", "deprecated")
    assert shown == [(LAN, "2001:db8:b000::/64", "false"), (LAN, "2001:db8:a000::/64", "true")]


def test_the_server_has_the_client_come_by_a_reconfigure(made: Make) -> None:
    wan = bound(made)
    wan.isp(ELSEWHERE)
    wan.isp("reconfigure renew")
    wan.has(OTHER_ON_LAN, routes=(DEFAULT, OTHER_REST))
    assert wan.counted("reconfigure") == 1


def test_a_server_that_has_forgotten_everything_is_requested_anew(made: Make) -> None:
    wan = bound(made)
    wan.isp("forget")
    wan.act("renew")
    wan.hears("request", more_than=1)
    wan.is_bound()


def test_a_prefix_that_ends_is_taken_away_and_looked_for_again(made: Make, schema: Schema) -> None:
    wan = made(terms=f"{POOL} preferred 3 valid 6 t1 1 t2 2")
    wan.is_bound()
    wan.isp("silent")
    with wan.subscribed(schema, "prefix-lost") as following:
        assert following()["reason"] == "expired"
    wan.has(routes=(DEFAULT,))
    wan.isp("answer")
    wan.is_bound()


def test_a_prefix_that_was_lost_while_the_daemon_was_away_is_told_of(made: Make) -> None:
    wan = bound(made)
    wan.daemon.kill()
    wan.isp(ELSEWHERE)
    wan.isp("forget")
    wan.daemon.start()
    wan.has(OTHER_ON_LAN, routes=(DEFAULT, OTHER_REST))
    shown = leafs(wan.client_state(), ".//v:lan-prefix", "prefix", "deprecated")
    assert shown == [("2001:db8:b000::/64", "false"), ("2001:db8:a000::/64", "true")]


# Translation


def test_the_prefix_is_translated_and_goes_over_to_another_one(made: Make) -> None:
    wan = made(client=TRANSLATING)
    wan.translates(("fd00::/56", PREFIX))
    wan.has(routes=(DEFAULT, INTERNAL))
    wan.isp(ELSEWHERE)
    wan.act("renew")
    wan.translates(("fd00::/56", OTHER_PREFIX))
    shown = wan.client_state()
    (binding,) = leafs(shown, ".//v:npt66-binding", "internal-prefix", "external-prefix", "programmed")
    assert binding == ("fd00::/56", OTHER_PREFIX, "true")
    assert "fd00:0:0:100::/56" in texts(shown, ".//v:npt66-binding/v:outside-prefix")
    assert wan.daemon.stop() == 0
    assert (wan.bindings(), wan.routes()) == ([], [])


def test_a_vpp_that_cannot_translate_is_said(made: Make) -> None:
    wan = made(client=TRANSLATING, options=["--no-npt66"])
    problem = wan.problem()
    assert "npt66" in problem
    assert text(wan.client_state(), ".//v:npt66-binding/v:programmed") == "false"
    with wan.client() as client:
        component = "<system><component><name>dhc6pdclient</name></component></system>"
        assert text(client.get(filter=subtree(component)).data_ele, ".//v:status") == "failed"
    wan.set("<npt66>false</npt66><internal-prefix nc:operation='delete'/>")
    wan.eventually(lambda: texts(wan.client_state(), ".//v:problem") == [], "there is no problem any more")


def test_an_internal_prefix_that_the_provider_delegates_is_said(made: Make) -> None:
    wan = made(client=TRANSLATING | {"internal-prefix": "2001:db8:a000::/48"})
    assert "overlaps the delegated prefix" in wan.problem()
    assert wan.bindings() == []


# Trouble


def test_a_network_that_another_interface_has_is_said(made: Make, schema: Schema) -> None:
    wan = bound(made)
    wan.act("release")
    wan.state_is("released")
    wan.plug("lan2")
    wan.rig.ctl("set interface ip address lan2 2001:db8:a000::99/64")
    with wan.subscribed(schema, "client-problem") as following:
        wan.act("renew")
        told = following()
    assert ON_LAN in told["text"]
    assert "lan2" in told["text"]
    assert text(wan.client_state(), ".//v:lan-prefix/v:programmed") == "false"
    wan.rig.ctl("set interface ip address del lan2 2001:db8:a000::99/64")
    wan.is_bound()
    wan.eventually(lambda: texts(wan.client_state(), ".//v:problem") == [], "there is no problem any more")


def test_more_lans_than_the_prefix_has_parts_are_said(made: Make) -> None:
    wan = made(terms="pool pd 2001:db8:a000::/56 64")
    wan.eventually(lambda: wan.addresses() == [ON_LAN], "the first LAN has all of it")
    wan.plug("lan2")
    wan.knows("lan2")
    wan.set("<lan-interface><name>lan2</name></lan-interface>")
    assert "lan2 gets no prefix: 2001:db8:a000::/64 has no /64 left" in wan.problem()
    assert wan.addresses("lan2") == []


def test_an_address_that_somebody_has_is_declined_and_the_prefix_is_used(made: Make, schema: Schema) -> None:
    wan = made(
        client=CLIENT | {"ia-na": [{"ia-id": 1}], "conflict-detection": "probe"}, terms="pool pd 2001:db8:a000::/54 56"
    )
    wan.is_bound()
    wan.rig.ctl(f"simulate host create squatter interface {WAN} mac 02:00:00:00:99:09")
    assert wan.rig.ctl("simulate host squatter ip6 address 2001:db8:1::1") == ""
    wan.isp(POOL)
    wan.act("renew")
    with wan.subscribed(schema, "address-conflict") as following:
        assert following() == {"client": "dhc6pdclient", "interface": WAN, "address": "2001:db8:1::1"}
    (declined,) = wan.hears("decline")["ias"]
    assert (declined["type"], declined["prefixes"]) == ("ia-na", [ADDRESS])
    assert "other hosts use 2001:db8:1::1" in wan.problem()
    wan.has(ON_LAN, routes=(DEFAULT, REST))
    wan.act("renew")
    wan.has(ON_LAN, wan=["2001:db8:1::2/128"], routes=(DEFAULT, REST))
    wan.eventually(lambda: texts(wan.client_state(), ".//v:problem") == [], "there is no problem any more")


def test_an_address_that_nobody_has_is_used_once_it_was_asked_for(made: Make) -> None:
    wan = made(client=CLIENT | {"ia-na": [{"ia-id": 1}], "conflict-detection": "probe"})
    wan.has(ON_LAN, wan=[ADDRESS], routes=(DEFAULT, REST))


# The provider's router


def test_a_router_that_falls_silent_is_one_until_its_time_is_over(made: Make) -> None:
    wan = made(router="managed other lifetime 5 interval 1")
    wan.is_bound()
    wan.advertise("silent")
    wan.has(ON_LAN, routes=(REST,))


def test_without_flags_nothing_is_asked_for_before_that_is_wanted(made: Make) -> None:
    wan = made(router="interval 600")
    assert "neither M nor O flag" in wan.problem()
    wan.state_is("waiting")
    assert wan.kinds() == []
    wan.set("<mode>stateful</mode>")
    wan.is_bound()


def test_flags_say_what_is_asked_for(made: Make) -> None:
    wan = made(client=CLIENT | {"ia-na": [{"ia-id": 1}]}, router="other interval 600")
    wan.is_bound()
    assert [ia["type"] for ia in wan.hears("solicit")["ias"]] == ["ia-pd"]


def test_information_alone_is_asked_for_and_shown(made: Make, schema: Schema) -> None:
    wan = made(client={"interface": WAN, "mode": "stateless"}, terms=f"{POOL} dns 2001:db8::53")
    wan.state_is("informed")
    assert wan.kinds() == ["information-request"]
    assert texts(wan.client_state(), ".//v:learned/v:name-server") == ["2001:db8::53"]
    assert texts(wan.client_state(), ".//v:ia-state") == []
    with wan.subscribed(schema, "client-bound") as following:
        assert following() == {"client": "dhc6pdclient", "interface": WAN}


def test_where_no_router_is_heard_everything_is_asked_for(made: Make) -> None:
    wan = made(router="none")
    wan.has(ON_LAN, routes=(REST,))
    wan.set("<default-route>server</default-route>")
    wan.has(ON_LAN, routes=(("::/0", ISP, 10), REST))
