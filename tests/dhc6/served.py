"""The daemon's DHCPv6 server on a simulated router, and a client on its LAN that is all scapy."""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import Ether

from tests.daemon import Daemon
from tests.dhc6.clients import TO_ONE_SERVER, Seen, datagram, link_local, look, mac
from tests.vppsim.rig import SimulatorRig, Wire
from tests.waiting import wait_for
from vppdhc.packet import punt

LAN: Final = "lan0"
ROUTER_MAC: Final = "02:00:00:00:01:01"
GLOBAL: Final = "2001:db8:1::1/64"
AGAIN: Final = 1.0
"""Seconds until a client sends its message again."""
PATIENCE: Final = 30.0


class Host:
    """What is at the far end of a LAN's wire: clients and whoever else, all of whose packets are scapy's.

    neighbours: who answers neighbour solicitations, hardware address by address.
    server: DUID of the server that was heard last.
    """

    def __init__(self, wire: "LanWire") -> None:
        self.neighbours: dict[str, str] = {}
        self.asked: list[str] = []
        self.server = b""
        self._wire = wire

    def say(self, kind: str, station: int = 1, *options: Any, **more: Any) -> None:
        """Send a client's message, as datagram() builds it, and expect no answer."""
        self.neighbours[link_local(station)] = mac(station)
        if kind in TO_ONE_SERVER:
            more.setdefault("server_id", self.server)
        self._wire.send(datagram(kind, station, *options, **more)[punt.HEADER :])

    def ask(self, kind: str, station: int = 1, *options: Any, **more: Any) -> Seen:
        """Send a client's message until there is an answer."""

        def answered(seen: Seen) -> bool:
            return seen.type in {"advertise", "reply"} and seen.trid == more.get("trid", 0x1000 + station)

        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.say(kind, station, *options, **more)
            found = self.hear(answered, AGAIN)
            if found is not None:
                self.server = found.get(2) or b""
                return found
        raise AssertionError(f"no answer to {kind}")

    def hear(self, wanted: Callable[[Seen], bool], seconds: float = PATIENCE) -> Seen | None:
        """Wait for a message that is wanted, and answer neighbour solicitations meanwhile; None where none comes."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            frame = self._wire.next(left)
            if frame is None:
                return None
            if ICMPv6ND_NS in frame:
                self._solicited(frame)
            elif IPv6 in frame and frame[IPv6].nh == 17 and frame[IPv6].payload.sport == 547:
                seen = look(punt.L2, bytes(frame))
                if wanted(seen):
                    return seen
        return None

    def bind(self, station: int = 1, **more: Any) -> Seen:
        """Take a client through Solicit and Request; returns the Reply."""
        more = more or {"na": {1: []}}
        offered = self.ask("solicit", station, **more)
        got = {
            "na": {iaid: ia.live for iaid, ia in offered.na.items()},
            "pd": {iaid: ia.live for iaid, ia in offered.pd.items()},
        }
        return self.ask("request", station, **{**more, **got})

    def _solicited(self, frame: Any) -> None:
        target = frame[ICMPv6ND_NS].tgt
        self.asked.append(target)
        holder = self.neighbours.get(target)
        if holder is not None:
            self._wire.send(
                Ether(src=holder, dst=frame.src)
                / IPv6(src=target, dst=frame[IPv6].src, hlim=255)
                / ICMPv6ND_NA(tgt=target, R=0, S=1, O=1)
                / ICMPv6NDOptDstLLAddr(lladdr=holder)
            )


class LanWire(Wire):
    """The far end of an interface of the simulator."""

    def next(self, seconds: float) -> Any | None:
        """Return the next frame, None where none comes in so many seconds."""
        self._socket.settimeout(seconds)
        try:
            return self.receive()
        except TimeoutError:
            return None


class Served:
    """A simulated router with a LAN, what is on the LAN, and the daemon, whose DHCPv6 server serves it."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        """Make it; the daemon is not started yet. settings: of dhc6server, an underscore for a hyphen."""
        self.rig = SimulatorRig(directory)
        self._path = str(directory / "lan.wire")
        server = {"interfaces": [LAN]} | {name.replace("_", "-"): value for name, value in settings.items()}
        self.settings: dict[str, Any] = {"dhc6server": server, "netconf-server": {"enabled": False}}
        self.daemon = Daemon(directory / "daemon", self.rig.run_dir / "api.sock", self.settings)
        self.plug_in()
        self.wire = _far(self._path)
        self.host = Host(self.wire)

    def plug_in(self) -> None:
        """Make the interface of a router that is empty."""
        self.do(f"create sim-interface {LAN} hw-addr {ROUTER_MAC} wire {self._path}", LAN)
        self.do(f"set interface state {LAN} up")
        self.do(f"set interface ip address {LAN} {GLOBAL}")

    def do(self, line: str, answer: str = "") -> None:
        """Run a command of the simulator."""
        assert self.rig.ctl(line) == answer

    def routes(self) -> list[tuple[str, str]]:
        """Return the IPv6 routes that were put into VPP: prefix and next hop."""
        return sorted(
            (route["prefix"], path["next-hop"])
            for route in self.rig.state()["routes"]
            for path in route["paths"]
            if ":" in route["prefix"]
        )

    def has_routes(self, *wanted: tuple[str, str]) -> None:
        """Wait until VPP has exactly these routes."""
        try:
            wait_for(lambda: self.routes() == sorted(wanted), f"VPP has {wanted}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it has {self.routes()}; the log:\n{self.daemon.said()}") from None

    def configure(self, **settings: Any) -> None:
        """Have the daemon read a configuration with other settings of dhc6server; None for none of it."""
        content = json.loads(self.daemon.config.read_text())
        for name, value in settings.items():
            content["dhc6server"][name.replace("_", "-")] = value
        self.daemon.config.write_text(json.dumps(content))
        self.reload()

    def without_server(self) -> None:
        """Have the daemon read a configuration without a server."""
        content = json.loads(self.daemon.config.read_text())
        del content["dhc6server"]
        self.daemon.config.write_text(json.dumps(content))
        self.reload()

    def reload(self) -> None:
        """Have the daemon read its configuration again."""
        before = len(self.daemon.lines("configuration reloaded"))
        self.daemon.hang_up()
        self.daemon.logged("configuration reloaded", more_than=before)

    def close(self) -> None:
        self.daemon.remove()
        self.wire.close()
        self.rig.close()


def _far(path: str) -> LanWire:
    far = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    far.bind(f"{path}.far")
    return LanWire(far, path)
