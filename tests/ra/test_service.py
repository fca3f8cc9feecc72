"""The shell round all interfaces: a reader that never waits, greenlets that come and go, and who is told what."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import gevent
import pytest
import structlog
from hypothesis import given as examples
from hypothesis import settings as how
from hypothesis import strategies as st

from tests.dhc4client.world import VirtualClock
from tests.packet.scapy_layers6 import inet6
from tests.ra.test_others import Heard
from tests.ra.world import NAME, Disk, Seen, given, lan, solicitation, stale
from vppdhc.clock import SystemClock
from vppdhc.interface import Interface
from vppdhc.packet.options6 import Option
from vppdhc.ra import service
from vppdhc.ra.config import UPSTREAM, InterfaceConfig, PrefixConfig, RaConfig
from vppdhc.ra.events import Inconsistent
from vppdhc.ra.service import RaService
from vppdhc.ra.store import MemoryStore
from vppdhc.supervisor import Supervisor

LAN = lan("2001:db8:1::1/64")
SECOND = replace(LAN, name="lan1", index=6, link_local=IPv6Address("fe80::6"))
BOTH = RaConfig({NAME: InterfaceConfig(), "lan1": InterfaceConfig(managed_flag=False)})


class EndError(Exception):
    """Ends a loop that would go on for ever."""


class Source:
    """Gives datagrams in bursts, and ends then."""

    def __init__(self, *bursts: Sequence[bytes]) -> None:
        self._bursts = list(bursts)

    def receive(self) -> Sequence[bytes]:
        if not self._bursts:
            raise EndError
        return self._bursts.pop(0)


class Table:
    """The live interface table."""

    def __init__(self, *interfaces: Interface) -> None:
        self.interfaces = {one.name: one for one in interfaces}

    def get(self, index: int) -> Interface | None:
        return next((one for one in self.interfaces.values() if one.index == index), None)

    def named(self, name: str) -> Interface | None:
        return self.interfaces.get(name)


class Hasty(SystemClock):
    """A clock on which a hundred seconds pass in one."""

    def boottime(self) -> float:
        return 100 * super().boottime()


class Router:
    """A service whose greenlets run, in a hurry, and what it gave to VPP."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = Hasty()
        self.table = Table(LAN, SECOND)
        self.seen: list[Seen] = []
        self.events: list[Inconsistent] = []
        self.ceased: list[str] = []
        self.tell: Callable[[Inconsistent], object] = self.events.append
        self.supervisor = Supervisor(self.clock)
        self.service = RaService(
            self.table,
            self._send,
            self.clock,
            self.supervisor,
            Random(1),
            MemoryStore(directory, self.clock, gevent.get_hub().threadpool.apply),
            self._told,
            self.ceased.append,
        )

    def of(self, index: int) -> list[Seen]:
        """What was sent on an interface."""
        return [seen for seen in self.seen if seen.interface == index]

    def change(self, name: str, new: Interface | None) -> None:
        old = self.table.interfaces.pop(name, None)
        if new is not None:
            self.table.interfaces[name] = new
        self.service.interface_changed(old, new)

    def _told(self, event: Inconsistent) -> None:
        self.tell(event)

    def _send(self, index: int, action: int, frame: bytes) -> bool:
        self.seen.append(Seen(self.clock.boottime(), index, frame))
        return True


@pytest.fixture
def router(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Router]:
    monkeypatch.setattr(service, "_LOOK_EVERY", 0.001)
    made = Router(tmp_path / "ra")
    yield made
    made.supervisor.stop_all()


def until(ask: Callable[[], object], what: str, seconds: float = 20) -> None:
    """Wait in the hub until the answer is true; fail saying what did not happen."""
    with gevent.Timeout(seconds, AssertionError(f"after {seconds} s still not so: {what}")):
        while not ask():
            gevent.sleep(0.002)


def serve(served: RaService, *bursts: Sequence[bytes]) -> None:
    with pytest.raises(EndError):
        served.serve(Source(*bursts))


def test_nothing_happens_before_it_is_configured(router: Router) -> None:
    serve(router.service, [solicitation()])
    assert router.service.elsewhere == {"not-advertising": 1}
    assert router.service.senders == {}
    assert router.service.stop(0)


