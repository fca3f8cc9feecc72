"""A host on a LAN whose kernel believes router advertisements, and on which tcpdump catches them for scapy."""

import contextlib
import subprocess
from collections.abc import Callable
from pathlib import Path

from scapy.error import Scapy_Exception
from scapy.layers.inet6 import ICMPv6ND_RA
from scapy.packet import Packet
from scapy.utils import PcapReader

from tests.lab.lan6 import LanHost
from tests.lab.network import Segment
from tests.lab.server import DEVICE
from tests.waiting import wait_for

_ROUTES = f"net.ipv6.conf.{DEVICE}.accept_ra_rt_info_max_plen=64"
"""The kernel believes in further routes (RFC 4191) as well, which it does not by default."""


class Listener(LanHost):
    """Such a host."""

    def __init__(self, segment: Segment, directory: Path) -> None:
        super().__init__(segment)
        self._directory = directory / self.namespace.name
        self._directory.mkdir()
        self._caught = self._directory / "ra.pcap"
        self.namespace.run("sysctl", "-qw", _ROUTES)
        heard = self._directory / "tcpdump"
        only = "icmp6 and ip6[40] == 134"  # the type of router advertisements
        self.namespace.start(["tcpdump", "-U", "-n", "-i", DEVICE, "-w", str(self._caught), only], heard)
        wait_for(lambda: "listening on" in heard.read_text(), "tcpdump listens")

    def link_local(self) -> str:
        """Return its link-local address."""
        words = self.namespace.run("ip", "-6", "-o", "addr", "show", "dev", DEVICE, "scope", "link").split()
        return words[words.index("inet6") + 1].split("/")[0]

    def route(self, destination: str) -> str:
        """Return its route to exactly this prefix, in the words of ip; an empty string without."""
        return self.namespace.run("ip", "-6", "route", "show", destination).strip()

    def caught(self) -> list[Packet]:
        """Return the frames of all advertisements that it heard so far."""
        frames = []
        # tcpdump may be in the middle of writing one.
        with contextlib.suppress(Scapy_Exception, EOFError, FileNotFoundError), PcapReader(str(self._caught)) as reader:
            frames = [frame for frame in reader if ICMPv6ND_RA in frame]
        return frames

    def catches(self, wanted: Callable[[Packet], bool] = lambda _: True, seconds: float = 60) -> Packet:
        """Wait until an advertisement of a kind has come, and return its frame."""

        def found() -> list[Packet]:
            return [frame for frame in self.caught() if wanted(frame)]

        return wait_for(found, "there is such an advertisement", seconds)[0]

    def send(self, frames: list[bytes], times: int) -> subprocess.Popen[bytes]:
        """Send frames over and over, as fast as the machine can; returns the process that does."""
        path = self._directory / "frames"
        path.write_text("\n".join(frame.hex() for frame in frames))
        program = (
            "import itertools, socket\n"
            f"frames = [bytes.fromhex(line) for line in open({str(path)!r})]\n"
            "sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n"
            f"sock.bind(({DEVICE!r}, 0))\n"
            f"for frame in itertools.islice(itertools.cycle(frames), {times}):\n"
            "    sock.send(frame)\n"
        )
        return self.namespace.start(["python3", "-c", program], self._directory / "sender.log")
