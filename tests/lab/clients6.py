"""Unmodified DHCPv6 clients, each in a network namespace of its own.

All give what they were told to a script in its environment, which keeps it for the test. dhclient leaves the
configuration of the interface to that script as well; the others configure it themselves. A client that asks for
prefixes is a router: it has a second interface, INNER, for the first network of what it gets.
"""

import json
import os
import shlex
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network
from pathlib import Path
from typing import Any, ClassVar

from tests.lab.clients import DEVICE, KEEP, Client
from tests.lab.network import Namespace, Segment, run
from tests.waiting import wait_for

INNER = "inner0"
LENGTH = 56
"""Of the prefixes that clients expect, who have to know it beforehand."""

_DHCLIENT_SCRIPT = f"""#!/bin/sh
case $reason in
PREINIT6) ip link set $interface up ;;
BOUND6|RENEW6|REBIND6)
    {KEEP}
    if [ -n "$new_ip6_address" ]; then
        ip addr replace $new_ip6_address/$new_ip6_prefixlen dev $interface \\
            valid_lft $new_max_life preferred_lft $new_preferred_life
        while :; do
            case $(ip -o addr show dev $interface to $new_ip6_address) in
            *dadfailed*) ip addr del $new_ip6_address/$new_ip6_prefixlen dev $interface; exit 3 ;;  # declines it
            "") exit 3 ;;  # the kernel has deleted it already, as it was not to have it for ever
            *tentative*) sleep 0.1 ;;
            *) break ;;
            esac
        done
    fi
    [ -z "$new_ip6_prefix" ] || ip addr replace ${{new_ip6_prefix%/*}}1/64 dev {INNER} ;;
DEPREF6) ip addr change $cur_ip6_address/$cur_ip6_prefixlen dev $interface preferred_lft 0 ;;
EXPIRE6|RELEASE6|STOP6)
    [ -z "$old_ip6_address" ] || ip addr del $old_ip6_address/$old_ip6_prefixlen dev $interface
    [ -z "$old_ip6_prefix" ] || ip addr del ${{old_ip6_prefix%/*}}1/64 dev {INNER} ;;
esac
echo "script $reason $new_ip6_address $new_ip6_prefix"
"""
_TELLS_ONCE = f'#!/bin/sh\n[ -z "$%s" ] || {{ {KEEP}; }}\n'


@dataclass(frozen=True)
class Asks:
    """What a client asks for.

    addresses, prefixes: how many identity associations of each kind it has. Without any, it only wants to be told of
        the network.
    rapid: whether it wants to be served with two messages.
    """

    addresses: int = 1
    prefixes: int = 0
    rapid: bool = False

    @property
    def information(self) -> bool:
        """Whether it only wants to be told of the network."""
        return not self.addresses + self.prefixes


ADDRESS = Asks()