def test_each_interface_has_its_own_settings(router: Router) -> None:
    router.service.configure(BOTH)
    until(lambda: router.of(5) and router.of(6), "advertisements on both interfaces")
    assert (router.of(5)[0].ra.M, router.of(6)[0].ra.M) == (1, 0)
    assert router.service.statistics[NAME].unsolicited == 1
    assert router.service.senders[NAME].last is not None


def test_what_is_configured_later_is_followed(router: Router) -> None:
    router.service.configure(RaConfig({NAME: InterfaceConfig()}))
    until(lambda: router.of(5), "an advertisement")
    router.service.configure(RaConfig({NAME: InterfaceConfig(link_mtu=1400), "lan1": InterfaceConfig()}))
    until(lambda: len(router.of(5)) > 1 and router.of(6), "advertisements on both interfaces")
    assert router.of(5)[1].options(inet6.ICMPv6NDOptMTU)[0].mtu == 1400
    assert router.of(5)[1].at - router.of(5)[0].at >= 3


def test_an_interface_that_is_removed_says_so_and_is_gone(router: Router) -> None:
    router.service.configure(BOTH)
    until(lambda: router.of(5) and router.of(6), "advertisements on both interfaces")
    router.service.configure(RaConfig({"lan1": InterfaceConfig(managed_flag=False)}))
    until(lambda: set(router.service.senders) == {"lan1"}, "one interface that is left")
    until(lambda: router.ceased == [NAME], "word of it")
    assert [seen.ra.routerlifetime for seen in router.of(5)] == [1800, 0, 0, 0]
    assert {seen.ra.routerlifetime for seen in router.of(6)} == {1800}
    assert router.service.statistics[NAME].unsolicited == 4


def test_an_interface_that_is_removed_and_configured_again_goes_on(router: Router) -> None:
    router.service.configure(BOTH)
    until(lambda: router.of(5), "an advertisement")
    sender = router.service.senders[NAME]
    router.service.configure(None)
    router.service.configure(BOTH)
    assert router.service.senders[NAME] is sender
    until(lambda: len(router.of(5)) > 1, "one more")
    assert router.of(5)[1].ra.routerlifetime == 1800


def test_at_the_end_each_interface_says_that_it_is_no_router(router: Router) -> None:
    router.service.configure(BOTH)
    until(lambda: router.of(5) and router.of(6), "advertisements on both interfaces")
    assert router.service.stop(30)
    assert [seen.ra.routerlifetime for seen in router.of(5)] == [1800, 0]
    assert [seen.ra.routerlifetime for seen in router.of(6)] == [1800, 0]
    assert router.of(5)[1].at - router.of(5)[0].at >= 3
    assert router.service.senders == {}


def test_the_end_does_not_wait_for_interfaces_that_are_not_there(router: Router) -> None:
    router.table.interfaces.clear()
    router.service.configure(BOTH)
    assert router.service.senders[NAME].problem == "VPP has no interface of this name"
    assert router.service.stop(30)
    assert router.seen == []


def test_interfaces_that_come_and_go_are_followed(router: Router) -> None:
    router.service.configure(BOTH)
    until(lambda: router.of(5), "an advertisement")
    router.change(NAME, None)
    assert router.service.senders[NAME].problem == "VPP has no interface of this name"
    router.change("another", None)
    router.change(NAME, replace(LAN, index=9))
    until(lambda: router.of(9), "an advertisement by the new index")
    assert router.service.senders[NAME].problem == ""


def test_solicitations_are_answered(router: Router) -> None:
    router.service.configure(RaConfig({NAME: InterfaceConfig(unicast_solicited_advertisements=True)}))
    until(lambda: router.of(5), "an advertisement")
    serve(router.service, [solicitation("fe80::77")])
    until(lambda: len(router.of(5)) > 1, "an answer")
    assert router.of(5)[1].destination == "fe80::77"
    assert router.service.statistics[NAME].solicited == 1


