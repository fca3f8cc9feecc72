"""The recorded frames of recorded.txt, by name."""

from pathlib import Path

from vppdhc.packet import punt


def _read() -> dict[str, bytes]:
    frames: dict[str, str] = {}
    name = ""
    for line in Path(__file__).with_name("recorded.txt").read_text(encoding="ascii").splitlines():
        if ":" in line and not line.startswith("#"):
            name = line.partition(":")[0]
            frames[name] = ""
        elif name:
            frames[name] += line
    return {name: bytes.fromhex(digits) for name, digits in frames.items()}


FRAMES = _read()
ARP = {name: frame for name, frame in FRAMES.items() if name.startswith("arp-")}
DHCP = {name: frame for name, frame in FRAMES.items() if name not in ARP}


def punted(frame: bytes, interface: int = 1) -> bytes:
    """The datagram that VPP makes of a frame."""
    return punt.encode(interface, punt.L2, frame)
