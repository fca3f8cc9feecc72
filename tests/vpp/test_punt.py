"""Punt sockets: what VPP gives us, what we give VPP, and whose a port is."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from structlog.testing import capture_logs

from tests.vpp.conftest import VirtualClock, until
from tests.vppsim.rig import SimulatorRig
from vppdhc.packet import punt
from vppdhc.vpp.api import ApiClient
from vppdhc.vpp.errors import PuntSetupError
from vppdhc.vpp.interfaces import InterfaceTable
from vppdhc.vpp.punt import Port, PuntPorts, PuntSocket, prepare_queue
from vppdhc.vpp.sender import PuntSender

DHCP4 = Port(4, 17, 67)
DHCP6 = Port(6, 17, 547)
SOLICITATIONS = Port(6, 58, 133)
FRAME = bytes.fromhex("ffffffffffff020000000011") + b"\x08\x00" + bytes(60)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def make_ports(tmp_path: Path, clock: VirtualClock) -> Iterator[Callable[..., PuntPorts]]:
    made: list[PuntPorts] = []

    def make(*ports: Port, name: str = "ours") -> PuntPorts:
        made.append(PuntPorts(ports, tmp_path / name, clock))
        return made[-1]

    try:
        yield make
    finally:
        for one in made:
            one.close()


def holder(vpp: ApiClient, port: Port) -> str | None:
    for entry in vpp.dump("punt_socket_dump", type=0):
        what = entry.punt.punt.l4
        if (6 if what.af else 4, int(what.protocol), what.port) == port:
            return str(entry.pathname)
    return None


# Our sockets


def test_what_is_there_is_received_in_one_go(tmp_path: Path) -> None:
    ours = PuntSocket(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as theirs:
        receiving = gevent.spawn(ours.receive)
        gevent.idle()
        assert not receiving.ready()
        for number in range(5):
            theirs.sendto(bytes([number]), str(ours.path))
        assert receiving.get(timeout=10) == [bytes([number]) for number in range(5)]
    assert ours.received == 5
    ours.close()
    assert not ours.path.exists()


def test_others_may_not_write_to_our_socket(tmp_path: Path) -> None:
    ours = PuntSocket(tmp_path / "s")
    assert ours.path.stat().st_mode & 0o777 == 0o660
    ours.close()


def test_a_socket_that_outlived_its_process_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as old:
        old.bind(str(tmp_path / "s"))
    PuntSocket(tmp_path / "s").close()


def test_a_socket_that_somebody_uses_is_left_to_him(tmp_path: Path) -> None:
    first = PuntSocket(tmp_path / "s")
    with pytest.raises(PuntSetupError, match="in use by another process"):
        PuntSocket(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as theirs:
        theirs.sendto(b"still his", str(first.path))
    assert first.receive() == [b"still his"]
    first.close()


def test_a_path_that_no_socket_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PuntSetupError, match="choose a shorter run directory"):
        PuntSocket(tmp_path / ("x" * 120))


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path, clock: VirtualClock) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PuntSetupError, match="cannot be made"):
        PuntPorts((DHCP4,), tmp_path / "file" / "run", clock)


@pytest.mark.lab
def test_the_queue_of_our_namespace_is_raised() -> None:
    prepare_queue()
    assert int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text()) >= 2048


def test_a_queue_that_cannot_be_raised_is_one_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("vppdhc.vpp.punt._QUEUE_SETTING", tmp_path / "nowhere" / "max_dgram_qlen")
    with capture_logs() as logs:
        prepare_queue()
    (line,) = logs
    assert line["log_level"] == "warning"
    assert line["remedy"].startswith("sysctl -w net.unix.max_dgram_qlen=2048")


# Whose a port is


def test_ports_are_registered_and_given_back(vpp: ApiClient, make_ports: Callable[..., PuntPorts]) -> None:
    ports = make_ports(DHCP4, DHCP6, SOLICITATIONS)
    path = ports.register(vpp)
    assert Path(path).is_socket()
    for port in (DHCP4, DHCP6, SOLICITATIONS):
        assert holder(vpp, port) == str(ports.socket(port).path)
        assert ports.owns(port)
    assert ports.deregister(vpp)
    assert [holder(vpp, port) for port in (DHCP4, DHCP6, SOLICITATIONS)] == [None, None, None]


def test_a_port_that_another_program_holds_is_taken_and_reported(
    vpp: ApiClient, make_ports: Callable[..., PuntPorts]
) -> None:
    theirs, ours = make_ports(DHCP4, name="theirs"), make_ports(DHCP4)
    theirs.register(vpp)
    with capture_logs() as logs:
        ours.register(vpp)
    assert holder(vpp, DHCP4) == str(ours.socket(DHCP4).path)
    (line,) = logs
    assert (line["log_level"], line["port"]) == ("warning", "ipv4-udp-67")
    assert line["holder"] == str(theirs.socket(DHCP4).path)


def test_what_a_dead_program_left_behind_is_no_warning(vpp: ApiClient, make_ports: Callable[..., PuntPorts]) -> None:
    theirs, ours = make_ports(DHCP4, name="theirs"), make_ports(DHCP4)
    theirs.register(vpp)
    theirs.close()
    with capture_logs() as logs:
        ours.register(vpp)
    assert [line["log_level"] for line in logs] == ["info"]


def test_our_own_registration_of_an_earlier_life_is_not_worth_a_word(
    vpp: ApiClient, make_ports: Callable[..., PuntPorts]
) -> None:
    first = make_ports(DHCP4)
    first.register(vpp)
    first.close()
    with capture_logs() as logs:
        make_ports(DHCP4).register(vpp)
    assert logs == []


def test_a_port_that_is_taken_from_us_is_taken_back_less_and_less_often(
    vpp: ApiClient, make_ports: Callable[..., PuntPorts], clock: VirtualClock
) -> None:
    theirs, ours = make_ports(DHCP4, name="theirs"), make_ports(DHCP4)
    ours.register(vpp)
    waits = []
    for _ in range(4):
        theirs.register(vpp)
        taken = clock.now
        with capture_logs() as logs:
            ours.check(vpp)
            while not ours.owns(DHCP4):
                clock.now += 1
                ours.check(vpp)
        assert [line["event"] for line in logs] == ["punt port taken by somebody else", "punt port taken back"]
        assert logs[0]["holder"] == str(theirs.socket(DHCP4).path)
        assert holder(vpp, DHCP4) == str(ours.socket(DHCP4).path)
        waits.append(clock.now - taken)
    assert waits == [0, 10, 20, 40]


def test_a_port_that_vpp_has_forgotten_is_registered_again(
    vpp: ApiClient, make_ports: Callable[..., PuntPorts]
) -> None:
    ours = make_ports(DHCP4)
    ours.register(vpp)
    vpp.call("punt_socket_deregister", punt={"type": 0, "punt": {"l4": {"af": 0, "protocol": 17, "port": 67}}})
    ours.check(vpp)
    assert holder(vpp, DHCP4) == str(ours.socket(DHCP4).path)


def test_another_programs_port_is_not_given_back(vpp: ApiClient, make_ports: Callable[..., PuntPorts]) -> None:
    theirs, ours = make_ports(DHCP4, name="theirs"), make_ports(DHCP4, DHCP6)
    ours.register(vpp)
    theirs.register(vpp)
    assert not ours.deregister(vpp)
    assert holder(vpp, DHCP4) == str(theirs.socket(DHCP4).path)
    assert holder(vpp, DHCP6) is None


def test_a_vpp_without_a_punt_socket_is_told_how_to_get_one(
    start: Callable[..., SimulatorRig], make_ports: Callable[..., PuntPorts]
) -> None:
    vpp = ApiClient(str(start("--no-punt-socket").run_dir / "api.sock"))
    vpp.connect()
    ports = make_ports(DHCP4)
    with pytest.raises(PuntSetupError, match=r"startup\.conf"):
        ports.register(vpp)
    with pytest.raises(PuntSetupError, match=r"startup\.conf"):
        ports.try_out(vpp)
    vpp.close()


def test_trying_out_takes_nothing_from_anybody(vpp: ApiClient, make_ports: Callable[..., PuntPorts]) -> None:
    theirs = make_ports(DHCP4, name="theirs")
    theirs.register(vpp)
    make_ports(DHCP4).try_out(vpp)
    assert [str(entry.pathname) for entry in vpp.dump("punt_socket_dump", type=0)] == [str(theirs.socket(DHCP4).path)]


# What we give VPP


class Outlet:
    """A sender that is connected to a simulator, with an interface whose far end can be read."""

    def __init__(self, rig: SimulatorRig) -> None:
        self.rig = rig
        self.index, self.wire = rig.interface("host-lan", "192.168.1.1/24")
        self.table = InterfaceTable()
        self.vpp = ApiClient(str(rig.run_dir / "api.sock"))
        self.vpp.connect()
        self.table.read(self.vpp)
        self.sender = PuntSender(self.table)
        self.sender.connect(str(rig.run_dir / "punt.sock"))

    def close(self) -> None:
        self.sender.disconnect()
        self.vpp.close()


@pytest.fixture
def outlet_at(start: Callable[..., SimulatorRig]) -> Iterator[Callable[..., Outlet]]:
    """Give a function that makes an outlet of a simulator that reads so many datagrams a second."""
    made: list[Outlet] = []

    def make(rate: float) -> Outlet:
        made.append(Outlet(start("--punt-rate", str(rate))))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def outlet(rig: SimulatorRig) -> Iterator[Outlet]:
    made = Outlet(rig)
    yield made
    made.close()


def test_a_frame_goes_out(outlet: Outlet) -> None:
    assert outlet.sender.send(outlet.index, punt.L2, FRAME)
    assert bytes(outlet.wire.receive()) == FRAME
    assert outlet.sender.counters.sent == 1


@pytest.mark.parametrize("index", [4294967295, 99])
@pytest.mark.parametrize("action", [punt.L2, punt.IP4, punt.IP6])
def test_nothing_goes_to_an_interface_that_vpp_does_not_have(outlet: Outlet, index: int, action: int) -> None:
    assert not outlet.sender.send(index, action, FRAME)
    assert outlet.sender.counters.no_interface == 1
    assert outlet.vpp.call("show_version").program == "vpe", "it would be dead"


def test_nothing_goes_to_an_interface_that_is_gone(outlet: Outlet) -> None:
    outlet.table.deleted(outlet.index)
    assert not outlet.sender.send(outlet.index, punt.L2, FRAME)


def test_the_simulator_dies_of_what_the_sender_keeps_from_it(outlet: Outlet) -> None:
    outlet.rig.punt_to_router(99, punt.L2, FRAME)
    until(outlet.rig.died, "the simulator dies as VPP does")


def test_a_vpp_that_does_not_read_costs_frames_and_not_the_time_of_those_behind(
    outlet: Outlet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = []

    def wait_in_vain(descriptor: int, timeout: float, timeout_exc: Any) -> None:
        waits.append(timeout)
        raise timeout_exc

    monkeypatch.setattr("vppdhc.vpp.sender.wait_write", wait_in_vain)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unread:
        unread.bind(str(tmp_path / "unread"))
        outlet.sender.connect(str(tmp_path / "unread"))
        total = 5000
        taken = sum(outlet.sender.send(outlet.index, punt.L2, FRAME) for _ in range(total))
        counters = outlet.sender.counters
        assert (counters.sent, counters.refused) == (taken, total - taken)
        assert counters.refused > 1
        assert waits == [0.25], "only the first one that was refused has waited"
        while unread.recv(2048, socket.MSG_DONTWAIT):
            if outlet.sender.send(outlet.index, punt.L2, FRAME):
                break
        assert counters.sent == taken + 1, "when there is room again, it is used"


def test_a_frame_waits_until_vpp_has_room(outlet_at: Callable[..., Outlet]) -> None:
    outlet = outlet_at(2000)
    for _ in range(1000):
        assert outlet.sender.send(outlet.index, punt.L2, FRAME)


def test_at_once_is_what_vpp_has_room_for_and_the_rest_is_not_counted(outlet: Outlet, tmp_path: Path) -> None:
    sender = outlet.sender
    assert sender.send_at_once(outlet.index, punt.L2, FRAME)
    assert bytes(outlet.wire.receive()) == FRAME
    assert not sender.send_at_once(99, punt.L2, FRAME)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unread:
        unread.bind(str(tmp_path / "unread"))
        sender.connect(str(tmp_path / "unread"))
        while sender.send_at_once(outlet.index, punt.L2, FRAME):
            pass
    sender.disconnect()
    assert not sender.send_at_once(outlet.index, punt.L2, FRAME)
    counters = sender.counters
    assert (counters.no_interface, counters.refused, counters.gone) == (0, 0, 0)
    assert counters.sent > 1


def test_nothing_goes_at_once_before_what_waits(
    outlet: Outlet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reader:
        reader.bind(str(tmp_path / "reader"))

        def make_room(descriptor: int, timeout: float, timeout_exc: Any) -> None:
            reader.recv(2048)
            at_once.append(outlet.sender.send_at_once(outlet.index, punt.L2, FRAME))

        monkeypatch.setattr("vppdhc.vpp.sender.wait_write", make_room)
        outlet.sender.connect(str(tmp_path / "reader"))
        while not at_once:
            assert outlet.sender.send(outlet.index, punt.L2, FRAME)
        assert at_once == [False]
        reader.recv(2048)
        assert outlet.sender.send_at_once(outlet.index, punt.L2, FRAME), "nobody waits any more"


def test_an_interface_that_goes_while_a_frame_waits_is_not_sent_to(
    outlet_at: Callable[..., Outlet], monkeypatch: pytest.MonkeyPatch
) -> None:
    outlet = outlet_at(0.1)

    def lose_interface(descriptor: int, timeout: float, timeout_exc: Any) -> None:
        outlet.table.clear()

    monkeypatch.setattr("vppdhc.vpp.sender.wait_write", lose_interface)
    while outlet.sender.send(outlet.index, punt.L2, FRAME):
        pass
    assert outlet.sender.counters.no_interface == 1


def test_a_vpp_that_has_gone_is_counted(outlet: Outlet) -> None:
    outlet.rig.process.kill()
    outlet.rig.process.wait()
    assert not outlet.sender.send(outlet.index, punt.L2, FRAME)
    outlet.sender.disconnect()
    assert not outlet.sender.send(outlet.index, punt.L2, FRAME)
    assert outlet.sender.counters.gone == 2


def test_a_socket_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PuntSetupError, match="No such file"):
        PuntSender(InterfaceTable()).connect(str(tmp_path / "punt.sock"))


@pytest.mark.lab
def test_a_socket_that_we_may_not_write_to_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "punt.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as vpps:
        vpps.bind(str(path))
        path.chmod(0o755)
        for parent in (tmp_path, *list(tmp_path.parents)[:2]):
            parent.chmod(0o755)
        os.seteuid(65534)
        try:
            with pytest.raises(PuntSetupError, match="UMask=0002"):
                PuntSender(InterfaceTable()).connect(str(path))
        finally:
            os.seteuid(0)