def test_what_clients_give_and_learn_reaches_hosts(router: Router) -> None:
    settings = InterfaceConfig(rdnss=(UPSTREAM,), default_lifetime_follows_upstream=True)
    router.service.set_delegated({NAME: (given(float("inf"), float("inf")),)})
    router.service.set_upstream({"wan0": {Option.DNS_SERVERS: IPv6Address("2001:db8::1").packed}})
    router.service.set_upstream_router({"wan0": True})
    router.service.configure(RaConfig({NAME: settings}))
    until(lambda: router.of(5), "an advertisement")
    first = router.of(5)[0]
    assert (set(first.prefixes), first.servers) == ({"2001:db8:100:1::/64"}, {"2001:db8::1": 1800})
    assert first.ra.routerlifetime == 1800
    until(lambda: len(router.of(5)) > 2, "the first three, after which it has settled")
    router.service.set_delegated({NAME: (stale(),)})
    router.service.set_upstream({})
    router.service.set_upstream_router({"wan0": False})
    until(lambda: len(router.of(5)) > 3, "another one")
    second = router.of(5)[3]
    assert (second.prefixes, second.servers) == ({"2001:db8:100:1::/64": (0, 0)}, {"2001:db8::1": 0})
    assert second.ra.routerlifetime == 0


def test_advertisements_can_be_asked_for(router: Router) -> None:
    router.service.configure(BOTH)
    until(lambda: router.of(5) and router.of(6), "advertisements on both interfaces")
    router.change("lan1", None)
    assert router.service.send_ra([NAME, "lan1", "another"]) == ["lan1", "another"]
    assert router.service.send_ra() == ["lan1"]
    until(lambda: len(router.of(5)) > 1, "one more")
    assert router.of(5)[1].at - router.of(5)[0].at >= 3


def test_another_router_that_says_otherwise_is_told_of(router: Router) -> None:
    router.service.configure(BOTH)
    router.service.other_router("another", Heard(managed=False))
    router.service.other_router(NAME, Heard())
    router.service.other_router(NAME, Heard(managed=False))
    router.service.other_router("lan1", Heard(managed=False))
    assert [(one.interface, str(one.address), one.inconsistencies) for one in router.events] == [
        (NAME, "fe80::2", ("managed flag not set, ours is set",))
    ]


def test_somebody_who_cannot_be_told_disturbs_nobody(router: Router) -> None:
    def refuse(_: Inconsistent) -> None:
        raise ZeroDivisionError

    router.tell = refuse
    router.service.configure(BOTH)
    with structlog.testing.capture_logs() as lines:
        router.service.other_router(NAME, Heard(managed=False))
    assert [line["event"] for line in lines] == ["another router advertises otherwise", "event not handled"]
    assert router.service.senders[NAME].counters.inconsistent == 1


def test_a_mistake_of_ours_ends_neither_the_reader_nor_an_interface(router: Router, monkeypatch: Any) -> None:
    router.service.configure(BOTH)
    until(lambda: router.of(5), "an advertisement")
    broken = router.service.senders[NAME]
    monkeypatch.setattr(broken, "solicit", None)
    with structlog.testing.capture_logs() as lines:
        serve(router.service, [solicitation(), solicitation(index=6)])
    assert [line["event"] for line in lines] == ["solicitation not handled"]
    assert broken.counters.drops == {"internal-error": 1}
    assert router.service.statistics["lan1"].solicitations == 1


# In virtual time: the reader


class Quiet:
    """A service in a world where time stands still unless somebody looks at it."""

    def __init__(self, work: float = 0.0) -> None:
        """work: seconds that a look at the clock takes."""
        self.clock = VirtualClock()
        self.slept: list[float] = []
        self.work = work
        clock = Working(self)
        self.supervisor = Supervisor(clock)
        self.service = RaService(
            Table(LAN),
            lambda *_: True,
            clock,
            self.supervisor,
            Random(1),
            Disk(self.clock),
            sleep=self.slept.append,
        )
        self.service.configure(RaConfig({NAME: InterfaceConfig()}))


class Working:
    """A clock that goes on a little with each look at it."""

    boot_id = "boot"

    def __init__(self, quiet: Quiet) -> None:
        self._quiet = quiet

    def boottime(self) -> float:
        self._quiet.clock.now += self._quiet.work
        return self._quiet.clock.now

    def wall(self) -> float:
        return self._quiet.clock.wall()


