"""What VPP translates for which delegated prefix."""

from ipaddress import IPv6Network

import pytest
from hypothesis import assume, example, given

from tests.dhc6pdclient.delegated import delegation, delegations, networks, prefixes
from vppdhc.dhc6pdclient.config import ClientConfig, IaPd
from vppdhc.dhc6pdclient.nptv6 import NptError, Translation, choose, refusal, translate
from vppdhc.dhc6pdclient.prefixes import Delegation
from vppdhc.vpp.items import NptBinding

HOME = IPv6Network("fd00::/48")
INTERNAL = int(IPv6Network("fd12:3456::/32").network_address)


def translated(internal: str, delegated: str, excluded: str = "") -> Translation:
    return translate(IPv6Network(internal), delegation(delegated, excluded=excluded))


HOMES = [
    ("fd00::/48", "2001:db8:1::/48", "fd00::/48", "2001:db8:1::/48"),
    ("fd00::/48", "2001:db8:1:ab00::/56", "fd00::/56", "2001:db8:1:ab00::/56"),
    ("fd00::/48", "2001:db8:1:abc0::/60", "fd00::/64", "2001:db8:1:abc0::/64"),
    ("fd00::/48", "2001:db8:1:abcd::/64", "fd00::/64", "2001:db8:1:abcd::/64"),
    ("fd00::/48", "2001:db8::/32", "fd00::/48", "2001:db8::/48"),
    ("fd00::/48", "2001:db8:a000::/35", "fd00::/48", "2001:db8:a000::/48"),
    ("fd00::/48", "2001:db8:1:8000::/49", "fd00::/56", "2001:db8:1:8000::/56"),
    ("fd00:0:0:8::/61", "2001:db8:1::/48", "fd00:0:0:8::/64", "2001:db8:1::/64"),
    ("fd00:0:0:7::/64", "2001:db8:1:ab00::/56", "fd00:0:0:7::/64", "2001:db8:1:ab00::/64"),
    ("fd00::/8", "2001:db8::/32", "fd00::/32", "2001:db8::/32"),
    ("fd00::/8", "2001:db8::/29", "fd00::/32", "2001:db8::/32"),
]


@pytest.mark.parametrize(("internal", "delegated", "inside", "outside"), HOMES)
def test_usual_homes(internal: str, delegated: str, inside: str, outside: str) -> None:
    found = translated(internal, delegated)
    assert (str(found.internal), str(found.external)) == (inside, outside)


EXCLUDED = [
    # The first part that is free of it, as large as without, where there is one.
    ("2001:db8::/32", "2001:db8::/64", "2001:db8:1::/48"),
    ("2001:db8::/32", "2001:db8:7::/64", "2001:db8::/48"),
    ("2001:db8::/32", "2001:db8::/33", "2001:db8:8000::/48"),
    # Else a smaller one.
    ("2001:db8:1::/48", "2001:db8:1::/64", "2001:db8:1:100::/56"),
    ("2001:db8:1::/48", "2001:db8:1:ffff::/64", "2001:db8:1::/56"),
    ("2001:db8:1:ab00::/56", "2001:db8:1:ab00::/64", "2001:db8:1:ab01::/64"),
    ("2001:db8:1:ab00::/56", "2001:db8:1:ab00::/57", "2001:db8:1:ab80::/64"),
    ("2001:db8:1:abc0::/60", "2001:db8:1:abc0::/64", "2001:db8:1:abc1::/64"),
]


@pytest.mark.parametrize(("delegated", "excluded", "external"), EXCLUDED)
def test_the_providers_link_is_not_translated(delegated: str, excluded: str, external: str) -> None:
    assert str(translated("fd00::/48", delegated, excluded).external) == external


def test_internal_networks_that_fall_outside() -> None:
    assert translated("fd00::/48", "2001:db8::/48").outside == ()
    found = translated("fd00::/48", "2001:db8:0:ab00::/56")
    assert list(found.outside) == networks(
        "fd00:0:0:100::/56",
        "fd00:0:0:200::/55",
        "fd00:0:0:400::/54",
        "fd00:0:0:800::/53",
        "fd00:0:0:1000::/52",
        "fd00:0:0:2000::/51",
        "fd00:0:0:4000::/50",
        "fd00:0:0:8000::/49",
    )


def test_words_about_what_is_lost() -> None:
    assert translated("fd00:0:0:7::/64", "2001:db8::/64").remarks == ()
    assert translated("fd00::/48", "2001:db8::/48").remarks == (
        "internal networks with subnet id ffff are not translated (RFC 6296, 3.4)",
    )
    assert translated("fd00::/48", "2001:db8:0:ab00::/56").remarks == (
        "only fd00::/56 of internal-prefix fd00::/48 is translated, as the delegated prefix 2001:db8:0:ab00::/56 has "
        "room for no more: hosts in the rest of it have no way to the provider",
    )
    assert translated("fd00::/48", "2001:db8:0:abc0::/60").remarks[1] == (
        "only 2001:db8:0:abc0::/64 of the delegated prefix 2001:db8:0:abc0::/60 is used, as VPP translates prefixes "
        "of a length that is a multiple of 8"
    )
    assert translated("fd00::/56", "2001:db8:0:ab00::/56", "2001:db8:0:ab00::/64").remarks[1] == (
        "only 2001:db8:0:ab01::/64 of the delegated prefix 2001:db8:0:ab00::/56 is used, as 2001:db8:0:ab00::/64 "
        "belongs to the provider's link"
    )


