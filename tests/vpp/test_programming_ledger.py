"""What we put into VPP is known after the daemon's death at any moment, and nothing else is thought ours."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.vpp.programmed import DEFAULT, OWNER, Killed, Programmed, address, binding, lease, route
from tests.vppsim.rig import TOP
from vppdhc.vpp.items import InterfaceMtu, Item, item_from_json, item_to_json
from vppdhc.vpp.ledger import Ledger, Run, Trace

PREFIXES = (DEFAULT, "172.16.0.0/12", "2001:db8:8::/48")


def state(bench: Programmed) -> tuple[Any, ...]:
    """Return all that these tests change in the router."""
    mtus = {one.name: bench.ip4_mtu(one.name) for one in bench.table}
    return bench.addresses(), bench.routes(*PREFIXES), mtus, bench.bindings()


def everything(interface: str, number: int) -> list[Item]:
    """Return an item of each kind."""
    return [
        *lease(interface, number),
        InterfaceMtu(interface, 1400 + number),
        binding(interface, f"2001:db8:{number}::/48"),
        route("", "2001:db8:8::/48", kind="unreachable", preference=number),
    ]


# --- restarts of the daemon


def test_a_daemon_that_starts_again_adopts_what_is_wanted_and_adds_nothing_twice(bench: Programmed, wan: str) -> None:
    wanted = [item for item in everything(wan, 1) if item != binding(wan, "2001:db8:1::/48")]
    bench.programming.want(OWNER, wanted)
    before = state(bench)
    bench.start()
    bench.faults.changes.clear()
    assert bench.programming.want(OWNER, wanted) == {}
    bench.programming.settled()
    bench.later()
    assert bench.faults.changes == []
    assert state(bench) == before
    assert bench.told == []


def test_a_binding_is_put_again_by_a_daemon_that_starts_again_as_vpp_cannot_be_asked(
    bench: Programmed, wan: str
) -> None:
    wanted = everything(wan, 1)
    bench.programming.want(OWNER, wanted)
    bench.start()
    bench.faults.changes.clear()
    bench.programming.want(OWNER, wanted)
    assert [(name, arguments["is_add"]) for name, arguments in bench.faults.changes] == [
        ("npt66_binding_add_del", True)
    ]


def test_what_is_left_of_an_earlier_run_goes_when_all_have_spoken(bench: Programmed, wan: str) -> None:
    empty = state(bench)
    bench.programming.want("a", everything(wan, 1))
    bench.programming.want("b", [address(wan, "10.9.0.2/24")])
    bench.start()
    bench.programming.want("b", [address(wan, "10.8.0.2/24")])
    bench.later()
    assert {address(wan, f"10.{number}.0.2/24") for number in (1, 8, 9)} == bench.addresses()
    bench.programming.settled()
    assert bench.addresses() == {address(wan, "10.8.0.2/24")}
    bench.programming.withdraw("b")
    assert state(bench) == empty


def test_what_is_wanted_and_given_up_goes_before_all_have_spoken(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, lease(wan, 1))
    bench.start()
    bench.programming.want(OWNER, lease(wan, 1))
    bench.programming.want(OWNER, lease(wan, 2))
    assert bench.addresses() == {lease(wan, 2)[0]}


def test_what_is_left_of_an_earlier_run_makes_room(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, lease(wan))
    bench.start()
    assert bench.programming.want(OWNER, [address(wan, "10.0.1.2/16")]) == {}
    assert bench.addresses() == {address(wan, "10.0.1.2/16")}


def test_an_mtu_of_before_outlives_the_daemon(bench: Programmed, wan: str) -> None:
    bench.vpp.call("sw_interface_set_mtu", sw_if_index=bench.rig.index(wan), mtu=[9000, 1450, 0, 0])
    bench.programming.want(OWNER, [InterfaceMtu(wan, 1400)])
    bench.start()
    bench.programming.settled()
    assert bench.ip4_mtu(wan) == 1450


def test_what_others_had_before_us_is_theirs_after_a_restart_too(bench: Programmed, wan: str) -> None:
    bench.other_address(address(wan, "10.0.0.2/24"))
    bench.other_route(route(wan, DEFAULT, "10.0.0.1"))
    bench.programming.want(OWNER, lease(wan))
    bench.start()
    bench.programming.settled()
    assert bench.addresses() == {address(wan, "10.0.0.2/24")}
    assert bench.routes(DEFAULT, "172.16.0.0/12") == {route(wan, DEFAULT, "10.0.0.1")}


def test_a_vpp_that_was_restarted_while_the_daemon_was_away_has_nothing_of_ours(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, lease(wan))
    bench.restart_router()
    assert bench.loopback() == wan
    bench.other_address(address(wan, "10.0.0.2/24"))
    bench.start()
    bench.programming.settled()
    assert bench.addresses() == {address(wan, "10.0.0.2/24")}


def test_after_a_reboot_of_the_machine_vpp_has_nothing_of_ours(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, lease(wan))
    bench.clock.boot_id = "another"  # with the same process id, which is not so seldom
    bench.start()
    bench.programming.settled()
    assert bench.addresses() == {address(wan, "10.0.0.2/24")}


# --- death at any moment


def survive(bench: Programmed, act: Callable[[], object], point: int) -> bool:
    """Act, be killed at a point, and start again; returns whether the point was reached at all."""
    bench.faults.kill_at = point
    try:
        act()
    except Killed:
        return True
    finally:
        bench.faults.kill_at = None
        bench.start()
    return False


@pytest.mark.parametrize("then", ["the new lease", "the old lease", "nothing"])
@pytest.mark.parametrize("change", ["first lease", "new lease", "withdrawal"])
def test_nothing_is_left_behind_or_lost_wherever_the_daemon_is_killed(
    bench: Programmed, wan: str, change: str, then: str
) -> None:
    """Killed before each call, behind each change of VPP, and before and behind each write of the ledger."""
    theirs = [route(wan, DEFAULT, "10.0.0.77", 7), route(wan, "172.16.0.0/12", "10.0.0.3", 10)]
    for item in theirs:
        bench.other_route(item)
    bench.other_address(address(wan, "10.77.0.1/24"))
    old, new = everything(wan, 0), everything(wan, 1)
    nothing = state(bench)
    wanted = {"the new lease": new, "the old lease": old, "nothing": []}[then]
    bench.programming.want(OWNER, wanted)
    right = state(bench)
    before, after = {"first lease": ([], old), "new lease": (old, new), "withdrawal": (new, [])}[change]
    point, killed = 0, True
    while killed:
        bench.programming.want(OWNER, before)
        killed = survive(bench, lambda: bench.programming.want(OWNER, after), point)
        if wanted:
            bench.programming.want(OWNER, wanted)
        bench.programming.settled()
        assert state(bench) == right, f"killed at point {point}"
        bench.programming.withdraw(OWNER)
        assert state(bench) == nothing, f"killed at point {point}"
        point += 1
    assert point > 15
    assert bench.told == []


DAEMON = """
from gevent import monkey
monkey.patch_all()
import os, signal, sys
from pathlib import Path
from tests.vpp.programmed import lease
from vppdhc.clock import SystemClock
from vppdhc.vpp.api import ApiClient
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.ledger import Ledger
from vppdhc.vpp.programming import Programming

