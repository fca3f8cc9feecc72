"""What RFC 8415 and RFC 7084 say of a client in half a sentence, as docs/rfc-dhcpv6-client.md lists it."""

from ipaddress import IPv6Address, IPv6Network

from tests.dhc6pdclient.world import ADDRESS, BOTH, NA, ONE, PREFIX, World, bound, gaps, instants
from vppdhc.clients.wake import Wake
from vppdhc.dhc6pdclient.bindings import IaKey, IaType
from vppdhc.dhc6pdclient.config import ClientConfig, IaPd
from vppdhc.dhc6pdclient.states import State
from vppdhc.packet.dhcp6 import MessageType, StatusCode
from vppdhc.packet.options6 import Option

SERVERS = IPv6Address("2001:db8::53").packed, IPv6Address("2001:db8::54").packed


def test_options_that_nobody_knows_harm_nothing() -> None:
    """RFC 8415, 16."""
    world = bound(ONE, raw=[(65000, b"\1\2"), (0, b""), (Option.VENDOR_OPTS, b"\xff\xff\xff\xff\0\1\0\1x")])
    assert world.tenant.has == [PREFIX]
    assert world.journal.counters.drops == {}


def test_transaction_ids_of_two_clients_differ() -> None:
    """RFC 8415, 16.1."""
    found = set()
    for seed in range(20):
        world = World(ONE, seed=seed)
        world.run(5)
        found |= {heard.message.transaction_id for heard in world.heard}
    assert len(found) == 40, "two exchanges of each"


def test_nothing_is_in_use_while_a_server_is_looked_for() -> None:
    """RFC 8415, 18."""
    world = bound()
    world.server.silent = True
    soliciting = []
    world.server.watch = lambda heard: soliciting.append(list(world.tenant.has)) if heard.type == "solicit" else None
    world.run(8000)
    assert world.state is State.SOLICITING
    assert len(soliciting) > 1
    assert not any(soliciting)


def test_an_advertise_that_is_ignored_does_not_put_the_next_solicit_off() -> None:
    """RFC 8415, 18.2.9."""
    ignored, silent = World(ONE, gives={}), World(ONE, silent=True)
    times = [instants(world.run(600), "solicit") for world in (ignored, silent)]
    assert len(times[0]) > 5
    assert gaps(times[0]) == gaps(times[1])


def test_all_servers_limits_are_taken_whether_they_offer_or_not() -> None:
    """RFC 8415, 18.2.9 and 18.2.10."""
    world = World(ONE, options={Option.SOLMAX_RT: 120, Option.INF_MAX_RT: 240}, status=StatusCode.UNSPEC_FAIL)
    world.run(5)
    assert (world.talk.limits.sol_max_rt, world.talk.limits.inf_max_rt) == (120, 240)
    assert world.state is State.SOLICITING


def test_where_servers_set_different_limits_the_default_holds() -> None:
    """RFC 8415, 18.2.9."""
    world = World(ONE, options={Option.SOLMAX_RT: 120, Option.INF_MAX_RT: 240})
    world.add_server(2, options={Option.SOLMAX_RT: 600, Option.INF_MAX_RT: 240})
    world.server.status = StatusCode.UNSPEC_FAIL
    world.run(0.9)
    assert (world.talk.limits.sol_max_rt, world.talk.limits.inf_max_rt) == (3600, 240)


def test_what_a_client_has_not_is_wished_for_by_its_length_alone_when_it_renews() -> None:
    """RFC 8415, 18.2.4 and 18.2.5."""
    hints = (IaPd(1, prefix_hint=IPv6Network("2001:db8:7700::/56")), IaPd(2, length_hint=56))
    world = bound(ClientConfig(ia_pds=hints, ia_nas=(1,)), gives={NA: [ADDRESS]})
    world.server.silent = True
    world.run(3600)
    assert {heard.type for heard in world.heard[2:]} == {"renew", "rebind"}
    for heard in world.heard[2:]:
        assert heard.wishes(NA) == [ADDRESS]
        assert heard.wishes(IaKey(IaType.PD, 1)) == []
        assert heard.wishes(IaKey(IaType.PD, 2)) == ["::/56"]


def test_what_a_server_tells_no_more_is_used_no_more() -> None:
    """RFC 8415, 18.2.10."""
    world = bound(ONE, options={Option.DNS_SERVERS: ["2001:db8::53"], Option.AFTR_NAME: "aftr.example"})
    assert world.tenure.learned.keys() == {Option.DNS_SERVERS, Option.AFTR_NAME}
    world.server.options = {Option.DNS_SERVERS: ["2001:db8::54"]}
    world.wake(Wake.RENEW)
    world.run(5)
    assert world.tenure.learned == {Option.DNS_SERVERS: SERVERS[1]}
    assert world.learned[-1] == world.tenure.learned


def test_a_reconfigure_is_in_the_log_and_takes_nothing_away() -> None:
    """RFC 8415, 18.2 and 18.2.11."""
    world = bound(ONE, key=bytes(range(16)))
    world.server.answers -= {"renew", "rebind"}
    world.deliver(world.server.reconfigure(MessageType.RENEW))
    world.run(5)
    assert world.state is State.RENEWING
    assert world.tenant.has == [PREFIX]
    assert any("told by server" in entry.text and "renew" in entry.text for entry in world.journal.history)


def test_of_options_that_come_twice_the_first_one_counts_and_nothing_is_joined() -> None:
    """RFC 8415, 21."""
    world = bound(ONE, options={}, raw=[(Option.DNS_SERVERS, server) for server in SERVERS])
    assert world.tenure.learned == {Option.DNS_SERVERS: SERVERS[0]}


def test_a_prefix_is_used_where_there_is_no_address() -> None:
    """RFC 7084, WPD-6."""
    world = bound(BOTH, statuses={NA: StatusCode.NO_ADDRS_AVAIL})
    assert world.tenant.has == [PREFIX]
