"""Says which part of the daemon takes how much of its time, of stacks that py-spy has recorded.

    py-spy record --gil --nonblocking --rate 500 --format raw --output FILE --pid PID --duration 10
    python -m tools.bench shares FILE [--cpu MICROSECONDS]

py-spy is a profiler that samples a process from outside. PID is the daemon's, while `python -m tools.bench dhc4` keeps
its window full. With --gil only what runs Python counts: time in the kernel is not in it. A stack belongs to the part
whose function is the innermost of those below. With --cpu, which takes the user CPU of an exchange (CPU less kernel),
shares are microseconds as well.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

_PARTS: Final = {
    "receive (vppdhc/packet/dhcp4.py": "decode the message",
    "Server.handle (": "decide: the core",
    "encode (vppdhc/dhc4/reply.py": "encode the reply",
    "PuntSocket.receive (": "read the socket",
    "PuntSender.": "send the reply",
    "Heard.": "remember the exchange",
    "_Logger._say (": "make the log line",
    "Teller.": "tell of the lease",
    "Notices.": "notifications",
    "LineWriter.": "write the log",
    "LeaseStore.": "SQLite, in its thread",
    "_WorkerGreenlet.": "threads' turns",
    "ThreadPool.spawn (": "threads' turns",
    "Committer.": "group commit",
    "Dhcp4Service.": "the shell round it",
    "Heartbeat.": "other greenlets",
    "Hub.": "event loop",
}
"""Name of a part by the beginning of a frame."""


def shares(lines: Iterable[str]) -> Counter[str]:
    """Count samples by part. lines: stacks as py-spy writes them, frames with semicolons between them, and a number.

    Other lines are of a stack that changed while it was read, and count for nothing.
    """
    counts: Counter[str] = Counter()
    for line in lines:
        stack, _, samples = line.rpartition(" ")
        if samples.isdecimal():
            counts[_part(stack.split(";"))] += int(samples)
    return counts


def _part(frames: Sequence[str]) -> str:
    for frame in reversed(frames):
        for beginning, part in _PARTS.items():
            if frame.startswith(beginning):
                return part
    return "everything else"


def main(arguments: Sequence[str]) -> int:
    """Print a table of a recording; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench shares", description="where the daemon's time goes")
    parser.add_argument("file", type=Path)
    parser.add_argument("--cpu", type=float, help="microseconds of user CPU that an exchange takes")
    options = parser.parse_args(arguments)
    counts = shares(options.file.read_text(encoding="utf-8").splitlines())
    total = counts.total()
    print("| part | share |" + ("" if options.cpu is None else " us |"))
    print("| --- | --- |" + ("" if options.cpu is None else " --- |"))
    for part, count in counts.most_common():
        microseconds = "" if options.cpu is None else f" {count / total * options.cpu:.1f} |"
        print(f"| {part} | {count / total:.1%} |{microseconds}")
    return 0
