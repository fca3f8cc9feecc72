"""The LAN with IPv6, which the daemon serves, and what it says of it."""

import contextlib
from collections.abc import Sequence
from ipaddress import IPv6Address, IPv6Network
from typing import Any

from scapy.error import Scapy_Exception
from scapy.layers.dhcp6 import DHCP6_Reply
from scapy.packet import Packet
from scapy.utils import PcapReader

from tests.daemon import Daemon
from tests.lab import management
from tests.lab.clients6 import ADDRESS, KINDS6, Asks, Client6
from tests.lab.conftest import LAN_DEVICE, Lab
from tests.lab.lan6 import reaches
from tests.lab.network import Namespace, Segment
from tests.lab.server import DEVICE
from tests.waiting import wait_for

LAN = IPv6Network("2001:db8:77::/64")
ROUTER = "2001:db8:77::1"
SECOND = IPv6Network("2001:db8:78::/64")
SECOND_ROUTER = "2001:db8:78::1"
POOL = IPv6Network("2001:db8:a000::/48")
OURS = IPv6Network("2001:db8::/32")
"""What all networks and prefixes of the lab are parts of."""
NAME_SERVERS = ["2001:db8:ffff::53", "2001:db8:ffff::54"]
DOMAIN = "lan.example"
BRIEF: dict[str, Any] = {"valid-lifetime": 120, "preferred-lifetime": 60, "renew-time": 3, "rebind-time": 6}
"""Leases of which clients renew after 3 s, and rebind after 6 s: those of HASTY."""
FOR_EVER: dict[str, Any] = {"valid-lifetime": 0xFFFFFFFF, "preferred-lifetime": 0xFFFFFFFF}
"""Leases without end. An address with an end that somebody else has, Linux deletes, and not every client notices."""