REFUSED = [
    ("fd00::/48", "2001:db8::/65", "", "takes prefixes of /64 at most"),
    ("fd00::/48", "2001:db8::1/128", "", "takes prefixes of /64 at most"),
    ("fd00::/65", "2001:db8::/48", "", "takes prefixes of /64 at most"),
    ("2001:db8::/48", "2001:db8:0:100::/56", "", "choose an internal prefix of your own"),
    ("2001:db8:0:100::/56", "2001:db8::/48", "", "choose an internal prefix of your own"),
    ("fd00::/48", "2001:db8::/64", "2001:db8::/96", "leaves no /64 to translate to"),
]


@pytest.mark.parametrize(("internal", "delegated", "excluded", "words"), REFUSED)
def test_what_cannot_be_translated(internal: str, delegated: str, excluded: str, words: str) -> None:
    with pytest.raises(NptError, match=words):
        translated(internal, delegated, excluded)


@given(prefixes(within=INTERNAL, longest=64), delegations(longest=64))
@example(IPv6Network("fd00::/48"), delegation("2001:db8::/63", excluded="2001:db8::/64"))
def test_vpp_takes_every_binding(internal: IPv6Network, delegated: Delegation) -> None:
    try:
        found = translate(internal, delegated)
    except NptError:
        assert delegated.prefix.prefixlen == 64
        assert delegated.excluded is not None
        return
    binding = NptBinding("wan0", found.internal, found.external)  # raises ValueError for what VPP would not do
    length = binding.external.prefixlen
    assert length % 8 == 0
    assert max(internal.prefixlen, delegated.prefix.prefixlen) <= length <= 64
    assert found.internal.subnet_of(internal)
    assert found.external.subnet_of(delegated.prefix)
    assert delegated.excluded is None or not found.external.overlaps(delegated.excluded)
    assert found == translate(internal, delegated)
    # Inside and outside are all of the internal prefix, and nothing twice.
    parts = [found.internal, *found.outside]
    assert sum(one.num_addresses for one in parts) == internal.num_addresses
    assert all(one.subnet_of(internal) for one in parts)
    assert not any(one.overlaps(other) for one in parts for other in parts if one is not other)


@given(prefixes(within=INTERNAL, longest=64), delegations(longest=64))
def test_nothing_larger_could_be_translated(internal: IPv6Network, delegated: Delegation) -> None:
    assume(delegated.excluded is None)
    length = translate(internal, delegated).external.prefixlen
    assert length - 8 < max(internal.prefixlen, delegated.prefix.prefixlen)


# --- several delegations


def test_the_first_ia_goes_first() -> None:
    first, second = delegation("2001:db8:1::/48", 1), delegation("2001:db8:2::/48", 2, preferred=9999)
    assert choose(HOME, [first, second], 0, None) == (translate(HOME, first), ())


def test_within_an_ia_the_one_that_is_preferred_for_longest_goes_first() -> None:
    short, long_ = delegation("2001:db8:1::/48"), delegation("2001:db8:2::/48", preferred=7000)
    assert choose(HOME, [short, long_], 0, None).translation == translate(HOME, long_)


def test_a_renewal_changes_nothing() -> None:
    in_use = translate(HOME, delegation("2001:db8:1:100::/56")).external
    renewed = [delegation("2001:db8:1:100::/56", preferred=10), delegation("2001:db8:2::/48", preferred=7000)]
    found = choose(HOME, renewed, 0, in_use).translation
    assert found is not None
    assert found.external == in_use


def test_what_is_deprecated_is_replaced_by_what_another_ia_has() -> None:
    old, new = delegation("2001:db8:1::/48", 1, preferred=100), delegation("2001:db8:2::/48", 2)
    assert choose(HOME, [old, new], 99, old.prefix).translation == translate(HOME, old)
    assert choose(HOME, [old, new], 100, old.prefix).translation == translate(HOME, new)


def test_what_is_deprecated_is_used_while_there_is_nothing_else() -> None:
    old = delegation("2001:db8:1::/48", preferred=0)
    assert choose(HOME, [old], 100, None).translation == translate(HOME, old)


def test_the_next_one_is_used_where_the_first_one_cannot_be() -> None:
    small, good = delegation("2001:db8:1::/72", 1), delegation("2001:db8:2::/48", 2)
    found = choose(HOME, [small, good], 0, None)
    assert found.translation == translate(HOME, good)
    assert found.problems == (
        "VPP cannot translate fd00::/48 to the delegated prefix 2001:db8:1::/72, as it takes prefixes of /64 at most: "
        "ask the provider for a larger one (prefix-length-hint)",
    )


def test_without_a_delegation_nothing_is_translated() -> None:
    assert choose(HOME, [], 0, HOME) == (None, ())


# --- at commit


def config(internal: str, *hints: int | None) -> ClientConfig:
    ia_pds = tuple(IaPd(number, length_hint=hint) for number, hint in enumerate(hints, 1))
    return ClientConfig(npt66=True, internal_prefix=IPv6Network(internal), ia_pds=ia_pds)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (config("fe80::/64"), "internal-prefix fe80::/64 cannot be used, hosts cannot have addresses in it"),
        (config("ff00::/8"), "internal-prefix ff00::/8 cannot be used, a /8 is more than anybody has"),
        (config("fd00::/65"), "internal-prefix fd00::/65 is too long"),
        (config("fd00::/48", 72), "ask for a larger one than a /72"),
        (config("fd00::/48", 80, 72), "ask for a larger one than a /72"),
    ],
)
def test_what_is_refused_at_commit(wrong: ClientConfig, words: str) -> None:
    assert words in refusal(wrong)


@pytest.mark.parametrize(
    "right",
    [
        ClientConfig(),
        config("fd00::/48"),
        config("fd00::/48", None),
        config("fd00::/48", 64),
        config("fd00::/48", 72, None),
        config("fd00::/48", 72, 56),
        config("fc00::/16"),
    ],
)
def test_what_is_not_refused_at_commit(right: ClientConfig) -> None:
    assert refusal(right) == ""