class Client6(Client):
    """A host on a segment that runs one DHCPv6 client.

    duid: that it has, of its link-layer address.
    """

    _NAMES: ClassVar = ("new_dhcp6_name_servers", "new_dhcp6_domain_search")

    def __init__(self, segment: Segment, directory: Path, mac: str, asks: Asks, wishes: Sequence[str] = ()) -> None:
        super().__init__(segment, directory, mac, wishes)
        self.asks = asks
        self.duid = f"00:03:00:01:{mac}"
        if asks.prefixes:
            self.namespace.run("ip", "link", "add", INNER, "type", "veth", "peer", "name", "inside0")
            self.namespace.run("ip", "link", "set", "inside0", "up")
            self.namespace.run("sysctl", "-qw", f"net.ipv6.conf.{INNER}.accept_dad=0")
            self.namespace.run("ip", "link", "set", INNER, "up")
            self.namespace.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")

    @property
    def ia_id(self) -> int:
        """IAID of its first identity association."""
        return 1

    def _prepare(self) -> None:
        """Have it believe no routers, and use its link-local address at once."""
        quick = ("accept_ra=0", "accept_dad=0")
        self.namespace.run("sysctl", "-qw", *(f"net.ipv6.conf.{DEVICE}.{setting}" for setting in quick))

    def start(self) -> None:
        """Start the client. What it was told before is forgotten."""
        (self._directory / "script.told").unlink(missing_ok=True)
        super().start()

    def bound(self, seconds: float = 30) -> str:
        """Wait until its interface has an address and its script knows, and return that."""
        wait_for(
            lambda: self.address() and self.told(), f"{self.kind} has an address; it says:\n{self.said()}", seconds
        )
        return self.address()

    def suspects(self) -> None:
        """Have it look whether somebody uses an address that it gets (RFC 4862, 5.4), which takes a second or two."""
        self.namespace.run("sysctl", "-qw", f"net.ipv6.conf.{DEVICE}.accept_dad=1")

    def addresses(self) -> list[str]:
        """Return the addresses that it uses, beside its link-local one."""
        return sorted(one["local"] for one in _addresses(self.namespace, DEVICE) if _usable(one))

    def address(self) -> str:
        """Return the first of the addresses that it uses, an empty string without any."""
        return next(iter(self.addresses()), "")

    def networks(self) -> list[IPv6Network]:
        """Return the networks on its second interface, which are parts of the prefixes that it has."""
        shown = json.loads(self.namespace.run("ip", "-6", "-j", "route", "show", "dev", INNER))
        return sorted(IPv6Network(one["dst"]) for one in shown if not one["dst"].startswith("fe80:"))

    def delegated(self, seconds: float = 30) -> list[IPv6Network]:
        """Wait until there are such networks, and return them."""
        return wait_for(self.networks, f"{self.kind} has a prefix; it says:\n{self.said()}", seconds)

    def link_local(self) -> str:
        """Return its link-local address."""
        words = self.namespace.run("ip", "-6", "-o", "addr", "show", "dev", DEVICE, "scope", "link").split()
        return words[words.index("inet6") + 1].split("/")[0]

    def resolver(self) -> tuple[list[str], list[str]]:
        """Return the name servers and the domains that it was told."""
        told = self.told()
        servers, domains = (told.get(name, "").replace(",", " ").split() for name in self._NAMES)
        return servers, [domain.rstrip(".") for domain in domains]

    def _with_own(self, directories: dict[str, str], *command: str) -> list[str]:
        """Return a command line in a mount namespace where these directories are ours: what is ours, and its place.

        Nor does the machine's resolv.conf change.
        """
        resolver = self._directory / "resolv.conf"
        resolver.touch()
        mounts = [f"mount --bind {resolver} /etc/resolv.conf"]
        for name, place in directories.items():
            (self._directory / name).mkdir(exist_ok=True)
            mounts.append(f"mkdir -p {place} && mount --bind {self._directory / name} {place}")
        return ["sh", "-c", f"{' && '.join(mounts)} && exec {shlex.join(command)}"]

    def _file(self, name: str, lines: Sequence[str]) -> str:
        path = self._directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    def _numbers(self) -> tuple[range, range]:
        """Return the IAIDs of its associations, those for addresses and those for prefixes."""
        first = 1 + self.asks.addresses
        return range(1, first), range(first, first + self.asks.prefixes)


class Dhclient6(Client6):
    """The ISC client."""

    kind = "dhclient"

    @property
    def ia_id(self) -> int:
        """IAID of its first identity association: the end of its hardware address."""
        return int.from_bytes(bytes.fromhex(self.mac.replace(":", ""))[-4:], "big")

    def _files(self) -> list[str]:
        leases = self._directory / "leases"
        leases.touch()
        files = ["-lf", str(leases), "-pf", str(self._directory / "pid"), "-sf", self._script(_DHCLIENT_SCRIPT)]
        lines = ["also request dhcp6.sntp-servers, dhcp6.info-refresh-time;", *self.wishes]
        lines += ["send dhcp6.rapid-commit;"] if self.asks.rapid else []
        return ["-6", "-D", "LL", *files, "-cf", self._file("dhclient.conf", lines)]

    def _asks(self) -> list[str]:
        return ["-S"] if self.asks.information else ["-N"] * self.asks.addresses + ["-P"] * self.asks.prefixes

    def command(self) -> list[str]:
        """Return dhclient's command line."""
        return ["dhclient", "-d", "-v", *self._asks(), *self._files(), DEVICE]

    def release(self) -> None:
        """Run dhclient -r, which tells the running one to end."""
        self.namespace.run("dhclient", "-r", "-v", *self._asks(), *self._files(), DEVICE)


class Dhcpcd6Client(Client6):
    """Roy Marples' client."""

    kind = "dhcpcd"

    def command(self) -> list[str]:
        """Return dhcpcd's command line, in a mount namespace where its directories are ours."""
        addresses, prefixes = self._numbers()
        lines = [f"duid {self.duid}", "noipv6rs", "option dhcp6_name_servers, dhcp6_domain_search"]
        lines += ["option dhcp6_rapid_commit"] if self.asks.rapid else []
        lines += [*self.wishes, f"interface {DEVICE}"]
        lines += ["inform6"] if self.asks.information else []
        lines += [f"ia_na {number}" for number in addresses]
        lines += [f"ia_pd {number} {INNER}/0" for number in prefixes]
        script = self._script(_TELLS_ONCE % "new_dhcp6_server_id")
        files = ["-f", self._file("dhcpcd.conf", lines), "-c", script]
        places = {"run": "/run/dhcpcd", "lib": "/var/lib/dhcpcd"}
        return self._with_own(places, "dhcpcd", "-B", "-6", "-d", *files, DEVICE)

    def stop(self) -> None:
        """End it and its helpers, which would go on without it."""
        for pid in self.namespace.run("pidof", self.kind).split():
            if pid in run("ip", "netns", "pids", self.namespace.name).split():
                os.kill(int(pid), signal.SIGKILL)

    def release(self) -> None:
        """Send SIGALRM, upon which dhcpcd releases and exits (dhcpcd -k does the same)."""
        self._signal(signal.SIGALRM)


