"""Hosts on a LAN that listen to routers: the Linux kernel configures them, and rdisc6 says what it hears."""

import json
import re
from pathlib import Path
from typing import NamedTuple

from tests.lab.network import Namespace, Segment
from tests.lab.server import DEVICE
from tests.waiting import wait_for

_FOR_EVER = 0xFFFFFFFF


class Heard(NamedTuple):
    """Lifetimes of a prefix or an address, in seconds."""

    preferred: int
    valid: int


class LanHost:
    """A host that makes itself addresses. It does not look whether somebody has them, which takes a second."""

    def __init__(self, segment: Segment) -> None:
        self.namespace = Namespace("lan-host")
        segment.plug(DEVICE, namespace=self.namespace)
        quick = ("accept_dad=0", "router_solicitation_delay=0", "accept_ra=1")
        self.namespace.run("sysctl", "-qw", *(f"net.ipv6.conf.{DEVICE}.{setting}" for setting in quick))
        self.namespace.run("ip", "link", "set", DEVICE, "up")

    def addresses(self) -> dict[str, Heard]:
        """Return the addresses that it has made itself, and what is left of them."""
        shown = self.namespace.run("ip", "-6", "-j", "addr", "show", "dev", DEVICE, "scope", "global")
        return {
            one["local"]: Heard(one["preferred_life_time"], one["valid_life_time"])
            for device in json.loads(shown)
            for one in device.get("addr_info", ())
            if one
        }

    def routers(self) -> list[str]:
        """Return its default routers."""
        shown = self.namespace.run("ip", "-6", "-j", "route", "show", "default")
        return [one["gateway"] for one in json.loads(shown)]

    def said(self) -> str:
        """Ask for routers with rdisc6, and return what the first one says, in rdisc6's words.

        It asks again after four seconds, as no router advertises itself to all more often than every three.
        """
        return self.namespace.run("rdisc6", "-1", "-r3", "-w4000", DEVICE)

    def hears(self) -> dict[str, Heard]:
        """Ask for routers with rdisc6, and return the prefixes that the first one advertises."""
        times = r".*?Valid time +: +(\w+).*?Pref. time +: +(\w+)"
        found = re.findall(rf"Prefix +: (\S+){times}", self.said(), re.DOTALL)
        return {prefix: Heard(_seconds(preferred), _seconds(valid)) for prefix, valid, preferred in found}

    def dumped(self, log: Path) -> list[str]:
        """Return what the next advertisement is to radvdump: radvd's configuration, without comments."""
        self.namespace.start(["radvdump"], log)

        def lines() -> list[str]:
            text = log.read_text()
            found = [line.partition("#")[0].strip() for line in text.splitlines()]
            return [line for line in found if line] if "End of interface" in text else []

        return wait_for(lines, "radvdump hears an advertisement")

    def reaches(self, address: str) -> bool:
        """Tell whether a ping to an address is answered."""
        return reaches(self.namespace, address)

    def configured(self, prefix: str, seconds: float = 30) -> str:
        """Wait until it has an address in a prefix, such as `2001:db8:a000:`, that is preferred, and return it."""

        def address() -> str:
            return next((one for one, left in self.addresses().items() if one.startswith(prefix) and left[0]), "")

        return wait_for(address, f"it has an address in {prefix}", seconds)

    def remove(self) -> None:
        """Take it away."""
        self.namespace.remove()


class Dhcpcd6:
    """A host on which dhcpcd listens to routers, and tells its script what it hears."""

    def __init__(self, segment: Segment, directory: Path) -> None:
        self.namespace = Namespace("dhcpcd6")
        segment.plug(DEVICE, namespace=self.namespace)
        self._told = directory / "told"
        script, configuration = directory / "script", directory / "dhcpcd.conf"
        keep = f'env > "{self._told}.new" && mv "{self._told}.new" "{self._told}"'
        script.write_text(f"#!/bin/sh\n[ $reason = ROUTERADVERT ] && {keep}\n")
        script.chmod(0o755)
        configuration.write_text("duid\n")
        own = "mkdir -p /run/dhcpcd && mount -t tmpfs none /run/dhcpcd && mount -t tmpfs none /var/lib/dhcpcd"
        command = ["dhcpcd", "-B", "-6", "-f", str(configuration), "-c", str(script), DEVICE]
        self.namespace.run("ip", "link", "set", DEVICE, "up")
        self.namespace.start(["sh", "-c", f'{own} && exec "$@"', "sh", *command], directory / "dhcpcd6.log")

    def told(self) -> dict[str, str]:
        """Wait until it has heard a router, and return what of, by the names that its script knows."""
        wait_for(self._told.exists, "dhcpcd hears an advertisement")
        return dict(line.split("=", 1) for line in self._told.read_text().splitlines() if "=" in line)

    def remove(self) -> None:
        """Take it away."""
        self.namespace.remove()


def reaches(host: Namespace, address: str) -> bool:
    """Tell whether a ping of a host to an address is answered."""
    return " 0% packet loss" in host.run("ping", "-c1", "-W1", address, check=False)


def _seconds(word: str) -> int:
    return {"infinite": _FOR_EVER, "unspecified": 0}[word] if word.isalpha() else int(word)
