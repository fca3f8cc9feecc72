"""The demonstration shows what it says, and leaves nothing behind."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.waiting import wait_for

TOP = Path(__file__).resolve().parents[1]
PATIENCE = 300.0
CAMERA = r"It has (fd00::[0-9a-f:]+) for 7200 s, and DNS servers 2001:4860:4860::8888\.\n"


@pytest.fixture
def places() -> Iterator[Path]:
    """A directory whose path is short, as those of sockets have to be."""
    with TemporaryDirectory(prefix="demo-") as directory:
        yield Path(directory)


def test_from_beginning_to_end(tmp_path: Path, places: Path) -> None:
    shown, failed = tmp_path / "shown", tmp_path / "failed"
    command = [sys.executable, "-m", "tools.tour", "--keep"]
    environment = os.environ | {"TMPDIR": str(places)}
    with (
        shown.open("wb") as out,
        failed.open("wb") as err,
        subprocess.Popen(command, stdout=out, stderr=err, cwd=TOP, env=environment) as process,
    ):
        try:
            up = "NETCONF is served on"
            wait_for(lambda: process.poll() is not None or up in shown.read_text(), "it is through", PATIENCE)
            assert process.poll() is None, failed.read_text()
            text = shown.read_text()
            for line in re.findall(r"^  (/\S+ -m .*)$", text, re.MULTILINE):
                done = subprocess.run(shlex.split(line), cwd=TOP, capture_output=True, text=True, check=True)
                assert "192.168.1." in done.stdout, "what one is told to try works"
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGTERM
    assert list(places.iterdir()) == []
    told(text)


def told(text: str) -> None:
    """See that the demonstration has shown each thing, in this order."""
    place = 0
    for pattern in (
        r"\n192\.168\.1\.\d+ +active .*(\n192\.168\.1\.\d+ +active .*){3}\n4 leases",
        r"<vppdhc:allocated-count>4<",
        r"\[0\] internal: fd00::/48 external: 2001:db8:a000::/48\n\$",
        r"::/0 fib:0 (.|\n)* via fe80::ff:fe00:101 tap0",
        r'"lifetime": 1800,\n +"managed": true,\n +"other": true,\n +"prefixes": \[\]',
        CAMERA,
        r"\nfd00::[0-9a-f:]+ +active +tap1",
        r"\[0\] internal: fd00::/48 external: 2001:db8:b000::/48\n\$",
        r"got 2001:db8:b000::/48 in place of 2001:db8:a000::/48",
        r"  L3 2001:db8:b000::1/64\n",
        r"has pinged 2001:db8:ffff::1 from 2001:db8:b000::ff:fe00:a, and was answered",
        r'"prefix": "2001:db8:b000::/64",\n.*\n.*\n +"valid": 0,\n +"preferred": 0\n',
        r"The laptop uses 2001:db8:c000::ff:fe00:a now\.",
        r"<vppdhc:leased-address>198\.51\.100\.20<",
        r"The guest was to have (192\.168\.1\.\d+); it has (?!\1)192\.168\.1\.\d+\. Why\?",
        r"\n8 leases; times are UTC",
        r'event="lease released".*(\n.*)*event="lease renewed"',
    ):
        found = re.compile(pattern).search(text, place)
        assert found, f"{pattern} is not behind {text[:place].splitlines()[-1:]}"
        place = found.start() + 1
