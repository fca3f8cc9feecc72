"""Log lines: logfmt or JSON, written outside the hub, lost rather than waited for."""

import fcntl
import json
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from enum import StrEnum

import gevent
import pytest
import structlog
from gevent.event import Event
from hypothesis import given
from hypothesis import strategies as st

from tests.waiting import wait_for
from vppdhc import log
from vppdhc.log import LineWriter


class Word(StrEnum):
    """Values as the daemon has them."""

    ONE = "one"
    TWO_WORDS = "two words"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)
    structlog.reset_defaults()


def test_a_line_is_logfmt(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])
    log.configure(writer, level="info", json=False)
    structlog.get_logger().info("lease granted", address="10.0.0.1", hostname='a "b"\nc')
    structlog.get_logger().debug("not this one")
    writer.flush()
    text = os.read(pipe[0], 4096).decode()
    assert text.startswith("timestamp=")
    assert ' level=info event="lease granted" address=10.0.0.1 ' in text
    assert text.count("\n") == 1, "whatever a client sends stays on its line"


def test_a_line_is_json_with_the_traceback_in_it(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])
    log.configure(writer, level="info", json=True)
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger().exception("failed")
    writer.flush()
    line = json.loads(os.read(pipe[0], 65536))
    assert (line["event"], line["level"]) == ("failed", "error")
    assert "ValueError: broken" in line["exception"]


def test_what_a_terminal_would_obey_is_written_out(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])
    log.configure(writer, level="info", json=False)
    structlog.get_logger().info("lease granted", hostname="a\x1b[2J\r\u2028b", name="bücher", missing=None, ok=True)
    writer.flush()
    text = os.read(pipe[0], 4096).decode()
    assert text.endswith("hostname=a\\x1b[2J\\r\\u2028b name=bücher missing= ok=true\n")


@given(
    values=st.lists(
        st.one_of(
            st.text(),
            st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)),
            st.integers(),
            st.booleans(),
            st.none(),
            st.floats(),
            st.sampled_from(Word),
        )
    )
)
def test_a_line_is_what_the_library_makes_of_it(values: list[object]) -> None:
    """Most values are written without asking it, which takes too long for a line per lease."""
    lines: list[str] = []
    log.configure(Lines(lines), level="info", json=False)
    fields = {f"field{number}": value for number, value in enumerate(values)}
    structlog.get_logger().info("lease granted", **fields)
    structlog.reset_defaults()
    render = structlog.processors.LogfmtRenderer(bool_as_flag=False)
    expected = render(None, "info", {"event": "lease granted", **{name: said(value) for name, value in fields.items()}})
    timestamp, _, rest = lines[0].partition(" level=info ")
    assert (rest, timestamp[-1]) == (expected, "Z")


def test_what_is_bound_goes_before_the_rest(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])
    log.configure(writer, level="info", json=False)
    structlog.get_logger().bind(source="192.0.2.1").info("login", user="root")
    writer.flush()
    assert os.read(pipe[0], 4096).decode().endswith(" event=login source=192.0.2.1 user=root\n")


def test_what_is_not_unicode_is_written_all_the_same(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])
    writer.write("interface=bad\udcff")
    writer.flush()
    assert os.read(pipe[0], 4096) == b"interface=bad\\udcff\n"


