"""The router's own DHCPv6 client against servers that providers use, and what the router holds in the end.

What it holds is compared with what the server's own books say that it has leased.
"""

from dataclasses import replace
from ipaddress import IPv6Network, collapse_addresses
from typing import Any

import pytest

from tests.lab import management
from tests.lab.conftest import Lab
from tests.lab.provider6 import (
    DELEGATED,
    DOMAIN,
    ELSEWHERE,
    NAME_SERVERS,
    PROVIDERS6,
    Leased,
    Provider6,
    Terms6,
)
from tests.lab.wan6 import LINK_LOCAL, Wan6
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

delegating = pytest.mark.parametrize("kind", ["kea-dhcp6", "dibbler-server"])
PREFIXES = Terms6(first="", t1=300, t2=500, preferred=600, valid=900)
ADDRESSES = replace(PREFIXES, delegated=None, first=Terms6.first)
BOTH = replace(PREFIXES, first=Terms6.first)
NOTHING = replace(PREFIXES, delegated=None)
RENEWING = replace(PREFIXES, t1=3, t2=30)
REBINDING = replace(PREFIXES, t1=2, t2=4)
BRIEF = replace(PREFIXES, t1=2, t2=4, preferred=5, valid=7)
SINGLE = replace(PREFIXES, delegated=IPv6Network("2001:db8:a000::/56"))

ADDRESS = {"ia-na": [{"ia-id": 2}]}
PREFIX_AND_ADDRESS = {"ia-pd": [{"ia-id": 1}], "ia-na": [{"ia-id": 2}]}
TWO_PREFIXES = {"ia-pd": [{"ia-id": 1}, {"ia-id": 2}]}
TRANSLATING = {"npt66": True, "internal-prefix": "fd00::/48"}
TRANSLATED = "fd00::/56"
"""As much of that as a delegated prefix has room for."""
NO_PREFIX_AVAIL = "6"


@pytest.fixture
def wan(lab: Lab) -> Wan6:
    """Give a scenario a router with a provider's router that advertises itself, and says that there is DHCPv6."""
    wan = Wan6(lab)
    wan.gateway.start()
    return wan


def served(wan: Wan6, kind: str, terms: Terms6) -> Provider6:
    """Return a provider's server that serves."""
    provider = wan.provider(kind, terms)
    provider.start()
    return provider


def translated(wan: Wan6, **settings: Any) -> dict[str, Any]:
    """Have the router translate, and return the settings for that."""
    wan.internal = TRANSLATED
    return TRANSLATING | settings


@delegating
def test_prefix_and_address_are_leased_in_one_exchange(wan: Wan6, kind: str) -> None:
    provider = served(wan, kind, BOTH)
    daemon = wan.daemon(**PREFIX_AND_ADDRESS | {"conflict-detection": "probe"})
    address, prefix = wan.agrees(provider, 2)
    assert (address.kind, address.ia_id, prefix.kind, prefix.ia_id) == ("na", 2, "pd", 1)
    assert prefix.network.subnet_of(DELEGATED)
    wan.becomes(daemon, "bound")
    wan.routed()
    wait_for(lambda: wan.works(str(address.network[0])), "it works, once the router has asked for its neighbour", 10)
    assert wan.count(daemon, "request") == 1
    assert wan.state(daemon, "prefix", "<ia-state><delegated-prefix/></ia-state>") == [str(prefix.network)]
    assert wan.state(daemon, "address", "<ia-state><leased-address/></ia-state>") == [str(address.network[0])]
    assert wan.state(daemon, "programmed", "<ia-state><leased-address/></ia-state>") == ["true"]
    assert wan.state(daemon, "name-server", "<learned/>") == list(NAME_SERVERS)
    assert wan.state(daemon, "domain-search", "<learned/>") == [DOMAIN]
    management.notified(daemon, "prefix-delegated", prefix=str(prefix.network), interface=wan.interface, ia_id="1")


@delegating
def test_a_lease_is_renewed_at_t1(wan: Wan6, kind: str) -> None:
    provider = served(wan, kind, RENEWING)
    daemon = wan.daemon()
    before = wan.agrees(provider)
    wait_for(lambda: wan.count(daemon, "renew") >= 1 and wan.count(daemon, "reply") >= 2, "it is renewed")
    heard = f"{LINK_LOCAL}.546 > ff02::1:2.547: dhcp6 renew"
    wait_for(lambda: wan.segment.heard(heard), "tcpdump, which lags behind, has heard it")
    assert wan.agrees(provider) == before
    assert (wan.count(daemon, "rebind"), wan.count(daemon, "solicit")) == (0, 1)


