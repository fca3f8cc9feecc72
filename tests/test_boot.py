"""The power comes back: all clients boot at once, and hosts have addresses that no server gave them."""

import contextlib
import select
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.l2 import ARP, Ether

from tests.daemon import Daemon
from tests.vppsim.rig import SimulatorRig
from tests.waiting import wait_for
from tools.bench.boot import FarEnd, Lan, pinged, spread

ROUTER = IPv4Interface("10.0.0.1/22")
CLIENTS = 500


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[SimulatorRig]:
    made = SimulatorRig(tmp_path)
    yield made
    made.close()


class Street:
    """A daemon that asks before it offers, and the far end of the one wire of its router."""

    def __init__(self, rig: SimulatorRig, directory: Path, **settings: Any) -> None:
        server = {"interfaces": ["tap0"], "conflict-detection": "probe"} | settings
        self.daemon = Daemon(directory / "daemon", rig.run_dir / "api.sock", {"dhc4server": server})
        self.daemon.start()
        wire = directory / "wire"
        rig.ctl(f"create sim-interface tap0 wire {wire}")
        rig.ctl("set interface state tap0 up")
        rig.ctl(f"set interface ip address tap0 {ROUTER}")
        self.far = FarEnd(wire)
        self.daemon.logged("serving", interface="tap0")
        wait_for(lambda: "tap0" in rig.ctl("show ip neighbor-watcher"), "VPP tells the daemon of neighbours")

    def close(self) -> None:
        self.daemon.remove()
        self.far.close()


def test_500_clients_that_boot_at_once_have_addresses_soon_that_nobody_else_has(
    rig: SimulatorRig, tmp_path: Path
) -> None:
    street = Street(rig, tmp_path)
    inside = {address: mac for number, (address, mac) in enumerate(spread(ROUTER, 100).items()) if number % 10 == 0}
    outside = {address: mac for address, mac in spread(ROUTER, 100).items() if address not in inside}
    for address, mac in inside.items():  # hosts of the simulator; the others answer at the far end of the wire
        rig.ctl(f"simulate host create h{address} interface tap0 mac {mac.hex(':')} address {IPv4Address(address)}/22")
    with contextlib.closing(street), pinged(str(rig.run_dir / "api.sock")) as pings:
        boot = Lan(street.far, outside).boot(CLIENTS, within=1.0)
    daemon = street.daemon
    assert len(boot.latencies) == CLIENTS
    assert boot.seconds < 3
    assert len({client.address for client in boot.clients}) == CLIENTS
    held = {str(IPv4Address(address)) for address in inside | outside}
    conflicts = {
        line["address"] for line in daemon.lines("address is used by somebody else and given to nobody for a while")
    }
    assert conflicts <= held
    assert len(conflicts) > 10, "clients would have got them"
    assert not {str(IPv4Address(address)) for address in boot.offered} & held
    assert max(pings) < 0.5, "the arping plugin holds VPP's API up for a second"
    assert {lease["address"] for lease in daemon.leases() if lease["state"] == "active"} == {
        str(IPv4Address(client.address)) for client in boot.clients
    }


def test_a_stop_does_not_wait_for_answers_and_offers_nothing(rig: SimulatorRig, tmp_path: Path) -> None:
    street = Street(rig, tmp_path, **{"probe-timeout": 5000})
    with contextlib.closing(street):
        rig.ctl("simulate host create client interface tap0 mac 02:00:00:00:00:01")
        rig.ctl("simulate host client dhcp start")
        select.select([street.far], [], [], 30)
        assert Ether(street.far.recv(2048))[ARP].psrc == str(ROUTER.ip)
        assert street.daemon.stop() == 0
        assert rig.state()["hosts"]["client"]["received"] == {}
