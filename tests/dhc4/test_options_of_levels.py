"""What a client is told: by which level, in which order, and what it has to ask for."""

from dataclasses import replace
from ipaddress import IPv4Network
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dhc4.clients import Lan, interface, message, number, options, renew, reservation
from vppdhc.dhc4.classes import ClientClass, ClientClasses
from vppdhc.dhc4.config import Overrides, PoolConfig, ServerConfig, Settings, SubnetConfig
from vppdhc.dhc4.options import NO_OPTIONS, FromUpstream, OptionSet
from vppdhc.dhc4.parameters import Parameters
from vppdhc.dhc4.reservations import Reservations
from vppdhc.packet.options4 import decode_value

NETWORK = IPv4Network("192.168.1.0/24")
ROUTER = number("192.168.1.1")
NAMES = options(domain_name_servers=["8.8.8.8"], domain_name="example.net")
LEVELS = ("server", "interface", "subnet", "pool", "class", "reservation")


def parameters(said: OptionSet = NAMES) -> Parameters:
    return Parameters(NETWORK, ROUTER, said)


def codes(wanted: list[int] | None, said: OptionSet = NAMES, extra: OptionSet | None = None) -> list[int]:
    return list(parameters(said).answer(None if wanted is None else bytes(wanted), extra=extra).options)


# One level over another


def test_each_code_counts_for_itself() -> None:
    inner, outer = OptionSet({15: b"inner", 17: b"/inner"}), OptionSet({15: b"outer", 42: b"\1\1\1\1"})
    assert inner.over(outer) == OptionSet({15: b"inner", 17: b"/inner", 42: b"\1\1\1\1"})
    assert NO_OPTIONS.over(outer) is outer
    assert outer.over(NO_OPTIONS) is outer


def test_what_is_omitted_stays_so_until_somebody_further_in_says_it() -> None:
    outer = OptionSet({15: b"outer", 17: b"/"})
    middle = OptionSet(omitted=frozenset({15, 3})).over(outer)
    assert middle == OptionSet({17: b"/"}, omitted=frozenset({15, 3}))
    inner = OptionSet({15: b"inner"}).over(middle)
    assert inner == OptionSet({15: b"inner", 17: b"/"}, omitted=frozenset({3}))
    assert OptionSet({15: b"both"}, omitted=frozenset({15})).values == {}


def test_what_is_no_option_counts_for_itself_too() -> None:
    inner, outer = OptionSet(next_server=2), OptionSet(next_server=1, upstream_interface="wan0")
    assert inner.over(outer) == OptionSet(next_server=2, upstream_interface="wan0")
    assert OptionSet({15: b"x"}).over(outer).next_server == 1


SETS = st.builds(
    OptionSet,
    st.dictionaries(st.integers(1, 4), st.binary(max_size=1) | st.just(FromUpstream())),
    st.frozensets(st.integers(1, 4)),
    st.none() | st.integers(1, 3),
    st.none() | st.sampled_from(["wan0", "wan1"]),
)


@given(SETS, SETS, SETS)
def test_levels_can_be_put_together_in_any_order(inner: OptionSet, middle: OptionSet, outer: OptionSet) -> None:
    assert inner.over(middle).over(outer) == inner.over(middle.over(outer))
    assert hash(inner.over(middle)) == hash(inner.over(middle))
    assert not inner.values.keys() & inner.omitted


# Every level through the whole server


