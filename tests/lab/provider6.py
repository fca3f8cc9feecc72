"""IPv6 providers, as the router's own client meets them: DHCPv6 servers of others, and the router in front of them.

Their leases last seconds, so that what happens at T1, at T2 and at the end of a lease happens in a test. Each can be
asked for what it has leased, by its own books: an opinion that the router's client has no part in.
"""

import csv
import json
from dataclasses import dataclass
from ipaddress import IPv6Network
from pathlib import Path
from typing import ClassVar, NamedTuple

from lxml import etree

from tests.lab.network import Namespace, Segment
from tests.lab.server import DEVICE, Server
from tests.waiting import wait_for

LINK = IPv6Network("2001:db8:1::/64")
"""The provider's link to its customers."""
NAME_SERVERS = ("2001:db8:ffff::53", "2001:db8:ffff::54")
DOMAIN = "provider.example"
DELEGATED = IPv6Network("2001:db8:a000::/48")
ELSEWHERE = IPv6Network("2001:db8:b000::/48")
ROUTER = "fe80::fe"
SERVER = ("fe80::1", "2001:db8:1::1")


@dataclass(frozen=True)
class Terms6:
    """What a provider gives.

    delegated: pool of prefixes; None where it has none. length: of a prefix that it delegates.
    excluded: part of the whole pool that a client must not use; where that is in its prefix, it is told (RFC 6603).
    first, last: pool of addresses on the link; empty where it has none.
    preferred, valid, t1, t2: in seconds.
    rapid: whether it answers a Solicit at once to who wants that.
    """

    delegated: IPv6Network | None = DELEGATED
    length: int = 56
    excluded: IPv6Network | None = None
    first: str = "2001:db8:1::100"
    last: str = "2001:db8:1::1ff"
    preferred: int = 60
    valid: int = 120
    t1: int = 4
    t2: int = 8
    rapid: bool = False


class Leased(NamedTuple):
    """What a server has leased: an address (of length 128) or a prefix. kind: na or pd."""

    kind: str
    ia_id: int
    network: IPv6Network


def settle(namespace: Namespace, *addresses: str) -> None:
    """Give a host on a segment these addresses, without asking whether somebody has them, and no others."""
    namespace.run("sysctl", "-qw", f"net.ipv6.conf.{DEVICE}.accept_ra=0", f"net.ipv6.conf.{DEVICE}.addr_gen_mode=1")
    namespace.run("ip", "-6", "addr", "flush", "dev", DEVICE)
    for address in addresses:
        namespace.run("ip", "addr", "add", f"{address}/64", "dev", DEVICE, "nodad")


class Provider6(Server):
    """A DHCPv6 server in a namespace of its own.

    terms: what it gives now.
    number: makes its DUID; another one makes it another server for its clients, which asks them to rebind.
    """

    def __init__(self, segment: Segment, directory: Path, terms: Terms6) -> None:
        super().__init__(segment, directory)
        self.terms = terms
        self.number = 1
        settle(self.namespace, *SERVER)

    def leases(self) -> list[Leased]:
        """Return what it has leased now, by its own books."""
        raise AssertionError("a server knows its leases")

    def change(self, terms: Terms6) -> None:
        """Have it give something else from now on; it knows its leases still."""
        self.stop()
        self.terms = terms
        self.start()

    def move(self) -> None:
        """Have another server, with another DUID and the same leases, stand in its place."""
        self.stop()
        self.number += 1
        self.start()

    def lose_state(self) -> None:
        """Have it start again without its leases."""
        self.stop()
        self.forget()
        self.start()


