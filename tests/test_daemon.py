"""The daemon as a process, on the simulator and without root: what it does when things go wrong around it."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon import TOP, Daemon
from tests.vppsim.rig import SimulatorRig
from tests.waiting import wait_for

SEED = {
    "dhc6pdclient": {"interface": "tap0", "internal-prefix": "fd00::/48", "npt66": True},
    "dhc6server": {"interfaces": ["tap1"], "dns": ["2001:4860:4860::8888"]},
    "ip6ndra": {"interfaces": ["tap1"]},
    "dhc4server": {"name-server": ["8.8.8.8"], "renewal-time": 600, "lease-time": 3600},
}


class House:
    """A simulated router with a WAN (tap0) and a LAN (tap1), hosts on the LAN, and the daemon."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.rig = SimulatorRig(directory)
        self.daemon = Daemon(directory / "daemon", self.rig.run_dir / "api.sock", SEED)
        self.plug_in()

    def plug_in(self) -> None:
        """Make the interfaces of a router that is empty."""
        for name in ("tap0", "tap1"):
            self.rig.ctl(f"create sim-interface {name}")
            self.rig.ctl(f"set interface state {name} up")
        self.rig.ctl("set interface ip address tap0 198.51.100.2/24")
        self.rig.ctl("set interface ip address tap1 192.168.1.1/24")

    def host(self, number: int, interface: str = "tap1") -> str:
        name = f"host{number}"
        self.rig.ctl(f"simulate host create {name} interface {interface} mac 02:00:00:00:00:{number:02x}")
        self.rig.ctl(f"simulate host {name} dhcp start")
        return name

    def state_of(self, name: str) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.rig.ctl("show simulate state"))["hosts"][name]
        return state

    def address(self, name: str) -> str:
        """Wait for a host's address."""
        return str(wait_for(lambda: self.state_of(name)["address"], f"{name} has an address; {self.daemon.said()}"))

    def close(self) -> None:
        self.daemon.remove()
        self.rig.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vppdhc", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=TOP)


def test_the_seeds_configuration_serves_the_lan_and_not_the_wan(house: House) -> None:
    house.daemon.start()
    inside, outside = house.host(1), house.host(2, "tap0")
    assert house.address(inside).startswith("192.168.1.")
    assert house.state_of(outside)["address"] is None
    assert [line["interface"] for line in house.daemon.lines("serving")] == ["tap1"]
    assert [line["interface"] for line in house.daemon.lines("serving DHCPv6")] == ["tap1"]


def test_a_vpp_that_comes_later_is_served(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "daemon", tmp_path / "run/api.sock", SEED)
    daemon.launch()
    daemon.logged("no VPP, trying again")
    house = House(tmp_path)
    try:
        house.daemon = daemon
        daemon.logged("serving", interface="tap1")
        assert house.address(house.host(1))
    finally:
        house.close()


def test_every_lease_survives_a_kill_and_an_empty_router(house: House) -> None:
    house.daemon.start()
    hosts = [house.host(number) for number in range(1, 21)]
    addresses = {name: house.address(name) for name in hosts}
    assert len(set(addresses.values())) == 20
    house.daemon.kill()
    stored = {lease["address"] for lease in house.daemon.leases()}
    assert stored == {address.split("/")[0] for address in addresses.values()}
    house.rig.ctl("simulate restart keep-interfaces")
    house.daemon.start()
    for name in hosts:
        house.rig.ctl(f"simulate host {name} dhcp renew")
    for name in hosts:
        house.daemon.logged("lease renewed", address=addresses[name].split("/")[0])
    newcomer = house.host(99)
    assert house.address(newcomer) not in addresses.values()