def told_by(levels: tuple[str, ...], *, omitting: str = "") -> bytes | None:
    """Return which of these levels, all of which name a domain, a client is told the name of."""

    def said(level: str) -> OptionSet:
        if level == omitting:
            return OptionSet(omitted=frozenset({15}))
        return OptionSet({15: level.encode()}) if level in levels else NO_OPTIONS

    pool = PoolConfig("p", number("192.168.1.50"), number("192.168.1.60"), Overrides(options=said("pool")))
    lan = Lan(
        config=ServerConfig(
            Settings(options=said("server")),
            per_interface={"tap0": Overrides(options=said("interface"))},
            subnets=(SubnetConfig("a", NETWORK, overrides=Overrides(options=said("subnet")), pools=(pool,)),),
            classes=ClientClasses([ClientClass("c", (b"router",), options=said("class"))]),
            reservations=Reservations([reservation(1, options=said("reservation"))]),
        )
    )
    found: bytes | None = lan.ask(message("discover", 1, ("vendor_class_id", b"router"))).options.get("domain")
    return found


@pytest.mark.parametrize(
    "said",
    [tuple(level for level, there in zip(LEVELS, mask, strict=True) if there) for mask in product((0, 1), repeat=6)],
)
def test_the_innermost_level_counts(said: tuple[str, ...]) -> None:
    assert told_by(said) == (said[-1].encode() if said else None)


@pytest.mark.parametrize("omitting", LEVELS)
def test_a_level_that_omits_an_option_hides_what_is_further_out(omitting: str) -> None:
    place = LEVELS.index(omitting)
    assert told_by(LEVELS[:place], omitting=omitting) is None
    for further_in in LEVELS[place + 1 :]:
        assert told_by((*LEVELS[:place], further_in), omitting=omitting) == further_in.encode()


def test_a_reserved_address_outside_of_the_pools_has_what_its_subnet_says() -> None:
    pool = PoolConfig(
        "p", number("192.168.1.50"), number("192.168.1.60"), Overrides(lease_time=60, options=OptionSet({15: b"pool"}))
    )
    lan = Lan(
        config=ServerConfig(
            subnets=(
                SubnetConfig("a", NETWORK, overrides=Overrides(options=OptionSet({15: b"subnet"})), pools=(pool,)),
            ),
            reservations=Reservations([reservation(1, "192.168.1.9"), reservation(2, "192.168.1.55")]),
        )
    )
    outside, inside = lan.ask(message("discover", 1)), lan.ask(message("discover", 2))
    assert (outside.options["domain"], outside.options["lease_time"]) == (b"subnet", 3600)
    assert (inside.options["domain"], inside.options["lease_time"]) == (b"pool", 60)
    address = lan.bind(2)
    assert lan.ask(renew(2, address)).options["lease_time"] == 60


# Asked and unasked


def test_in_the_order_in_which_it_is_asked_for() -> None:
    assert codes([15, 6, 3, 1]) == [1, 15, 6, 3]
    assert codes([6]) == [1, 6], "the mask comes unasked"
    assert codes([42, 200]) == [1]
    assert codes([15, 15]) == [1, 15]
    assert codes([]) == [1]


def test_everything_without_a_list_but_what_has_to_be_asked_for() -> None:
    said = OptionSet({108: b"\0\0\1\0", 121: b"\0\1\1\1\1", 252: b"http://wpad/", 114: b"https://p/", 42: b"\1\1\1\1"})
    assert codes(None, said) == [1, 3, 28, 42, 114, 121]
    assert codes([108], said) == [1, 108]
    assert codes([252], said) == [1, 252]
    assert codes([3], NO_OPTIONS, extra=said) == [1, 3, 121, 114, 42], "of this client's class, unasked"


def test_what_is_for_a_client_or_its_class_comes_unasked_behind_the_rest() -> None:
    extra = OptionSet({60: b"PXEClient", 43: b"\6\1\x08\xff", 15: b"class.example"})
    assert codes([6, 15], extra=extra) == [1, 6, 15, 60, 43]
    answer = parameters().answer(b"\x06\x0f", extra=extra)
    assert answer.options[15] == b"class.example"
    assert parameters().answer(b"\x06\x0f").options[15] == b"example.net"


