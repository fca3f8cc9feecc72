"""A renumbering from end to end, without root: the provider and a host on the LAN are inside the simulator."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon import Daemon
from tests.vppsim.rig import SimulatorRig
from tests.waiting import wait_for

WAN, LAN = "wan0", "tap1"
POOL = "pool pd 2001:db8:a000::/54 56 preferred 600 valid 900"
ELSEWHERE = "pool pd 2001:db8:b000::/54 56 preferred 600 valid 900"
OLD, NEW = "2001:db8:a000::/64", "2001:db8:b000::/64"
OLD_ADDRESS, NEW_ADDRESS = "2001:db8:a000::ff:fe00:5", "2001:db8:b000::ff:fe00:5"
INTERNET = "2001:db8:ffff::1"
SETTINGS = {
    "dhc6pdclient": {"interface": WAN, "lan-interface": [{"name": LAN}]},
    "ip6ndra": {"interfaces": [LAN]},
    "netconf-server": {"enabled": False},
}


class Network:
    """A simulated router with a provider on its WAN, who is the Internet as well, a host on its LAN, and the daemon."""

    def __init__(self, directory: Path) -> None:
        self.rig = SimulatorRig(directory)
        self.daemon = Daemon(directory / "daemon", self.rig.run_dir / "api.sock", SETTINGS)
        for number, name in enumerate((WAN, LAN), 1):
            self.do(f"create sim-interface {name} hw-addr 02:00:00:00:01:{number:02x}", name)
            self.do(f"set interface state {name} up")
        self.do(f"simulate host create isp interface {WAN} mac 02:00:00:00:99:01", "isp")
        self.do(f"simulate host create host interface {LAN} mac 02:00:00:00:00:05", "host")
        self.do(f"simulate host isp ip6 address {INTERNET}")
        self.do(f"simulate host isp dhcp6-server {POOL}")
        self.do("simulate host isp router managed other lifetime 1800")
        self.daemon.start()
        self.do("simulate host host ip6 listen")

    def do(self, line: str, answer: str = "") -> None:
        """Run a command of the simulator."""
        assert self.rig.ctl(line) == answer

    def host(self, name: str = "host") -> dict[str, Any]:
        """Return the IPv6 of a host."""
        state: dict[str, Any] = json.loads(self.rig.ctl("show simulate state"))["hosts"][name]["ip6"]
        return state

    def preferred(self) -> list[str]:
        """Return the addresses that the host on the LAN uses for what is new."""
        return [address for address, left in self.host()["addresses"].items() if left["preferred"]]

    def become(self, addresses: list[str]) -> None:
        """Wait until the host on the LAN uses these."""
        wait_for(lambda: self.preferred() == addresses, f"it uses {addresses}: {self.host()}; {self.daemon.said()}")

    def asked(self, kind: str) -> int:
        """Return how often the router's client has sent a message to the provider."""
        return sum(heard["type"] == kind for heard in self.host("isp")["dhcp6-server"]["heard"])

    def reaches(self, address: str) -> None:
        """Wait until a ping of the host on the LAN is answered; the first packets find no neighbours yet."""
        before = self.host()["received"].get("echo reply", 0)

        def answered() -> bool:
            self.do(f"simulate host host ip6 ping {address}")
            return bool(self.host()["received"].get("echo reply", 0) > before)

        wait_for(answered, f"{address} answers")

    def close(self) -> None:
        self.daemon.remove()
        self.rig.close()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    made = Network(tmp_path)
    yield made
    made.close()


def test_a_host_hears_of_the_new_prefix_and_that_the_old_one_is_gone(network: Network) -> None:
    """The provider tells the client to come (Reconfigure); the one exchange after that changes everything."""
    network.become([OLD_ADDRESS])
    network.reaches(INTERNET)
    network.do(f"simulate host isp dhcp6-server {ELSEWHERE}")
    network.do("simulate host isp dhcp6-server reconfigure renew")
    network.become([NEW_ADDRESS])
    assert network.asked("renew") == 1
    told = [
        {prefix["prefix"]: (prefix["valid"], prefix["preferred"]) for prefix in heard["prefixes"]}
        for heard in network.host()["advertisements"]
    ]
    first = next(number for number, prefixes in enumerate(told) if OLD in prefixes)
    assert all(OLD in prefixes for prefixes in told[first:]), "at each moment it is said what has become of it"
    assert told[-1][OLD] == (0, 0)
    assert 0 < told[-1][NEW][0] <= 900
    assert network.host()["addresses"].keys() == {OLD_ADDRESS, NEW_ADDRESS}, "a host may end what it does (RFC 4862)"
    network.reaches(INTERNET)


def test_a_host_hears_that_the_prefix_is_taken_away_and_given_again(network: Network) -> None:
    network.become([OLD_ADDRESS])
    network.do("simulate host isp dhcp6-server pool")
    network.do("simulate host isp dhcp6-server reconfigure renew")
    network.become([])
    network.do(f"simulate host isp dhcp6-server {POOL}")
    network.become([OLD_ADDRESS])
