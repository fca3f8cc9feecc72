"""A lease over everything that comes back: the daemon, the router, the link. And what is left when the daemon ends."""

import pytest

from tests.lab import management
from tests.lab.conftest import Lab
from tests.lab.provider6 import Provider6, Terms6
from tests.lab.wan6 import Wan6
from tests.waiting import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.long]

BOTH = Terms6(t1=300, t2=500, preferred=600, valid=900)
WISHES = {"ia-pd": [{"ia-id": 1}], "ia-na": [{"ia-id": 2}]}
ADDRESS = {"ia-na": [{"ia-id": 2}]}


@pytest.fixture
def wan(lab: Lab) -> Wan6:
    """Give a scenario a router with a provider's router that advertises itself, and says that there is DHCPv6."""
    wan = Wan6(lab)
    wan.gateway.start()
    return wan


def served(wan: Wan6, kind: str = "kea-dhcp6") -> Provider6:
    """Return a provider's server that serves."""
    provider = wan.provider(kind, BOTH)
    provider.start()
    return provider


def test_a_killed_daemon_rebinds_what_it_had(wan: Wan6) -> None:
    """RFC 8415, 18.2.12: with a prefix by Rebind, as Confirm has none."""
    provider = served(wan)
    daemon = wan.daemon(**WISHES)
    before = wan.agrees(provider, 2)
    daemon.kill()
    assert not wan.differs(before), "VPP keeps it"
    daemon.start()
    wait_for(lambda: wan.count(daemon, "reply") == 1, "the server has confirmed it")
    wan.becomes(daemon, "bound")
    assert wan.agrees(provider, 2) == before
    assert [wan.count(daemon, kind) for kind in ("solicit", "confirm", "rebind")] == [0, 0, 1]
    wan.routed()


@pytest.mark.parametrize("kind", ["kea-dhcp6", "dnsmasq"])
def test_a_killed_daemon_confirms_an_address_that_it_had(wan: Wan6, kind: str) -> None:
    provider = wan.provider(kind, Terms6(delegated=None, t1=300, t2=500, preferred=600, valid=900))
    provider.start()
    daemon = wan.daemon(**ADDRESS)
    before = wan.agrees(provider)
    daemon.kill()
    daemon.start()
    wait_for(lambda: wan.count(daemon, "reply") == 1, "the server has confirmed it")
    wan.becomes(daemon, "bound")
    assert wan.agrees(provider) == before
    assert [wan.count(daemon, kind) for kind in ("solicit", "confirm", "rebind")] == [0, 1, 0]


def test_a_link_that_comes_back_may_be_another_one(wan: Wan6) -> None:
    provider = served(wan)
    daemon = wan.daemon(**WISHES)
    before = wan.agrees(provider, 2)
    wan.becomes(daemon, "bound")
    wan.router.ctl("set", "interface", "state", wan.interface, "down")
    wan.becomes(daemon, "link-down")
    wan.router.ctl("set", "interface", "state", wan.interface, "up")
    wait_for(lambda: wan.count(daemon, "rebind") >= 1 and wan.count(daemon, "reply") >= 2, "it asks again")
    wan.becomes(daemon, "bound")
    assert wan.agrees(provider, 2) == before
    assert wan.count(daemon, "solicit") == 1


def test_a_router_that_comes_back_gets_everything_again(wan: Wan6) -> None:
    provider = served(wan)
    wan.internal = "fd00::/56"
    daemon = wan.daemon(**WISHES | {"npt66": True, "internal-prefix": "fd00::/48"})
    before = wan.agrees(provider, 2)
    wan.routed()
    wan.router.restart()
    assert wan.agrees(provider, 2, seconds=15) == before
    wan.becomes(daemon, "bound")
    wan.routed()
    address = str(before[0].network[0])
    wait_for(lambda: wan.works(address), "it works, once the router has asked for its neighbour", 10)


@pytest.mark.parametrize("kind", ["kea-dhcp6", "dibbler-server"])
def test_an_operator_renews_and_releases(wan: Wan6, kind: str) -> None:
    provider = served(wan, kind)
    daemon = wan.daemon(**WISHES)
    wan.agrees(provider, 2)
    wan.becomes(daemon, "bound")
    wan.act(daemon, "release")
    wan.empty()
    wan.becomes(daemon, "released")
    wait_for(lambda: provider.leases() == [], "the server has it back")
    wan.act(daemon, "renew")
    wan.agrees(provider, 2)


@pytest.mark.parametrize(("on_stop", "left"), [("withdraw", 2), ("release", 0)])
def test_a_stopped_daemon_takes_the_lease_away(wan: Wan6, on_stop: str, left: int) -> None:
    provider = served(wan)
    daemon = wan.daemon(**WISHES | {"on-stop": on_stop})
    wan.agrees(provider, 2)
    wan.routed()
    assert daemon.stop() == 0
    wan.empty(5)
    assert wan.default_route() == ""
    wait_for(lambda: len(provider.leases()) == left, "the server has what was given back")
    if left:
        assert not wan.segment.heard("dhcp6 release")


def test_a_stopped_daemon_leaves_the_lease_where_that_is_wanted(wan: Wan6) -> None:
    """The next one knows what it is, and takes it away when that is wanted."""
    provider = served(wan)
    daemon = wan.daemon(**WISHES | {"on-stop": "keep"})
    before = wan.agrees(provider, 2)
    wan.routed()
    assert daemon.stop() == 0
    assert wan.agrees(provider, 2) == before
    wan.routed()
    daemon.start()
    client = f"<interface>{wan.interface}</interface><on-stop>withdraw</on-stop>"
    management.edit(daemon, f"<dhc6pdclient>{client}</dhc6pdclient>")
    assert wan.agrees(provider, 2) == before
    assert daemon.stop() == 0
    wan.empty(5)
    assert wan.default_route() == ""