@pytest.mark.parametrize(("level", "written"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_levels(pipe: tuple[int, int], level: str, written: int) -> None:
    writer = LineWriter(pipe[1])
    log.configure(writer, level=level, json=True)
    for name in ("debug", "info", "warning", "error"):
        getattr(structlog.get_logger(), name)("said")
    writer.write("the end")
    writer.flush()
    lines = os.read(pipe[0], 65536).decode().splitlines()
    assert [json.loads(line)["level"] for line in lines[:-1]] == ["debug", "info", "warning", "error"][-written:]


def test_lines_are_written_as_they_come(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])
    greenlet = gevent.spawn(writer.run)
    for number in range(3):
        writer.write(f"line {number}")
        assert read(pipe[0]) == f"line {number}\n".encode()
    greenlet.kill()


def test_a_log_that_nobody_reads_holds_nobody_up_and_says_what_was_lost(pipe: tuple[int, int]) -> None:
    """While a native thread waits for the pipe, the hub goes on; the lines that do not fit are counted."""
    writer = LineWriter(pipe[1])
    log.configure(writer, level="info", json=True)
    greenlet = gevent.spawn(writer.run)
    written = fill(writer, pipe[1])
    while not writer.lost:
        writer.write(numbered(written))
        written += 1
    for _ in range(4):
        writer.write("lost too")
    assert writer.lost == 5
    turn = Event()
    gevent.spawn(turn.set)
    assert turn.wait(30)

    text = b""
    while b"lost" not in text or not text.endswith(b"\n"):
        text += read(pipe[0])
    lines = text.decode().splitlines()
    assert lines[:-1] == [numbered(number) for number in range(written - 1)]
    assert len(lines) < 20_001, "as many as a thread writes and as many as wait: memory has a bound"
    told = json.loads(lines[-1])
    assert (told["event"], told["lines"]) == ("log lines lost, nobody read them in time", 5)

    writer.write("the next line")
    assert read(pipe[0]) == b"the next line\n"
    greenlet.kill()


def test_lines_that_the_descriptor_refuses_are_lost_and_said_once_it_takes_them(pipe: tuple[int, int]) -> None:
    reading, writing = os.pipe()
    writer = LineWriter(writing)
    log.configure(writer, level="info", json=True)
    greenlet = gevent.spawn(writer.run)
    os.close(reading)
    writer.write("nobody can read this")
    wait_in_hub(lambda: writer.lost == 1, "the line is lost")
    writer.write("nor this")
    wait_in_hub(lambda: writer.lost == 2, "both are lost")
    os.dup2(pipe[1], writing)
    writer.write("this comes through")
    text = read(pipe[0])
    while b"lost" not in text:
        text += read(pipe[0])
    line, told = text.decode().splitlines()
    assert line == "this comes through"
    assert json.loads(told)["lines"] == 2
    greenlet.kill()
    os.close(writing)


def test_flush_writes_what_the_greenlet_left(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])
    for number in range(100):
        writer.write(f"line {number}")
    assert writer.flush()
    assert read(pipe[0]).decode().splitlines() == [f"line {number}" for number in range(100)]
    assert writer.flush()


def test_flush_gives_up_when_nobody_reads(pipe: tuple[int, int]) -> None:
    """A daemon that is to end does, and what the greenlet was writing when it ended comes before the rest."""
    writer = LineWriter(pipe[1])
    greenlet = gevent.spawn(writer.run)
    written = fill(writer, pipe[1])
    greenlet.kill()
    writer.write("the last line")
    assert not writer.flush(0.05)
    text = b""
    while b"the last line\n" not in text:
        text += read(pipe[0])
    assert text.decode().splitlines() == [*map(numbered, range(written)), "the last line"]
    assert writer.flush()


def test_a_process_ends_though_nobody_reads_its_log() -> None:
    program = (
        "import gevent, structlog\n"
        "from vppdhc import log\n"
        "writer = log.LineWriter(2)\n"
        "log.configure(writer, level='info', json=False)\n"
        "gevent.spawn(writer.run)\n"
        "for _ in range(20_000):\n"
        "    structlog.get_logger().info('a line that is long enough to fill a pipe')\n"
        "gevent.sleep(0.1)\n"
        "print(writer.flush(0.1), flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.wait(60) == 0
        assert process.stdout is not None
        assert process.stdout.read() == b"False\n"


class Lines(LineWriter):
    """Keeps the lines."""

    def __init__(self, lines: list[str]) -> None:
        self._kept = lines

    def write(self, line: str) -> None:
        self._kept.append(line)


def said(value: object) -> object:
    """Return a value without what a terminal would obey, the line's end aside."""
    if not isinstance(value, str):
        return value
    return "".join(
        one if one.isprintable() or one == "\n" else one.encode("unicode_escape").decode("ascii") for one in value
    )


def fill(writer: LineWriter, descriptor: int) -> int:
    """Write lines that are numbered until the pipe is full and the writer's thread waits; returns how many."""
    written = 0
    size = fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ)
    while len(numbered(written)) * written < 2 * size:
        writer.write(numbered(written))
        written += 1
    wait_in_hub(lambda: waiting_in(descriptor) >= size, "the pipe is full")
    return written


def numbered(number: int) -> str:
    return f"line {number} is long enough for a few thousand to fill a pipe"


def waiting_in(descriptor: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))[0])


def read(descriptor: int) -> bytes:
    """Wait for what is written, while the hub runs."""
    data: bytes = gevent.get_hub().threadpool.apply(os.read, (descriptor, 65536))
    return data


def wait_in_hub(ask: Callable[[], object], what: str) -> None:
    def asked() -> object:
        gevent.sleep(0.001)
        return ask()

    wait_for(asked, what)