def test_classless_routes_go_before_the_router() -> None:
    said = OptionSet({121: b"\0\1\1\1\1", 33: b"\1\1\1\1\2\2\2\2"})
    assert codes([3, 33, 121], said) == [1, 121], "RFC 3442: no router and no static routes beside them"
    assert codes([3, 33], said) == [1, 3, 33]
    assert codes([3, 33, 121], OptionSet({33: b"\1\1\1\1\2\2\2\2"})) == [1, 3, 33]


def test_microsofts_number_for_classless_routes() -> None:
    said = OptionSet({121: b"\0\1\1\1\1"})
    asked = parameters(said).answer(b"\x03\xf9").options
    assert asked == {**parameters(said).answer(b"\x03").options, 249: said.values[121]}
    assert codes([249], NO_OPTIONS) == [1]
    assert parameters(replace(said, values={**said.values, 249: b"other"})).answer(b"\xf9").options[249] == b"other"
    assert codes([249], OptionSet({121: b"\0\1\1\1\1"}, omitted=frozenset({249}))) == [1]


def test_mask_router_and_broadcast_address_can_be_said_or_omitted() -> None:
    said = OptionSet({3: b"\1\1\1\1", 28: b"\xff\xff\xff\xff"})
    assert parameters(said).answer(None).options[3] == b"\1\1\1\1"
    assert parameters(said).answer(None).options[28] == b"\xff\xff\xff\xff"
    assert codes(None, OptionSet(omitted=frozenset({1, 3, 28}))) == []
    assert list(Parameters(IPv4Network("10.0.0.0/31"), 0, NO_OPTIONS).answer(None).options) == [1]


def test_the_host_name_of_a_reservation() -> None:
    told = parameters()
    assert told.answer(b"\x06", host_name=b"printer").options == {**told.answer(b"\x06").options, 12: b"printer"}
    own = OptionSet({12: b"plotter"})
    assert told.answer(b"\x0c", extra=own, host_name=b"printer").options[12] == b"plotter"
    omitting = OptionSet(omitted=frozenset({12}))
    assert 12 not in told.answer(b"\x0c", extra=omitting, host_name=b"printer").options


def test_where_to_boot_from_by_class_and_reservation() -> None:
    told = parameters(options(next_server="192.168.1.5", boot_file_name="any"))
    for extra, file in (
        (None, b"any"),
        (options(boot_file_name="pxe"), b"pxe"),
        (OptionSet(omitted=frozenset({67})), b""),
    ):
        answer = told.answer(b"\x01", extra=extra)
        assert (answer.next_server, answer.file) == (number("192.168.1.5"), file)
    assert told.answer(b"\x01", extra=OptionSet({67: b"x" * 127})).file == b"x" * 127
    assert told.answer(b"\x01", extra=OptionSet({67: b"x" * 128})).file == b""
    nothing = parameters().answer(None)
    assert (nothing.next_server, nothing.file) == (0, b"")


def test_answers_are_remembered_and_bounded() -> None:
    told = parameters()
    extra = OptionSet({60: b"PXEClient"})
    again = OptionSet({60: b"PXEClient"})
    assert told.answer(b"\x06") is told.answer(b"\x06")
    assert told.answer(b"\x06", extra=extra) is told.answer(b"\x06", extra=again)
    for number_ in range(3000):
        wanted = number_.to_bytes(2, "big")
        assert told.answer(wanted, extra=OptionSet({60: wanted})).options[60] == wanted
        told.answer(wanted)
    assert len(told._answers) <= 256
    assert len(told._extra_answers) <= 1024


# What is learned