def test_in_a_storm_others_have_their_turn_every_five_milliseconds() -> None:
    quiet = Quiet(work=0.00002)
    began = quiet.clock.now
    serve(quiet.service, [solicitation(f"fe80::{number + 1:x}") for number in range(100)] * 100)
    took = quiet.clock.now - began
    assert quiet.service.statistics[NAME].solicitations == 10_000
    assert took / 0.006 <= len(quiet.slept) <= took / 0.005
    assert set(quiet.slept) == {1e-6}


def test_the_end_says_when_there_was_no_time_for_it() -> None:
    quiet = Quiet()
    until(
        lambda: quiet.service.statistics[NAME].unsolicited, "the first advertisement, three seconds before another one"
    )
    assert not quiet.service.stop(0.01)
    quiet.supervisor.stop_all()


def test_what_cannot_be_read_is_counted_where_it_came_in() -> None:
    quiet = Quiet()
    serve(
        quiet.service,
        [b"", solicitation(index=99), solicitation(hlim=64), solicitation()[:-1], solicitation("ff02::1")],
        [solicitation()],
    )
    assert quiet.service.elsewhere == {"punt-truncated": 1, "unknown-interface": 1}
    counters = quiet.service.statistics[NAME]
    assert counters.drops == {"nd-hop-limit": 1, "ipv6-truncated": 1, "nd-source": 1}
    assert counters.solicitations == 1


@examples(st.lists(st.binary(max_size=120)), st.lists(st.tuples(st.integers(0, 61), st.integers(0, 255)), max_size=20))
@how(max_examples=50)
def test_whatever_comes_the_next_one_is_served(garbage: list[bytes], changes: list[tuple[int, int]]) -> None:
    quiet = Quiet()
    whole = solicitation()
    altered = [whole[:8] + _changed(whole[8:], offset, value) for offset, value in changes]
    serve(quiet.service, [*garbage, *(whole[:8] + raw for raw in garbage), *altered, whole])
    counters = quiet.service.statistics[NAME]
    assert "internal-error" not in counters.drops + quiet.service.elsewhere
    received = counters.solicitations + counters.drops.total() + quiet.service.elsewhere.total()
    assert received == 2 * len(garbage) + len(changes) + 1
    assert counters.solicitations >= 1


def _changed(raw: bytes, offset: int, value: int) -> bytes:
    return raw[:offset] + bytes((value,)) + raw[offset + 1 :]


def test_a_storm_of_ten_thousand_is_answered_within_the_rate_while_others_work(router: Router) -> None:
    router.service.configure(RaConfig({NAME: InterfaceConfig()}))
    until(lambda: router.of(5), "the first advertisement")
    turns = 0
    over = False

    def work() -> None:
        nonlocal turns
        while not over:
            turns += 1
            gevent.sleep(0.001)

    other = gevent.spawn(work)
    began = router.clock.boottime()
    storm = [solicitation(f"fe80::{number + 1:x}") for number in range(100)]
    serve(router.service, *[storm] * 100)
    over = True
    other.join()
    counters = router.service.statistics[NAME]
    assert counters.solicitations == 10_000
    until(lambda: len(router.of(5)) > 2, "an answer, and what comes by itself")
    assert all(later.at - earlier.at >= 3 for earlier, later in pairwise(router.of(5)))
    assert 1 <= counters.solicited <= (router.clock.boottime() - began) / 3 + 1
    assert turns > 1


def test_restarts_remember_what_was_advertised(router: Router) -> None:
    prefix = PrefixConfig(IPv6Network("2001:db8:7::/64"))
    router.service.configure(RaConfig({NAME: InterfaceConfig(prefixes=(prefix,))}))
    until(lambda: router.of(5), "an advertisement")
    router.supervisor.stop_all()
    router.seen.clear()
    again = Router(router.directory)
    again.service.configure(BOTH)
    until(lambda: any(seen.prefixes for seen in again.of(5)), "what has gone")
    again.supervisor.stop_all()
    assert next(seen.prefixes for seen in again.of(5) if seen.prefixes) == {"2001:db8:7::/64": (0, 0)}
