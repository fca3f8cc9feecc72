"""Interfaces that are Linux devices: what a kernel does to frames, and unmodified hosts."""

from collections.abc import Iterator

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet

from tests.lab.network import Namespace, run
from tests.vppsim.client import register
from tests.vppsim.frames import HOST, arp, discover
from tests.vppsim.rig import LAN, RealRig, VethRig, mac_of
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

Linux = RealRig | VethRig
ROUTER = mac_of(LAN)
DEVICE = LAN.removeprefix("host-")
SAY_SOMETHING = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'renew', ('10.0.0.1', 67))"


@pytest.fixture
def host(linux: Linux) -> Iterator[Namespace]:
    """Give a host on the LAN of the router, with a kernel's own IP."""
    made = linux.veths.host(LAN, "10.0.0.5/24", "2001:db8::5/64")
    try:
        for address in ("10.0.0.1/24", "2001:db8::1/64"):
            assert linux.ctl(f"set interface ip address {LAN} {address}") == ""
        yield made
    finally:
        made.remove()


@pytest.mark.parametrize("address", ["10.0.0.1", "2001:db8::1"])
def test_a_host_finds_and_pings_the_router(linux: Linux, host: Namespace, address: str) -> None:
    assert "1 received" in host.run("ping", "-c", "1", "-W", "10", address)
    assert f"lladdr {ROUTER}" in host.run("ip", "neighbor", "show", address)


def test_a_partial_checksum_is_passed_on_as_it_came(linux: Linux, host: Namespace) -> None:
    punt = linux.punt()
    register(linux.api(), punt.path, 67)
    host.run("python3", "-c", SAY_SOMETHING)
    index, frame = punt.receive()
    assert (index, frame[IP].src, bytes(frame[UDP].payload)) == (linux.index(LAN), "10.0.0.5", b"renew")
    whole = Ether(bytes(frame))
    del whole[UDP].chksum
    assert frame[UDP].chksum != Ether(bytes(whole))[UDP].chksum
    assert frame[UDP].chksum == pseudo_header_sum(frame)


def pseudo_header_sum(frame: Packet) -> int:
    """Return what a kernel leaves in the checksum field for the hardware to go on from."""
    octets = bytes(frame[IP])[12:20] + bytes([0, 17]) + frame[UDP].len.to_bytes(2, "big")
    total = sum(int.from_bytes(octets[at : at + 2], "big") for at in range(0, len(octets), 2))
    return (total & 0xFFFF) + (total >> 16)


@pytest.mark.parametrize("tags", [Dot1Q(vlan=20), Dot1Q(vlan=20, prio=5) / Dot1Q(vlan=7)])
def test_the_tag_that_the_kernel_took_off_is_put_on_again(linux: Linux, tags: Packet) -> None:
    _, wire = linux.interface()
    inner = " inner-dot1q 7" if tags.payload else ""
    name = linux.ctl(f"create sub-interfaces {LAN} 20 dot1q 20{inner} exact-match")
    linux.ctl(f"set interface state {name} up")
    linux.ctl(f"set interface ip address {name} 10.0.0.1/24")
    punt = linux.punt()
    register(linux.api(), punt.path, 67)
    frame = discover("10.0.0.5", "10.0.0.1", ROUTER)
    frame = Ether(bytes(Ether(src=HOST, dst=ROUTER) / tags.copy() / frame.payload))
    wire.send(frame)
    index, punted = punt.receive()
    assert (index, bytes(punted)) == (linux.index(name), bytes(frame))


def test_a_service_tag_comes_as_an_ordinary_one(linux: Linux) -> None:
    _, wire = linux.interface()
    name = linux.ctl(f"create sub-interfaces {LAN} 20")
    linux.ctl(f"set interface state {name} up")
    linux.ctl(f"set interface ip address {name} 10.0.0.1/24")
    asked = arp(1, "10.0.0.5", "10.0.0.1")
    wire.send(Ether(src=asked.src, dst=asked.dst) / Dot1AD(vlan=20) / asked.payload)
    answer = wire.receive()
    assert (answer[Dot1Q].vlan, answer[ARP].hwsrc) == (20, ROUTER)


def test_a_device_can_be_taken_back(linux: Linux) -> None:
    linux.interface(LAN, "10.0.0.1/24")
    assert linux.veths.attach("--remove", DEVICE).returncode == 0
    assert LAN not in linux.ctl("show interface")
    linux.veths.give(LAN)
    assert linux.ctl("show interface addr").splitlines()[0] == f"{LAN} (up):"


def test_a_device_that_is_not_there_is_refused(linux: Linux) -> None:
    done = linux.veths.attach("nonexistent")
    assert done.returncode == 1
    assert "nonexistent" in done.stderr
    assert "host-nonexistent" not in linux.ctl("show interface")


def test_a_device_that_vanishes_harms_nobody(linux: Linux) -> None:
    index, _ = linux.interface(LAN, "10.0.0.1/24")
    run(*linux.veths.inside("ip", "link", "del", DEVICE))
    frame = Ether(src=ROUTER, dst=HOST) / IP(src="10.0.0.1", dst="10.0.0.5") / b"lost"
    linux.punt_to_router(index, 0, frame)
    wait_for(lambda: LAN in linux.ctl("show interface"), "it still answers")
    assert not linux.died()