class Dying(ApiClient):
    left = int(sys.argv[3])
    def call(self, name, /, **arguments):
        reply = super().call(name, **arguments)
        if name in ("ip_route_add_del", "sw_interface_add_del_address"):
            Dying.left -= 1
            if Dying.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return reply

vpp = Dying(sys.argv[1])
vpp.connect()
table = InterfaceTable()
table.read(vpp)
programming = Programming(table, Ledger(Path(sys.argv[2])), SystemClock())
programming.place(vpp, again=True)
programming.want("daemon", lease("loop0"))
"""


@pytest.mark.parametrize("changes", [1, 2, 3])
def test_a_process_that_is_really_killed_leaves_nothing_behind(bench: Programmed, wan: str, changes: int) -> None:
    bench.clock.boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    empty = state(bench)
    command = [sys.executable, "-c", DAEMON, str(bench.rig.run_dir / "api.sock"), str(bench.path), str(changes)]
    done = subprocess.run(command, cwd=TOP, env=os.environ | {"PYTHONPATH": str(TOP)}, check=False)
    assert done.returncode == -9
    assert state(bench) != empty
    bench.start()
    bench.programming.settled()
    assert state(bench) == empty


# --- the file


def test_the_file_is_private_and_whole(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, lease(wan))
    assert bench.path.stat().st_mode & 0o777 == 0o600
    assert json.loads(bench.path.read_text())["version"] == 1
    assert [path.name for path in bench.path.parent.glob("*programmed*")] == [bench.path.name]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[1]",
        b"{}",
        b'{"version": 2, "run": null, "items": []}',
        b'{"version": 1, "run": 7, "items": []}',
        b'{"version": 1, "run": {"boot": "x"}, "items": []}',
        b'{"version": 1, "run": null, "items": 7}',
        b'{"version": 1, "run": null, "items": [7]}',
        b'{"version": 1, "run": null, "items": [{"index": 1}]}',
        b'{"version": 1, "run": null, "items": [{"address": "10.0.0.1/24", "interface": "a"}]}',
        b'{"version": 1, "run": null, "items": [{"address": "10.0.0.1/99", "interface": "a", "index": 1}]}',
        b'{"version": 1, "run": null, "items": [{"address": 7, "interface": "a", "index": 1}]}',
        b'{"version": 1, "run": null, "items": [{"mtu": 1, "interface": "a", "index": 1}]}',
        b'{"version": 1, "run": null, "items": ' + b"[" * 100_000,
        b" " * (17 << 20),
    ],
)
def test_a_damaged_file_is_moved_aside_and_the_daemon_goes_on(bench: Programmed, wan: str, content: bytes) -> None:
    bench.programming.want(OWNER, lease(wan))
    bench.path.write_bytes(content)
    with capture_logs() as logs:
        bench.start()
    (said,) = [line for line in logs if line["log_level"] == "error"]
    aside = Path(said["moved_to"])
    assert aside.read_bytes() == content
    assert bench.programming.want(OWNER, lease(wan, 1)) == {}
    assert bench.addresses() == {lease(wan)[0], lease(wan, 1)[0]}, "what is not known as ours stays"
    bench.start()
    bench.programming.settled()
    assert bench.addresses() == {lease(wan)[0]}


def test_a_file_that_cannot_be_read_or_moved_is_said(bench: Programmed, wan: str) -> None:
    bench.path.unlink()
    bench.path.mkdir()
    (bench.path / "in").touch()
    bench.path.with_name("programmed.json.damaged").mkdir()
    (bench.path.with_name("programmed.json.damaged") / "the way").touch()
    with capture_logs() as logs:
        bench.start()
    said = [line["event"] for line in logs if line["log_level"] == "error"]
    assert said == [
        "the record of what we put into VPP cannot be used: what an earlier run left there stays",
        "what we put into VPP cannot be written down",
    ]


def test_what_cannot_be_written_down_is_not_put_into_vpp(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, lease(wan))
    blocked = bench.path.with_name(f"{bench.path.name}.new")
    blocked.mkdir()
    problems = bench.programming.want(OWNER, lease(wan, 1))
    assert "cannot be written down: Is a directory" in problems[lease(wan, 1)[0]]
    assert bench.addresses() == set(), "what is not wanted goes all the same"
    assert bench.routes("172.16.0.0/12") == set()
    blocked.rmdir()
    bench.later()
    assert bench.programming.problems(OWNER) == {}
    assert bench.addresses() == {lease(wan, 1)[0]}
    bench.start()
    bench.programming.settled()
    assert bench.addresses() == set()


def test_a_write_that_was_cut_off_changes_nothing(bench: Programmed, wan: str) -> None:
    bench.programming.want(OWNER, lease(wan))
    bench.path.with_name(f"{bench.path.name}.new").write_text('{"version": 1, "it')
    bench.start()
    bench.programming.settled()
    assert bench.addresses() == set()


@pytest.mark.parametrize(
    "item", [*everything("tap0", 1), route("tap0", "::/0", "fe80::1"), route("tap0", "10.0.0.0/8")]
)
def test_every_item_reads_back_from_the_file(tmp_path: Path, item: Item) -> None:
    assert item_from_json(json.loads(json.dumps(item_to_json(item)))) == item
    ledger = Ledger(tmp_path / "file")
    trace = Trace(item, 7, previous=1500, dead=True)
    ledger.begin(Run("boot", 4711))
    ledger.put(trace)
    ledger.save()
    ledger.close()
    again = Ledger(tmp_path / "file")
    assert list(again) == [trace]
    assert again.run == Run("boot", 4711)


@pytest.mark.parametrize(
    "make",
    [
        lambda: address("tap0", "fe80::1/64"),
        lambda: route("", DEFAULT),
        lambda: route("", "2001:db8::/56", "fe80::1"),
        lambda: route("tap0", DEFAULT, kind="drop"),
        lambda: route("", DEFAULT, "10.0.0.1", kind="drop"),
        lambda: route("tap0", DEFAULT, "fe80::1"),
        lambda: route("tap0", DEFAULT, "10.0.0.1", preference=256),
        lambda: route("tap0", DEFAULT, "10.0.0.1", table=-1),
        lambda: InterfaceMtu("tap0", 67),
        lambda: binding("tap0", "2001:db8::/56"),
        lambda: binding("tap0", "2001:db8::/60", "fd00::/60"),
        lambda: binding("tap0", "2001:db8::/72", "fd00::/72"),
    ],
)
def test_what_vpp_could_not_do_is_no_item(make: Callable[[], Item]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        make()
