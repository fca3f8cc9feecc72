"""The recorded IPv6 frames of recorded6.txt, by name."""

from pathlib import Path


def _read() -> dict[str, bytes]:
    frames: dict[str, str] = {}
    name = ""
    for line in Path(__file__).with_name("recorded6.txt").read_text(encoding="ascii").splitlines():
        if ":" in line and not line.startswith("#"):
            name = line.partition(":")[0]
            frames[name] = ""
        elif name:
            frames[name] += line
    return {name: bytes.fromhex(digits) for name, digits in frames.items()}


FRAMES6 = _read()
ND = {name: frame for name, frame in FRAMES6.items() if name.startswith("nd-")}
DHCP6 = {name: frame for name, frame in FRAMES6.items() if name not in ND}
