"""Providers, as the router's own client meets them: DHCP servers of others on a segment of their own.

All of them serve 198.51.100.0/24 with leases of a few seconds, so that what happens at T1, at T2 and at the end of a
lease happens in a test. They keep what they have leased when they are stopped, and can move to another address.
"""

import json
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from tests.lab.network import Segment
from tests.lab.server import DEVICE, Server

NETWORK = IPv4Network("198.51.100.0/24")
GATEWAY = "198.51.100.254"
"""The default router that the providers name."""
NAME_SERVERS = ("192.0.2.1", "192.0.2.2")
DOMAIN = "provider.example"


@dataclass(frozen=True)
class Terms:
    """What a provider gives.

    first, last: its pool.
    lease_time, renewal_time, rebinding_time: in seconds.
    gateway: the default router.
    options: further options by code, as their bytes.
    """

    first: str = "198.51.100.100"
    last: str = "198.51.100.109"
    lease_time: int = 30
    renewal_time: int = 10
    rebinding_time: int = 20
    gateway: str = GATEWAY
    options: tuple[tuple[int, bytes], ...] = ()


class Provider(Server):
    """A DHCP server in a namespace of its own.

    terms: what it gives now.
    address: its own address.
    """

    def __init__(self, segment: Segment, directory: Path, terms: Terms, address: str = "198.51.100.1") -> None:
        super().__init__(segment, directory)
        self.terms = terms
        self.address = ""
        self._move(address)

    def change(self, terms: Terms) -> None:
        """Have it give something else from now on; it knows its leases still."""
        self.stop()
        self.terms = terms
        self.start()

    def move(self, address: str) -> None:
        """Have the same server, with the same leases, answer from another address: where it was, nobody is any more."""
        self.stop()
        self._move(address)
        self.start()

    def _move(self, address: str) -> None:
        self.namespace.run("ip", "addr", "flush", "dev", DEVICE)
        self.namespace.run("ip", "addr", "add", f"{address}/{NETWORK.prefixlen}", "dev", DEVICE)
        self.address = address


class Kea(Provider):
    """ISC Kea."""

    kind = "kea-dhcp4"

    def command(self) -> list[str]:
        """Write Kea's configuration and return its command line."""
        terms = self.terms
        named = {"routers": terms.gateway, "domain-name-servers": ", ".join(NAME_SERVERS), "domain-name": DOMAIN}
        options: list[dict[str, object]] = [{"name": name, "data": data} for name, data in named.items()]
        options += [{"code": code, "csv-format": False, "data": value.hex()} for code, value in terms.options]
        pools = [{"pool": f"{terms.first} - {terms.last}"}]
        subnet = {"subnet": str(NETWORK), "pools": pools, "option-data": options}
        database = {"type": "memfile", "persist": True, "name": str(self.directory / "leases.csv"), "lfc-interval": 0}
        output = {"output": "stdout", "flush": True}
        server = {
            "interfaces-config": {"interfaces": [DEVICE], "dhcp-socket-type": "raw"},
            "lease-database": database,
            "authoritative": True,
            "valid-lifetime": terms.lease_time,
            "renew-timer": terms.renewal_time,
            "rebind-timer": terms.rebinding_time,
            "subnet4": [subnet],
            "loggers": [{"name": "kea-dhcp4", "output_options": [output], "severity": "INFO"}],
        }
        path = self.directory / "kea.json"
        path.write_text(json.dumps({"Dhcp4": server}))
        return [self.kind, "-c", str(path)]

    def environment(self) -> dict[str, str]:
        """Return where it keeps what else it writes: with us."""
        return {"KEA_PIDFILE_DIR": str(self.directory), "KEA_LOCKFILE_DIR": str(self.directory)}

    def ready(self) -> bool:
        """Tell whether it has said that it serves."""
        return "DHCP4_STARTED" in self.log.read_text()


class Dnsmasq(Provider):
    """Simon Kelley's dnsmasq. Its shortest lease is one of two minutes."""

    kind = "dnsmasq"

    def command(self) -> list[str]:
        """Return dnsmasq's command line."""
        terms = self.terms
        options = [
            f"option:router,{terms.gateway}",
            f"option:dns-server,{','.join(NAME_SERVERS)}",
            f"option:T1,{terms.renewal_time}",
            f"option:T2,{terms.rebinding_time}",
            *(f"{code},{value.hex(':')}" for code, value in terms.options),
        ]
        return [
            self.kind,
            "--no-daemon",
            "--conf-file=/dev/null",
            "--port=0",  # no DNS
            "--no-ping",
            "--user=root",
            f"--interface={DEVICE}",
            "--dhcp-authoritative",
            "--dhcp-rapid-commit",
            "--log-dhcp",
            f"--domain={DOMAIN}",
            f"--dhcp-leasefile={self.directory}/leases",
            f"--dhcp-range={terms.first},{terms.last},{NETWORK.netmask},{terms.lease_time}",
            *(f"--dhcp-option={option}" for option in options),
        ]

    def ready(self) -> bool:
        """Tell whether it has said that it serves."""
        return "DHCP, IP range" in self.log.read_text()


class Udhcpd(Provider):
    """The server of BusyBox. It sends neither T1 nor T2, and asks by ARP before it offers an address."""

    kind = "udhcpd"

    def command(self) -> list[str]:
        """Write udhcpd's configuration and return its command line."""
        terms = self.terms
        leases = self.directory / "leases"
        leases.touch()
        lines = [
            f"start {terms.first}",
            f"end {terms.last}",
            f"interface {DEVICE}",
            f"lease_file {leases}",
            f"pidfile {self.directory}/pid",
            "min_lease 1",
            f"option lease {terms.lease_time}",
            f"option subnet {NETWORK.netmask}",
            f"option router {terms.gateway}",
            f"option dns {' '.join(NAME_SERVERS)}",
            f"option domain {DOMAIN}",
            f"option 0x3a {terms.renewal_time:08x}",
            f"option 0x3b {terms.rebinding_time:08x}",
            *(f"option {code:#x} {value.hex()}" for code, value in terms.options),
        ]
        path = self.directory / "udhcpd.conf"
        path.write_text("\n".join(lines) + "\n")
        return [self.kind, "-f", str(path)]

    def ready(self) -> bool:
        """Tell whether it has said that it serves."""
        return "started" in self.log.read_text()


PROVIDERS: dict[str, type[Provider]] = {kind.kind: kind for kind in (Kea, Dnsmasq, Udhcpd)}
