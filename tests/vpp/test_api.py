"""Calls to VPP's API: from many greenlets at once, and everything that can go wrong with them."""

import json
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest

from tests.vpp.conftest import until
from tests.vppsim.rig import SimulatorRig
from vppdhc.vpp.api import ApiClient
from vppdhc.vpp.errors import (
    VppArgumentError,
    VppCallError,
    VppDefinitionsError,
    VppGoneError,
    VppTimeoutError,
    VppUnsupportedError,
)


def test_a_call_returns_the_reply(vpp: ApiClient) -> None:
    assert vpp.call("show_version").program == "vpe"


def test_every_greenlet_gets_the_reply_to_its_own_call(rig: SimulatorRig, vpp: ApiClient) -> None:
    names = [f"tap{number}" for number in range(20)]
    for name in names:
        rig.ctl(f"create sim-interface {name}")

    def ask(name: str) -> list[str]:
        entries = [vpp.dump("sw_interface_dump", name_filter_valid=True, name_filter=name) for _ in range(20)]
        return [entry.interface_name for dump in entries for entry in dump if entry.interface_name == name]

    greenlets = [gevent.spawn(ask, name) for name in names]
    gevent.joinall(greenlets, timeout=30)
    assert [greenlet.value for greenlet in greenlets] == [[name] * 20 for name in names]


def test_a_dump_without_details_is_empty(vpp: ApiClient) -> None:
    assert vpp.dump("ip_address_dump", sw_if_index=0, is_ipv6=False) == []


def test_what_vpp_refuses_is_an_exception_that_names_everything(vpp: ApiClient) -> None:
    with pytest.raises(VppCallError) as caught:
        vpp.call("sw_interface_get_table", sw_if_index=77, is_ipv6=False)
    assert caught.value.call == "sw_interface_get_table"
    assert caught.value.arguments == {"sw_if_index": 77, "is_ipv6": False}
    assert (caught.value.retval, caught.value.retval_name) == (-2, "INVALID_SW_IF_INDEX")
    assert "sw_if_index=77" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("no_such_message", {}, VppUnsupportedError),
        ("sw_interface_dump", {}, VppUnsupportedError),
        ("sw_interface_get_table", {"colour": 1}, VppArgumentError),
        ("sw_interface_get_table", {"sw_if_index": "tap0"}, VppArgumentError),
        ("sw_interface_get_table", {"sw_if_index": -1}, VppArgumentError),
    ],
)
def test_a_wrong_call_is_not_sent(vpp: ApiClient, name: str, arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=name):
        vpp.call(name, **arguments)
    assert vpp.call("show_version").program == "vpe"


def test_a_call_without_a_reply_times_out_and_disturbs_no_other(rig: SimulatorRig, vpp: ApiClient) -> None:
    rig.ctl("simulate silent show_version")
    waiting = gevent.spawn(vpp.call, "show_version", _timeout=0.5)
    assert vpp.call("control_ping").vpe_pid == rig.process.pid
    with pytest.raises(VppTimeoutError, match=r"no reply within 0\.5 s"):
        waiting.get()
    rig.ctl("simulate clear")
    assert vpp.call("show_version").program == "vpe"


def test_who_waits_less_long_than_the_call_gets_his_own_timeout(rig: SimulatorRig, vpp: ApiClient) -> None:
    rig.ctl("simulate silent show_version")
    with gevent.Timeout(0.2) as mine, pytest.raises(gevent.Timeout) as caught:
        vpp.call("show_version", _timeout=30)
    assert caught.value is mine


def test_a_late_reply_is_nobody_elses(rig: SimulatorRig, vpp: ApiClient) -> None:
    rig.ctl("simulate delay 300 show_version")
    with pytest.raises(VppTimeoutError):
        vpp.call("show_version", _timeout=0.1)
    assert vpp.call("control_ping", _timeout=5).vpe_pid == rig.process.pid


def test_whoever_waits_learns_that_vpp_has_gone(rig: SimulatorRig, vpp: ApiClient) -> None:
    rig.ctl("simulate silent show_version")
    waiting = gevent.spawn(vpp.call, "show_version")
    gevent.idle()
    rig.process.kill()
    with pytest.raises(VppGoneError):
        waiting.get(timeout=10)
    assert vpp.closed.is_set()
    with pytest.raises(VppGoneError):
        vpp.call("show_version")


def test_without_vpp_there_is_no_connection(tmp_path: Path) -> None:
    with pytest.raises(VppGoneError, match="nowhere"):
        ApiClient(str(tmp_path / "nowhere")).connect()


def test_an_event_goes_to_its_callbacks_whatever_one_of_them_does(rig: SimulatorRig, vpp: ApiClient) -> None:
    seen: list[tuple[int, bool]] = []
    vpp.on_event("sw_interface_event", lambda _: 1 / 0)
    vpp.on_event("sw_interface_event", lambda event: seen.append((event.sw_if_index, event.deleted)))
    vpp.call("want_interface_events", enable_disable=1, pid=1)
    rig.ctl("create sim-interface tap0")
    index = rig.index("tap0")
    rig.ctl("delete sim-interface tap0")
    until(lambda: (index, True) in seen, "the interface's end is seen")
    assert seen[0] == (index, False)


def test_a_burst_of_events_lets_others_have_their_turn(
    rig: SimulatorRig, vpp: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vppdhc.vpp.api._WORK_BEFORE_YIELD", 0.0)
    turns, seen = [0], []
    vpp.on_event("sw_interface_event", lambda event: seen.append((event.sw_if_index, turns[0])))

    def count() -> None:
        while True:
            turns[0] += 1
            gevent.sleep(0)

    vpp.call("want_interface_events", enable_disable=1, pid=1)
    names = [f"tap{number}" for number in range(20)]
    for name in names:
        rig.ctl(f"create sim-interface {name}")  # blocks this process: the events are there all at once
    counting = gevent.spawn(count)
    until(lambda: len({index for index, _ in seen}) == len(names), "all events are seen")
    counting.kill()
    assert len({turn for _, turn in seen}) == len(seen), "others had a turn after each"


def test_a_vpp_too_old_to_serve_definitions_needs_their_directory(
    start: Callable[..., SimulatorRig], tmp_path: Path
) -> None:
    path = str(start("--no-api-json").run_dir / "api.sock")
    with pytest.raises(VppDefinitionsError, match="api-definitions"):
        ApiClient(path).connect()
    with pytest.raises(VppDefinitionsError, match=r"no \*\.api\.json"):
        ApiClient(path, definitions=tmp_path).connect()
    served = json.loads((Path(__file__).parents[2] / "tools/vppsim/api.json").read_text())
    (tmp_path / "core").mkdir()
    for module in served:
        (tmp_path / f"core/{module['module']}.api.json").write_text(json.dumps(module))
    client = ApiClient(path, definitions=tmp_path)
    client.connect()
    assert client.call("show_version").program == "vpe"
    client.close()


@pytest.mark.parametrize(
    "answer",
    [
        struct.pack(">QII", 0, 0, 0),
        struct.pack(">QII", 0, 0xFFFFFFFF, 0),
        struct.pack(">QII", 0, 3, 0) + b"\0\x10\0",
        b"",
    ],
)
def test_a_server_that_is_no_vpp_is_given_up(tmp_path: Path, answer: bytes) -> None:
    path = tmp_path / "api.sock"
    server = gevent.socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        peer, _ = server.accept()
        peer.recv(4096)
        peer.sendall(answer)
        peer.close()

    serving = gevent.spawn(serve)
    with pytest.raises(VppGoneError):
        ApiClient(str(path), timeout=5).connect()
    serving.join()
    server.close()