def test_of_several_providers_each_value_once_in_their_order() -> None:
    lan = Lan(options=OptionSet({6: FromUpstream(), 119: FromUpstream(after=b"\4home\4arpa\0"), 15: FromUpstream()}))
    assert "name_server" not in lan.ask(message("discover")).options
    lan.server.set_upstream(
        {
            "wan0": {6: bytes.fromhex("0808080801010101"), 119: b"\3isp\7example\0"},
            "wan1": {6: bytes.fromhex("0101010109090909"), 119: b"\3ISP\7example\0\3two\xc0\4", 15: b"two.example"},
        }
    )
    asked = message("discover", 1, ("param_req_list", [6, 15, 119]))
    seen = lan.ask(asked)
    assert seen.options["name_server"] == ["8.8.8.8", "1.1.1.1", "9.9.9.9"]
    assert seen.options["domain"] == b"two.example"
    assert lan.hear(asked).replies[0].message.options[119] == b"\3isp\7example\0\3two\xc0\4\4home\4arpa\0"
    lan.server.set_upstream({"wan1": {6: bytes.fromhex("04040404")}})
    assert lan.ask(asked).options["name_server"] == "4.4.4.4"


def test_only_of_the_named_provider() -> None:
    said = OptionSet({6: FromUpstream()}, upstream_interface="wan1")
    upstream = {"wan0": {6: b"\x08\x08\x08\x08"}, "wan1": {6: b"\x09\x09\x09\x09"}}
    assert Parameters(NETWORK, 0, said, upstream).answer(None).options[6] == b"\x09\x09\x09\x09"
    extra = OptionSet(upstream_interface="wan0")
    assert Parameters(NETWORK, 0, said, upstream).answer(None, extra=extra).options[6] == b"\x08\x08\x08\x08"
    assert 6 not in Parameters(NETWORK, 0, said, {"wan0": {6: b"\x08\x08\x08\x08"}}).answer(None).options


def test_learning_changes_no_pool_and_reaches_networks_that_come_later() -> None:
    lan = Lan(options=OptionSet({6: FromUpstream()}))
    address = lan.bind()
    (served,) = lan.server.networks
    lan.server.set_upstream({"wan0": {6: b"\x08\x08\x08\x08"}})
    (still,) = lan.server.networks
    assert still.subnets is served.subnets
    assert lan.ask(renew(1, address)).options["name_server"] == "8.8.8.8"
    later = interface("10.0.0.1/24", name="tap1", index=2)
    lan.server.interface_changed(None, later)
    assert lan.ask(message("discover"), later).options["name_server"] == "8.8.8.8"


@pytest.mark.parametrize(
    ("code", "learned"),
    [
        (6, b""),
        (6, b"\x08\x08\x08"),
        (6, b"\0\0\0\0\x7f\0\0\1\xe0\0\0\1\xff\xff\xff\xff"),
        (15, b""),
        (15, b"\0"),
        (15, b"$(reboot).example"),
        (15, b"two words"),
        (15, b"x" * 254),
        (15, b"caf\xc3\xa9.example"),
        (119, b""),
        (119, b"\3isp"),
        (119, b"\xc0\0"),
        (119, b"\x0a$(reboot) \0"),
        (42, b"\1"),
    ],
)
def test_what_no_provider_should_say_is_passed_on_to_nobody(code: int, learned: bytes) -> None:
    told = Parameters(NETWORK, 0, OptionSet({code: FromUpstream()}), {"wan0": {code: learned}})
    assert code not in told.answer(None).options


def test_a_provider_cannot_fill_the_whole_answer() -> None:
    many = b"".join((0x08080000 + n).to_bytes(4, "big") for n in range(300))
    told = Parameters(NETWORK, 0, OptionSet({6: FromUpstream(b"\1\1\1\1", b"\2\2\2\2")}), {"wan0": {6: many}})
    assert told.answer(None).options[6] == b"\1\1\1\1" + many[:128] + b"\2\2\2\2"


@given(st.sampled_from([6, 15, 42, 119]), st.lists(st.binary(max_size=40), max_size=3))
def test_whatever_is_learned_can_be_read(code: int, learned: list[bytes]) -> None:
    upstream = {f"wan{n}": {code: raw} for n, raw in enumerate(learned)}
    found = Parameters(NETWORK, 0, OptionSet({code: FromUpstream()}), upstream).answer(None).options.get(code)
    if found is not None:
        decode_value(code, found)