class DibblerClient(Client6):
    """Tomasz Mrugalski's dibbler."""

    kind = "dibbler-client"
    _NAMES = ("SRV_OPTION23", "SRV_OPTION24")

    def command(self) -> list[str]:
        """Return dibbler's command line, in a mount namespace where its directories are ours."""
        lines = ["log-level 8", "log-mode full", f'script "{self._script(_TELLS_ONCE % "SRV_OPTION23")}"']
        lines += [f'downlink-prefix-ifaces "{INNER}"'] if self.asks.prefixes else []
        lines += ["stateless"] if self.asks.information else []
        lines += [f'iface "{DEVICE}" {{', "option dns-server", "option domain"]
        lines += ["rapid-commit yes"] if self.asks.rapid else []
        lines += ["ia"] * self.asks.addresses + ["pd"] * self.asks.prefixes
        self._file("etc/client.conf", [*lines, *self.wishes, "}"])
        self._file("lib/client-duid", [self.duid])
        places = {"etc": "/etc/dibbler", "lib": "/var/lib/dibbler", "log-of-it": "/var/log/dibbler"}
        return self._with_own(places, self.kind, "run")

    def release(self) -> None:
        """Send SIGTERM, upon which dibbler releases and exits."""
        self._signal(signal.SIGTERM)


class Dhcp6c(Client6):
    """KAME's client, which Debian has as wide-dhcpv6-client. It does not look whether somebody has an address."""

    kind = "dhcp6c"
    _NAMES = ("new_domain_name_servers", "new_domain_name")

    def command(self) -> list[str]:
        """Return dhcp6c's command line, in a mount namespace where its directory is ours."""
        addresses, prefixes = self._numbers()
        sends = [f"ia-na {number}" for number in addresses] + [f"ia-pd {number}" for number in prefixes]
        sends += ["rapid-commit"] if self.asks.rapid else []
        does = "information-only;" if self.asks.information else f"send {', '.join(sends)};"
        script = self._script(_TELLS_ONCE % "new_domain_name_servers")
        asks = f'request domain-name-servers, domain-name; script "{script}";'
        inner = f"prefix-interface {INNER} {{ sla-id 0; sla-len {64 - LENGTH}; ifid 1; }};"
        lines = [f"interface {DEVICE} {{ {does} {asks} }};"]
        lines += [f"id-assoc na {number} {{ }};" for number in addresses]
        lines += [f"id-assoc pd {number} {{ {inner} }};" for number in prefixes]
        configuration = self._file("dhcp6c.conf", [*lines, *self.wishes])
        duid = bytes.fromhex(self.duid.replace(":", ""))
        (self._directory / "lib").mkdir(exist_ok=True)
        (self._directory / "lib/dhcp6c_duid").write_bytes(len(duid).to_bytes(2, "little") + duid)
        files = ["-c", configuration, "-p", str(self._directory / "pid")]
        return self._with_own({"lib": "/var/lib/dhcpv6"}, self.kind, "-f", "-D", *files, DEVICE)

    def release(self) -> None:
        """Send SIGTERM, upon which dhcp6c releases and exits."""
        self._signal(signal.SIGTERM)


def _addresses(namespace: Namespace, device: str) -> list[dict[str, Any]]:
    shown = json.loads(namespace.run("ip", "-6", "-j", "addr", "show", "dev", device, "scope", "global"))
    return [one for interface in shown for one in interface.get("addr_info", ()) if one]


def _usable(address: dict[str, Any]) -> bool:
    """Tell whether nobody else has it (RFC 4862, 5.4) and it is not deprecated."""
    return not any(address.get(flag) for flag in ("tentative", "dadfailed", "deprecated"))


KINDS6: dict[str, type[Client6]] = {kind.kind: kind for kind in (Dhclient6, Dhcpcd6Client, DibblerClient, Dhcp6c)}
HASTY = sorted(KINDS6.keys() - {"dhcp6c"})
"""Kinds that renew and rebind when the server says, be it after seconds; dhcp6c waits for 18 s and 30 s at least."""