class Kea6(Provider6):
    """ISC Kea."""

    kind = "kea-dhcp6"

    def command(self) -> list[str]:
        """Write Kea's configuration and return its command line."""
        terms = self.terms
        named = {"dns-servers": ", ".join(NAME_SERVERS), "domain-search": DOMAIN}
        subnet: dict[str, object] = {"id": 1, "subnet": str(LINK), "interface": DEVICE, "rapid-commit": terms.rapid}
        if terms.first:
            subnet["pools"] = [{"pool": f"{terms.first} - {terms.last}"}]
        if terms.delegated is not None:
            pool = {"prefix": str(terms.delegated[0]), "prefix-len": terms.delegated.prefixlen}
            pool["delegated-len"] = terms.length
            if terms.excluded is not None:
                pool["excluded-prefix"] = str(terms.excluded[0])
                pool["excluded-prefix-len"] = terms.excluded.prefixlen
            subnet["pd-pools"] = [pool]
        database = {"type": "memfile", "persist": True, "name": str(self.directory / "leases.csv"), "lfc-interval": 0}
        output = {"output": "stdout", "flush": True}
        server = {
            "interfaces-config": {"interfaces": [DEVICE]},
            "lease-database": database,
            "server-id": {"type": "EN", "enterprise-id": 32473, "identifier": f"{self.number:08x}", "persist": False},
            "preferred-lifetime": terms.preferred,
            "valid-lifetime": terms.valid,
            "renew-timer": terms.t1,
            "rebind-timer": terms.t2,
            "option-data": [{"name": name, "data": data} for name, data in named.items()],
            "subnet6": [subnet],
            "loggers": [{"name": "kea-dhcp6", "output_options": [output], "severity": "DEBUG", "debuglevel": 40}],
        }
        path = self.directory / "kea.json"
        path.write_text(json.dumps({"Dhcp6": server}))
        return [self.kind, "-c", str(path)]

    def environment(self) -> dict[str, str]:
        """Return where it keeps what else it writes: with us."""
        return {"KEA_PIDFILE_DIR": str(self.directory), "KEA_LOCKFILE_DIR": str(self.directory)}

    def ready(self) -> bool:
        """Tell whether it has said that it serves."""
        return "DHCP6_STARTED" in self.log.read_text()

    def leases(self) -> list[Leased]:
        """Return what is in its memfile: of each lease the last line counts."""
        path = self.directory / "leases.csv"
        if not path.exists():
            return []
        found = {}
        with path.open() as file:
            for row in csv.DictReader(file):
                length = int(row["prefix_len"])
                network = IPv6Network(f"{row['address']}/{length}")
                found[network] = (row, Leased("pd" if row["lease_type"] == "2" else "na", int(row["iaid"]), network))
        return [leased for row, leased in found.values() if row["valid_lifetime"] != "0" and row["state"] == "0"]


class Dibbler(Provider6):
    """Tomasz Mrugalski's dibbler. Its directories are its own here: they cannot be named on its command line."""

    kind = "dibbler-server"
    _DIRECTORIES: ClassVar = {"etc": "/etc/dibbler", "leases": "/var/lib/dibbler", "out": "/var/log/dibbler"}

    def command(self) -> list[str]:
        """Write dibbler's configuration and return its command line, in a mount namespace where its files are ours."""
        terms = self.terms
        interface = [f"T1 {terms.t1}", f"T2 {terms.t2}"]
        interface += [f"preferred-lifetime {terms.preferred}", f"valid-lifetime {terms.valid}"]
        interface += [f"rapid-commit {'yes' if terms.rapid else 'no'}"]
        if terms.first:
            interface.append(f"class {{\n pool {terms.first}-{terms.last}\n}}")
        if terms.delegated is not None:
            interface.append(f"pd-class {{\n pd-pool {terms.delegated}\n pd-length {terms.length}\n}}")
        interface += [f"option dns-server {','.join(NAME_SERVERS)}", f"option domain {DOMAIN}"]
        stateless = [] if terms.first or terms.delegated is not None else ["stateless"]
        lines = ["log-level 8", "log-mode full", *stateless, f"iface {DEVICE} {{", *interface, "}"]
        for name in self._DIRECTORIES:
            (self.directory / name).mkdir(exist_ok=True)
        (self.directory / "etc/server.conf").write_text("\n".join(lines) + "\n")
        (self.directory / "leases/server-duid").write_text(f"00:03:00:01:02:00:00:00:98:{self.number:02x}")
        (self.directory / "out/dibbler-server.log").unlink(missing_ok=True)
        mounts = [f"mount --bind {self.directory / name} {place}" for name, place in self._DIRECTORIES.items()]
        return ["sh", "-c", f'{" && ".join(mounts)} && exec "$@"', "sh", self.kind, "run"]

    def ready(self) -> bool:
        """Tell whether it has said that it serves."""
        return "Accepting connections" in self.log.read_text()

    def forget(self) -> None:
        """Have it, while it is stopped, forget its leases."""
        for path in self.directory.glob("leases/*"):
            path.unlink()

    def leases(self) -> list[Leased]:
        """Return what is in its database, which is written with each change."""
        found = []
        for ia in etree.fromstring(wait_for(self._database, "its database is whole")).iter("AddrIA", "AddrPD"):
            ia_id = int(ia.get("IAID", ""))
            found += [Leased("na", ia_id, IPv6Network(one.text)) for one in ia.iter("AddrAddr")]
            found += [
                Leased("pd", ia_id, IPv6Network(f"{one.text}/{one.get('length')}")) for one in ia.iter("AddrPrefix")
            ]
        return found

    def _database(self) -> bytes:
        """Return its database; nothing while that is being written."""
        path = self.directory / "leases/server-AddrMgr.xml"
        text = path.read_bytes() if path.exists() else b"<AddrMgr/>"
        return text if text.rstrip().endswith((b"</AddrMgr>", b"<AddrMgr/>")) else b""


