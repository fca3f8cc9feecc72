"""Which prefixes routers have, or are about to get."""

from dataclasses import replace
from ipaddress import IPv6Network

from tests.dhc6.clients import datagram
from tests.dhc6.shell import Shell
from vppdhc.dhc6.config import PrefixPoolConfig
from vppdhc.dhc6.delegation import Delegated
from vppdhc.dhc6.handed_on import handed_on
from vppdhc.dhc6.levels import FOR_EVER

POOL = PrefixPoolConfig("on", 60, delegated_from="wan0")
HOME = IPv6Network("2001:db8:5500::/56")


def network() -> Shell:
    shell = Shell(pools=[POOL])
    shell.server.set_delegations({"wan0": [Delegated(HOME, (), FOR_EVER)]})
    return shell


def found(shell: Shell) -> list[str]:
    return sorted(map(str, handed_on(shell.server.networks, shell.book, shell.routes, shell.clock.now)))


def test_an_offer_and_a_lease_are_and_what_has_ended_is_not() -> None:
    shell = network()
    assert found(shell) == []
    shell.hear(datagram("solicit", 1, pd={1: []}))
    (prefix,) = shell.seen()[-1].pd[1].live
    assert found(shell) == [prefix]
    shell.hear(datagram("request", 1, pd={1: [prefix]}))
    assert found(shell) == [prefix], "also while it is not durable yet"
    shell.commits.commit()
    shell.hear(datagram("release", 1, pd={1: [prefix]}))
    shell.commits.commit()
    assert found(shell) == []


def test_a_lease_that_expires_is_not_any_more() -> None:
    shell = network()
    shell.hear(datagram("request", 1, pd={1: []}))
    shell.commits.commit()
    assert len(found(shell)) == 1
    shell.clock.now += 7201
    shell.let(shell.service.expire, 1)
    assert found(shell) == []


def test_a_lease_is_as_long_as_it_lives_although_its_pool_has_gone() -> None:
    shell = network()
    shell.hear(datagram("request", 1, pd={1: []}))
    shell.commits.commit()
    (prefix,) = shell.seen()[-1].pd[1].live
    shell.server.configure(replace(shell.config, prefix_pools=()))
    assert found(shell) == [prefix]


def test_what_a_lan_gets_is_given_to_no_router() -> None:
    shell = network()
    shell.hear(datagram("solicit", 1, pd={1: []}))
    (first,) = shell.seen()[-1].pd[1].live
    shell.server.set_delegations({"wan0": [Delegated(HOME, (IPv6Network(first),), FOR_EVER)]})
    shell.hear(datagram("request", 1, pd={1: [first]}))
    shell.commits.commit()
    (second,) = shell.seen()[-1].pd[1].live
    assert second != first
    assert IPv6Network(second).subnet_of(HOME)