def test_a_lease_is_rebound_at_t2_when_another_server_has_it(wan: Wan6) -> None:
    provider = served(wan, "kea-dhcp6", REBINDING)
    daemon = wan.daemon()
    before = wan.agrees(provider)
    becomes_anothers(wan, daemon, provider, "")
    assert wan.agrees(provider) == before
    assert (wan.count(daemon, "solicit"), wan.count(daemon, "request")) == (1, 1)


def test_an_address_is_rebound_when_an_operator_says_so(wan: Wan6) -> None:
    """dnsmasq has no T2 of less than a minute, and dibbler answers another server's client with an empty IA."""
    provider = served(wan, "dnsmasq", ADDRESSES)
    daemon = wan.daemon(**ADDRESS)
    before = wan.agrees(provider)
    becomes_anothers(wan, daemon, provider, "rebind")
    assert wan.agrees(provider) == before
    assert (wan.count(daemon, "solicit"), wan.count(daemon, "request")) == (1, 1)


def becomes_anothers(wan: Wan6, daemon: Any, provider: Provider6, action: str) -> None:
    """Have the server go, and another one take its leases over; wait until the client has heard of it."""

    def server() -> list[str]:
        return wan.state(daemon, "server-duid", "<ia-state/>")

    wait_for(server, "the lease is known")
    (duid,) = server()
    provider.move()
    if action:
        wan.act(daemon, action)
    wait_for(lambda: server() not in ([], [duid]), "another server has it")


@delegating
def test_a_provider_renumbers(wan: Wan6, kind: str) -> None:
    """In one exchange; there is one translation at each moment."""
    provider = served(wan, kind, PREFIXES)
    daemon = wan.daemon(**translated(wan))
    (before,) = wan.agrees(provider)
    provider.stop()
    provider.forget()
    provider.terms = replace(PREFIXES, delegated=ELSEWHERE)
    provider.start()
    renews = wan.count(daemon, "renew")
    wan.act(daemon, "renew")
    counts = set()

    def changed() -> list[Leased]:
        counts.add(len(wan.router.bindings()))
        leases = provider.leases()
        moved = bool(leases) and leases[0].network.subnet_of(ELSEWHERE)
        return leases if moved and not wan.differs(leases) else []

    (after,) = wait_for(changed, "the router has the new prefix and no other one")
    assert counts == {1}
    assert wan.count(daemon, "renew") == renews + 1
    told = {"prefix": str(after.network), "previous_prefix": str(before.network), "interface": wan.interface}
    management.notified(daemon, "prefix-changed", **told)


def test_a_lease_that_ends_is_withdrawn(wan: Wan6) -> None:
    provider = served(wan, "kea-dhcp6", BRIEF)
    daemon = wan.daemon(**translated(wan))
    (lease,) = wan.agrees(provider)
    provider.stop()
    wan.empty()
    management.notified(daemon, "prefix-lost", prefix=str(lease.network), reason="expired")
    assert wan.state(daemon, "prefix", "<ia-state><delegated-prefix/></ia-state>") == []
    provider.start()
    wan.agrees(provider)


@pytest.mark.parametrize(
    ("kind", "terms", "wishes"),
    [("kea-dhcp6", PREFIXES, {}), ("dibbler-server", PREFIXES, {}), ("dnsmasq", ADDRESSES, ADDRESS)],
)
def test_a_server_that_has_lost_its_state_leases_again(
    wan: Wan6, kind: str, terms: Terms6, wishes: dict[str, Any]
) -> None:
    """Kea leases what is renewed as if it had known it; the others say NoBinding."""
    provider = served(wan, kind, terms)
    daemon = wan.daemon(**wishes)
    wan.agrees(provider)
    wan.becomes(daemon, "bound")
    provider.lose_state()
    assert provider.leases() == []
    wan.act(daemon, "renew")
    wan.agrees(provider)
    wan.becomes(daemon, "bound")
    assert wan.count(daemon, "renew") == 1
    assert wan.count(daemon, "request") == (1 if kind == "kea-dhcp6" else 2)


@delegating
def test_two_prefixes_are_leased_and_each_for_its_own(wan: Wan6, kind: str) -> None:
    provider = served(wan, kind, PREFIXES)
    daemon = wan.daemon(**TWO_PREFIXES)
    first, second = wan.agrees(provider, 2)
    assert (first.ia_id, second.ia_id) == (1, 2)
    wan.becomes(daemon, "bound")
    for lease in (first, second):
        within = f"<ia-state><ia-id>{lease.ia_id}</ia-id><delegated-prefix/></ia-state>"
        assert wan.state(daemon, "prefix", within) == [str(lease.network)]