class Lan6:
    """The router's LAN, which has the network LAN."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.interface = lab.interface
        lab.router.number(LAN_DEVICE, f"{ROUTER}/{LAN.prefixlen}")

    def daemon(self, **settings: Any) -> Daemon:
        """Start a daemon that serves the LAN with these settings of dhc6server."""
        daemon = self.lab.daemon_with({"dhc6server": self.server(**settings)})
        self.lab.stack.callback(leave, self.lab, daemon)
        return daemon

    def server(self, **settings: Any) -> dict[str, Any]:
        """Return settings of dhc6server that serve the LAN."""
        return {"interfaces": [self.interface], "dns": NAME_SERVERS, "domain-search": [DOMAIN]} | settings

    @staticmethod
    def subnet(**settings: Any) -> dict[str, Any]:
        """Return the LAN as a subnet of dhc6server."""
        return {"id": "lan", "network-prefix": str(LAN)} | settings

    @staticmethod
    def prefixes(**settings: Any) -> dict[str, Any]:
        """Return settings of dhc6server by which prefixes of POOL are delegated, with these settings of the pool."""
        return {"prefix-pool": [{"pool-id": "all", "pool-prefix": str(POOL), "client-prefix-length": 56} | settings]}

    def renumber(self, network: IPv6Network, *, remove: IPv6Network | None = None) -> None:
        """Give the router an address in a further network of the LAN, or take that in another one away."""
        command = ("set", "interface", "ip", "address")
        self.lab.router.ctl(*command, self.interface, f"{network[1]}/{network.prefixlen}")
        if remove is not None:
            self.lab.router.ctl(*command, "del", self.interface, f"{remove[1]}/{remove.prefixlen}")

    def client(self, kind: str, *wishes: str, asks: Asks = ADDRESS) -> Client6:
        """Make a host on the LAN with a client of that kind, not started yet. It knows the router."""
        client = client_on(self.lab, self.lab.segment, kind, asks, wishes)
        know_router(client.namespace)
        return client

    def host(self, *addresses: str) -> Namespace:
        """Make a host on the LAN that has these addresses, and knows the router."""
        host = self.lab.host()
        host.run("sysctl", "-qw", f"net.ipv6.conf.{DEVICE}.accept_ra=0")
        for address in addresses:
            host.run("ip", "addr", "add", f"{address}/64", "dev", DEVICE, "nodad")
        know_router(host)
        return host


def client_on(lab: Lab, segment: Segment, kind: str, asks: Asks, wishes: Sequence[str] = ()) -> Client6:
    """Make a host on a segment with a client of that kind, not started yet."""
    client = KINDS6[kind](segment, lab.directory, lab.another_mac(), asks, wishes)
    lab.stack.callback(client.remove)
    return client


def leave(lab: Lab, daemon: Daemon) -> None:
    """Have a daemon that runs take the routes to delegated prefixes out of the router.

    They are to outlive the daemon, but not their interface: in a real VPP, they and every later one that is the same
    would be dead.
    """
    if daemon.running:
        management.act(daemon, "<dhc6server><clear-leases><all/></clear-leases></dhc6server>", "cleared")
        wait_for(lambda: not [one for one in lab.router.ways(OURS) if one.endswith("/56")], "the routes are gone")


def know_router(host: Namespace) -> None:
    """Have a host on the LAN know the router: nobody advertises it here."""
    host.run("ip", "route", "add", str(LAN), "dev", DEVICE)
    host.run("ip", "route", "add", "default", "via", ROUTER, "dev", DEVICE)


def entries(daemon: Daemon, name: str, **keys: str) -> list[dict[str, str]]:
    """Return the entries of a list of dhc6server's state, each with its leafs.

    keys: values of leafs that they have to have; names are written with underscores.
    """
    wanted = "".join(f"<{leaf.replace('_', '-')}>{value}</{leaf.replace('_', '-')}>" for leaf, value in keys.items())
    return management.entries(daemon, f"<dhc6server><{name}>{wanted}</{name}></dhc6server>", name)


def leased(daemon: Daemon) -> set[str]:
    """Return the addresses that are leased now."""
    return {one["leased-address"] for one in entries(daemon, "active-lease", state="active")}


def delegated(daemon: Daemon) -> set[str]:
    """Return the prefixes that are delegated now."""
    return {one["leased-prefix"] for one in entries(daemon, "active-prefix-lease", state="active")}


def count(daemon: Daemon, kind: str) -> int:
    """Return how many messages of a kind, such as `renew`, the server has counted, on all interfaces."""
    return sum(int(one[f"{kind}-count"]) for one in entries(daemon, "statistics"))


def counted(daemon: Daemon, kind: str, least: int = 1, seconds: float = 30) -> None:
    """Wait until the server has counted so many messages of a kind."""
    what = f"there are {least} {kind} messages"
    try:
        wait_for(lambda: count(daemon, kind) >= least, what, seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}: {entries(daemon, 'statistics')}; {daemon.said()}") from None


def ended(daemon: Daemon, address: str, state: str) -> None:
    """Wait until the lease of an address has ended in a way."""
    shown = f"<dhc6server><inactive-lease><leased-address>{address}</leased-address></inactive-lease></dhc6server>"
    management.eventually(daemon, shown, "state", state)


def candidate(daemon: Daemon, interface: str, client: Client6) -> str:
    """Return the address that a client would get now for its first association."""
    asked = f"<interface>{interface}</interface><client-duid>{client.duid}</client-duid><ia-id>{client.ia_id}</ia-id>"
    (address,) = management.act(daemon, f"<dhc6server><which-address>{asked}</which-address></dhc6server>", "address")
    return address


def why(daemon: Daemon, client: Client6, leaf: str) -> list[str]:
    """Return what the server says about a client's last exchange."""
    question = f"<dhc6server><why><client-duid>{client.duid}</client-duid></why></dhc6server>"
    return management.act(daemon, question, leaf)


class Caught:
    """What tcpdump catches of what a host is sent by servers, for scapy."""

    def __init__(self, client: Client6, lab: Lab) -> None:
        self._file = lab.directory / f"{client.namespace.name}.pcap"
        heard = lab.directory / f"{client.namespace.name}.tcpdump"
        client.namespace.start(["tcpdump", "-U", "-n", "-i", DEVICE, "-w", str(self._file), "udp dst port 546"], heard)
        wait_for(lambda: "listening on" in heard.read_text(), "tcpdump listens")

    def replies(self) -> list[Packet]:
        """Return the Reply messages so far."""
        replies = []
        # tcpdump may be in the middle of writing one.
        with contextlib.suppress(Scapy_Exception, EOFError, FileNotFoundError), PcapReader(str(self._file)) as reader:
            replies = [frame[DHCP6_Reply] for frame in reader if DHCP6_Reply in frame]
        return replies


def reached(host: Namespace, address: IPv6Address | str) -> None:
    """Wait until a host is answered from an address, once everybody has asked for his neighbours."""
    wait_for(lambda: reaches(host, str(address)), f"{address} answers", 10)
