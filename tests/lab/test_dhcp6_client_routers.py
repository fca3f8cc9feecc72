"""What the router learns from the provider's router: the way to everybody, what to ask for, an address of its own."""

import signal
from dataclasses import replace
from ipaddress import IPv6Interface

import pytest

from tests.lab.conftest import Lab
from tests.lab.provider6 import LINK, MANAGED, ROUTER, SERVER, Terms6, Word
from tests.lab.wan6 import Wan6
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

PREFIXES = Terms6(first="", t1=300, t2=500, preferred=600, valid=900)
UNMANAGED = Word(managed=False, other=False)


@pytest.fixture
def wan(lab: Lab) -> Wan6:
    """Give a scenario a router with a provider's router that is silent yet."""
    return Wan6(lab)


def test_the_default_route_goes_when_the_router_says_that_it_ends(wan: Wan6) -> None:
    wan.gateway.start()
    daemon = wan.daemon(**{"route-preference": 7})
    wan.routed()
    assert "pref=7" in wan.router.ctl("show", "ip6", "fib", "::/0")
    assert wan.state(daemon, "address", "<upstream-router/>") == [ROUTER]
    wan.gateway.stop()
    wan.routed("")
    wan.gateway.start()
    wan.routed()


def test_the_default_route_goes_when_the_router_is_not_heard_any_more(wan: Wan6) -> None:
    wan.gateway.word = replace(MANAGED, lifetime=5)
    wan.gateway.start()
    wan.daemon()
    wan.routed()
    wan.gateway.end(signal.SIGKILL)
    wan.routed("")


def test_the_default_route_leads_to_the_server_where_that_is_wanted(wan: Wan6) -> None:
    wan.gateway.start()
    provider = wan.provider("kea-dhcp6", PREFIXES)
    provider.start()
    daemon = wan.daemon(**{"default-route": "server"})
    wan.agrees(provider)
    wan.routed(SERVER[0])
    wan.act(daemon, "release")
    wan.routed("")


def test_no_default_route_is_made_where_none_is_wanted(wan: Wan6) -> None:
    wan.gateway.start()
    daemon = wan.daemon(**{"default-route": "none"})
    wait_for(lambda: wan.state(daemon, "address", "<upstream-router/>") == [ROUTER], "the router is known")
    assert wan.default_route() == ""


def test_the_router_says_whether_there_is_anything_to_ask_for(wan: Wan6) -> None:
    provider = wan.provider("kea-dhcp6", PREFIXES)
    provider.start()
    wan.gateway.word = UNMANAGED
    wan.gateway.start()
    daemon = wan.daemon()
    wait_for(lambda: wan.state(daemon, "managed-flag", "<upstream-router/>") == ["false"], "the router is known")
    wan.becomes(daemon, "waiting")
    assert (wan.count(daemon, "solicit"), provider.leases()) == (0, [])
    wan.gateway.change(MANAGED)
    wan.agrees(provider)
    wan.becomes(daemon, "bound")


def test_nobody_waits_for_ever_for_a_router(wan: Wan6) -> None:
    """Where none is heard, the client asks all the same, behind three solicitations."""
    provider = wan.provider("kea-dhcp6", PREFIXES)
    provider.start()
    wan.daemon()
    wan.agrees(provider)
    assert wan.default_route() == ""


def test_the_interface_has_an_address_of_its_own_where_that_is_wanted(wan: Wan6) -> None:
    wan.gateway.word = replace(UNMANAGED, autonomous=True)
    wan.gateway.start()
    daemon = wan.daemon(slaac=True, **{"conflict-detection": "probe"})

    def own() -> list[str]:
        return [one for one in wan.addresses(wan.interface) if IPv6Interface(one).ip in LINK]

    (address,) = wait_for(own, "it has an address of the link")
    assert wan.state(daemon, "address", "<slaac-address/>") == [address.split("/")[0]]
    wan.routed()
    wait_for(lambda: wan.works(address.split("/")[0]), "it works, once the router has asked for its neighbour", 10)
    assert daemon.stop() == 0
    assert wan.addresses(wan.interface) == []
    daemon.start()
    wait_for(lambda: own() == [address], "it is the same again (RFC 7217)")