class Dnsmasq6(Provider6):
    """Simon Kelley's dnsmasq. It delegates no prefixes; its shortest lease is one of two minutes."""

    kind = "dnsmasq"

    def command(self) -> list[str]:
        """Return dnsmasq's command line."""
        terms = self.terms
        self._be_server()
        addresses = f"{terms.first},{terms.last},64,{terms.valid}" if terms.first else f"{LINK[0]},static"
        return [
            self.kind,
            "--no-daemon",
            "--conf-file=/dev/null",
            "--port=0",  # no DNS
            "--user=root",
            f"--interface={DEVICE}",
            "--log-dhcp",
            f"--dhcp-leasefile={self.directory}/leases",
            f"--dhcp-range={addresses}",
            f"--dhcp-option=option6:dns-server,{','.join(f'[{one}]' for one in NAME_SERVERS)}",
            f"--dhcp-option=option6:domain-search,{DOMAIN}",
        ]

    def ready(self) -> bool:
        """Tell whether it has said that it serves."""
        return "DHCPv6, " in self.log.read_text()

    def leases(self) -> list[Leased]:
        """Return what is in its file of leases: with IPv6, the lines behind its DUID."""
        path = self.directory / "leases"
        _, _, lines = path.read_text().partition("duid ") if path.exists() else ("", "", "")
        rows = [line.split() for line in lines.splitlines()[1:]]
        return [Leased("na", int(row[1]), IPv6Network(row[2])) for row in rows]

    def _be_server(self) -> None:
        """Write its DUID where it keeps it: among its leases."""
        path = self.directory / "leases"
        others = [line for line in path.read_text().splitlines() if "duid " not in line] if path.exists() else []
        duid = f"duid 00:02:00:00:7e:d9:00:00:00:{self.number:02x}"
        path.write_text("\n".join([duid, *others]) + "\n")


PROVIDERS6: dict[str, type[Provider6]] = {kind.kind: kind for kind in (Kea6, Dibbler, Dnsmasq6)}


@dataclass(frozen=True)
class Word:
    """What a provider's router says of itself.

    lifetime: as a default router, in seconds, 0 or at least 4. managed, other: its flags.
    preference: low, medium or high. autonomous: whether hosts make themselves addresses in LINK.
    """

    lifetime: int = 60
    managed: bool = True
    other: bool = True
    preference: str = "medium"
    autonomous: bool = False


MANAGED = Word()


class Radvd(Server):
    """A provider's router, which advertises itself with Litech's radvd every three to four seconds."""

    kind = "radvd"

    def __init__(self, segment: Segment, directory: Path, word: Word, address: str = ROUTER) -> None:
        super().__init__(segment, directory)
        self.word = word
        self.namespace.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
        settle(self.namespace, address)

    def command(self) -> list[str]:
        """Write radvd's configuration and return its command line."""
        word = self.word
        prefix = [f"AdvAutonomous {_switch(word.autonomous)};", "AdvValidLifetime 600;", "AdvPreferredLifetime 300;"]
        lines = [
            f"interface {DEVICE} {{",
            "AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;",
            f"AdvManagedFlag {_switch(word.managed)}; AdvOtherConfigFlag {_switch(word.other)};",
            f"AdvDefaultLifetime {word.lifetime}; AdvDefaultPreference {word.preference};",
            f"prefix {LINK} {{ {' '.join(prefix)} }};",
            "};",
        ]
        path = self.directory / "radvd.conf"
        path.write_text("\n".join(lines) + "\n")
        return [self.kind, "-n", "-C", str(path), "-p", str(self.directory / "pid"), "-m", "stderr", "-d", "1"]

    def ready(self) -> bool:
        """Tell whether it has said that it has begun."""
        return "started" in self.log.read_text()

    def change(self, word: Word) -> None:
        """Have it say something else."""
        self.stop()
        self.word = word
        self.start()


def _switch(on: bool) -> str:
    return "on" if on else "off"