def test_a_provider_who_has_one_prefix_for_two_wishes_says_so(wan: Wan6) -> None:
    provider = served(wan, "kea-dhcp6", SINGLE)
    daemon = wan.daemon(**TWO_PREFIXES)
    (lease,) = wan.agrees(provider)
    wan.becomes(daemon, "bound")
    (other,) = {1, 2} - {lease.ia_id}
    status = f"<ia-state><ia-id>{other}</ia-id><status/></ia-state>"
    assert wan.state(daemon, "code", status) == [NO_PREFIX_AVAIL]
    provider.change(PREFIXES)
    wan.act(daemon, "renew")
    wan.agrees(provider, 2)


def test_a_provider_who_has_no_prefix_is_asked_again(wan: Wan6) -> None:
    provider = served(wan, "kea-dhcp6", NOTHING)
    daemon = wan.daemon(**PREFIX_AND_ADDRESS)
    wait_for(lambda: wan.count(daemon, "advertise") >= 1, "the provider says that there is none")
    wan.becomes(daemon, "soliciting")
    management.notified(daemon, "client-problem", interface=wan.interface)
    assert not wan.differs([])
    provider.change(BOTH)
    wan.agrees(provider, 2)


def test_a_hint_is_told_and_may_be_granted(wan: Wan6) -> None:
    provider = served(wan, "kea-dhcp6", PREFIXES)
    wan.daemon(**{"ia-pd": [{"ia-id": 1, "prefix-hint": "2001:db8:a000:4200::/56"}]})
    assert wan.agrees(provider) == [Leased("pd", 1, IPv6Network("2001:db8:a000:4200::/56"))]


def test_two_messages_suffice_where_both_want_it(wan: Wan6) -> None:
    provider = served(wan, "kea-dhcp6", replace(PREFIXES, rapid=True))
    daemon = wan.daemon(**{"rapid-commit": True})
    wan.agrees(provider)
    wan.becomes(daemon, "bound")
    assert [wan.count(daemon, kind) for kind in ("solicit", "advertise", "request", "reply")] == [1, 0, 0, 1]


def test_an_excluded_prefix_is_left_to_the_provider(wan: Wan6) -> None:
    """RFC 6603: it is routed as everything beyond him, and all else of the delegation is unreachable."""
    excluded = IPv6Network("2001:db8:a000:ff::/64")
    served(wan, "kea-dhcp6", replace(SINGLE, excluded=excluded))
    daemon = wan.daemon()
    wan.becomes(daemon, "bound")
    assert wan.state(daemon, "excluded-prefix", "<ia-state/>") == [str(excluded)]

    def unreachable() -> list[IPv6Network]:
        return [IPv6Network(prefix) for prefix in wan.router.unreachable() if prefix.startswith("2001:db8:")]

    wait_for(lambda: [*collapse_addresses([*unreachable(), excluded])] == [SINGLE.delegated], "the rest is unreachable")
    assert not any(network.overlaps(excluded) for network in unreachable())


def test_an_address_that_somebody_has_is_declined(wan: Wan6) -> None:
    taken = ADDRESSES.first
    wan.gateway.namespace.run("ip", "addr", "add", f"{taken}/64", "dev", "eth0", "nodad")
    provider = served(wan, "kea-dhcp6", ADDRESSES)
    daemon = wan.daemon(**ADDRESS | {"conflict-detection": "probe"})
    management.notified(daemon, "address-conflict", address=taken, interface=wan.interface)
    (lease,) = wan.agrees(provider)
    assert str(lease.network[0]) != taken
    assert wan.count(daemon, "decline") == 1


@pytest.mark.parametrize("kind", PROVIDERS6)
def test_information_is_asked_for_alone(wan: Wan6, kind: str) -> None:
    served(wan, kind, NOTHING)
    daemon = wan.daemon(mode="stateless")
    wan.becomes(daemon, "informed")
    assert wan.state(daemon, "name-server", "<learned/>") == list(NAME_SERVERS)
    assert wan.state(daemon, "domain-search", "<learned/>") == [DOMAIN]
    assert wan.count(daemon, "solicit") == 0
    assert not wan.differs([])


def test_a_prefix_that_the_provider_takes_away_is_not_used_any_more(wan: Wan6) -> None:
    """Kea says NoPrefixAvail then, and gives the prefix without any lifetime (RFC 8415, 18.2.10.1)."""
    provider = served(wan, "kea-dhcp6", PREFIXES)
    daemon = wan.daemon(**translated(wan))
    (lease,) = wan.agrees(provider)
    provider.stop()
    provider.forget()
    provider.terms = NOTHING
    provider.start()
    wan.act(daemon, "renew")
    wan.empty()
    management.notified(daemon, "prefix-lost", prefix=str(lease.network), interface=wan.interface)
    provider.change(PREFIXES)
    wan.agrees(provider)
