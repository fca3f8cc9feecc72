"""A process that is killed at any moment loses no lease that it acknowledged, and the store opens."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leases.support import BASE6, contents, contents6
from vppdhc.clock import SystemClock

TOP = Path(__file__).resolve().parents[2]
ROUNDS = 25


@pytest.mark.parametrize(
    ("case", "kills"), [("create", 100), ("commit", 60), ("reboot", 60), ("migrate1", 80), ("migrate2", 80)]
)
def test_killed_at_every_call(tmp_path: Path, case: str, kills: int) -> None:
    command = [sys.executable, "-m", "tests.leases.killed_at_every_call", case, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TOP, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > kills


def test_killed_at_random_moments(path: Path) -> None:
    choose = random.Random()
    promised: dict[int, int] = {}
    for number in range(ROUNDS):
        first = number * 1_000_000
        lines = choose.choice([0, 1, choose.randrange(100), choose.randrange(5000)])
        before = len(promised)
        for address, version in acknowledged(path, first, lines):
            assert version > promised.get(address, -1)
            promised[address] = version
        stored = {address: int.from_bytes(one.client) for (_, address), one in contents(path, SystemClock()).items()}
        assert {one.network - BASE6: one.ia_id for one in contents6(path, SystemClock()).values()} == stored
        lost = {address for address, version in promised.items() if stored.get(address, -1) < version}
        assert not lost, f"round {number}, killed after {lines} lines, {before} promised before"
        # What is there and was not acknowledged was on its way: the kill came between commit and reply.
        assert all(stored[address] >= first for address in stored if stored[address] != promised.get(address))
        promised = stored
    assert len(promised) > 1000


def acknowledged(path: Path, first: int, lines: int) -> list[tuple[int, int]]:
    """Run the program until it has printed so many leases, kill it, and return all that it acknowledged."""
    command = [sys.executable, "-m", "tests.leases.acknowledging", str(path), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=TOP) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"opening\n"
        read = [process.stdout.readline() for _ in range(lines)]
        assert process.poll() is None
        process.kill()
        read += process.stdout.readlines()
    return [(int(address), int(version)) for address, version in map(bytes.split, read)]