def test_no_answer_without_a_durable_lease(house: House) -> None:
    """The disk is full: who asks gets nothing, and is served when there is room again."""
    house.daemon.start()
    first = house.address(house.host(1))
    full = max(path.stat().st_size for path in house.daemon.state_dir.glob("leases.db-wal"))
    resource.prlimit(house.daemon.pid, resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
    late = house.host(2)
    alarm = house.daemon.logged("leases cannot be stored, clients get no answer")
    assert "full" in alarm["error"]
    assert house.state_of(late)["address"] is None
    resource.prlimit(house.daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    second = house.address(late)
    house.daemon.logged("leases can be stored again")
    house.daemon.kill()
    assert {lease["address"] for lease in house.daemon.leases()} == {
        first.split("/")[0],
        second.split("/")[0],
    }


def test_addresses_that_vpp_gets_while_the_daemon_runs_are_served(house: House) -> None:
    house.daemon.start()
    house.rig.ctl("create sim-interface tap7")
    house.rig.ctl("set interface state tap7 up")
    house.rig.ctl("set interface ip address tap7 10.0.0.1/8")
    house.daemon.logged("serving", interface="tap7", networks="10.0.0.0/8")
    assert house.address(house.host(1, "tap7")).startswith("10.")
    house.rig.ctl("delete sim-interface tap7")
    house.daemon.logged("not serving any more", interface="tap7")


def test_a_tagged_host_is_served(house: House) -> None:
    house.daemon.start()
    house.rig.ctl("create sub-interfaces tap1 30 dot1q 200 inner-dot1q 30 exact-match")
    house.rig.ctl("set interface state tap1.30 up")
    house.rig.ctl("set interface ip address tap1.30 192.168.30.1/24")
    house.daemon.logged("serving", interface="tap1.30")
    house.rig.ctl("simulate host create tagged interface tap1 mac 02:00:00:00:30:01 vlan 200 inner 30")
    house.rig.ctl("simulate host tagged dhcp start")
    assert house.address("tagged").startswith("192.168.30.")


def test_a_stop_is_clean(house: House) -> None:
    house.daemon.start()
    house.address(house.host(1))
    assert house.daemon.stop() == 0
    assert house.daemon.lines("stopped")
    assert "67" not in house.rig.ctl("show punt socket registrations l4")
    assert not list((house.daemon.directory / "run").glob("*.sock"))


def test_two_daemons_do_not_share_their_directories(house: House) -> None:
    house.daemon.start()
    other = run(
        *("run", "--config", str(house.daemon.config), "--state-dir", str(house.daemon.state_dir)),
        *("--run-dir", str(house.directory / "elsewhere")),
    )
    assert other.returncode == 1
    assert "another process has it open" in other.stderr
    other = run(
        *("run", "--config", str(house.daemon.config), "--state-dir", str(house.directory / "elsewhere")),
        *("--run-dir", str(house.daemon.directory / "run")),
    )
    assert other.returncode == 1
    assert "choose another run directory" in other.stderr
    assert house.address(house.host(1)), "the first one is undisturbed"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "line 1: not JSON"),
        ('{"dhc4server": {"lease-time": 0}}', "line 1: /vppdhc:dhc4server/vppdhc:lease-time: A lease lives 3 seconds"),
        ('{"dhc4server":\n{"lease-tiem": 60}}', "line 2: /vppdhc:dhc4server/vppdhc:lease-tiem: there is no node"),
        ('{"dhc4serverr": {}}', "line 1: /vppdhc:dhc4serverr: there is no node 'dhc4serverr' here; did you mean"),
        ('{"dhc4server": {}, "dhc4server": {}}', "not usable JSON: the name 'dhc4server' is there"),
        ("<config", "line 1: "),
    ],
)
@pytest.mark.parametrize("command", [["validate"], ["run", "--config"]])
def test_a_wrong_configuration_is_refused_with_what_is_wrong(
    tmp_path: Path, command: list[str], text: str, said: str
) -> None:
    path = tmp_path / "vppdhc.json"
    path.write_text(text)
    done = run(*command, str(path))
    assert done.returncode == 2
    assert f"{path}: {said}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_valid_configuration_is_said_to_be_valid(tmp_path: Path) -> None:
    path = tmp_path / "vppdhc.json"
    path.write_text(json.dumps(SEED))
    done = run("validate", str(path))
    assert done.returncode == 0
    assert done.stdout.endswith("valid\n")


def test_a_configuration_is_converted_to_xml_and_back(tmp_path: Path) -> None:
    original = tmp_path / "vppdhc.json"
    original.write_text(json.dumps(SEED))
    as_xml = tmp_path / "vppdhc.xml"
    as_xml.write_text(run("convert", "--to", "xml", str(original)).stdout)
    canonical = run("convert", str(original)).stdout
    assert run("convert", str(as_xml)).stdout == canonical
    assert json.loads(canonical)["vppdhc:dhc6pdclient"] == [SEED["dhc6pdclient"]]


def test_a_missing_configuration_is_refused(tmp_path: Path) -> None:
    done = run("run", "--config", str(tmp_path / "nowhere.json"))
    assert done.returncode == 2
    assert "No such file" in done.stderr


def test_leases_into_a_closed_pipe_is_no_traceback(house: House) -> None:
    house.daemon.start()
    house.address(house.host(1))
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "vppdhc", "leases", "--state-dir", str(house.daemon.state_dir)]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, cwd=TOP, timeout=60)
    os.close(writer)
    assert "Traceback" not in done.stderr
