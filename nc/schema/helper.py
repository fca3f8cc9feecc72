"""A process of our own that works while the hub of this one goes on, and that can be ended when it takes too long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

import nc

_ROOT: Final = Path(nc.__file__).resolve().parents[1]


class HelperError(Exception):
    """The helper did not answer: it died, or it took longer than allowed.

    late: it took too long.
    """

    def __init__(self, reason: str, *, late: bool = False) -> None:
        super().__init__(reason)
        self.late: Final = late


class Helper:
    """Asks a helper process, which is started when first needed and again when it has died.

    Under gevent's patches waiting for it lets other greenlets run. One question at a time; others wait for their turn.

    setup: what every new process is told first.
    seconds: how long an answer may take.
    """

    def __init__(self, setup: Mapping[str, Any], seconds: float) -> None:
        self._setup = dict(setup)
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The process, while there is one."""
        return self._process

    def ask(self, question: Mapping[str, Any], payload: bytes) -> Any:
        """Return the answer to a question, whose payload is a document.

        Raises HelperError.
        """
        with self._lock:
            fresh = self._process is None
            try:
                return self._ask(question, payload)
            except _GoneError as error:
                self._end()
                if fresh:
                    raise HelperError(str(error)) from error
            # It may have died while nobody asked: that is no fault of this question.
            try:
                return self._ask(question, payload)
            except _GoneError as error:
                self._end()
                raise HelperError(str(error)) from error

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._end()

    def _ask(self, question: Mapping[str, Any], payload: bytes) -> Any:
        process = self._process or self._start()
        late = threading.Event()

        def end_it() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._seconds, end_it)
        timer.start()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            write_message(process.stdin, question, payload)
            answer, _ = read_message(process.stdout)
        except (OSError, EOFError) as error:
            if late.is_set():
                self._end()
                raise HelperError(f"no answer within {self._seconds:g} s", late=True) from error
            raise _GoneError("the helper process ended") from error
        finally:
            timer.cancel()
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        search = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        process = subprocess.Popen(
            [sys.executable, "-m", "nc.schema.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": search},
            # Ctrl-C is for us to handle; the helper ends with its standard input.
            start_new_session=True,
        )
        self._process = process
        try:
            assert process.stdin is not None
            write_message(process.stdin, self._setup, b"")
        except OSError as error:
            raise _GoneError("the helper process ended") from error
        return process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with suppress(OSError):
                pipe.close()


class _GoneError(Exception):
    """The process ended before it answered."""


def write_message(pipe: IO[bytes], header: Any, payload: bytes) -> None:
    """Write one message: a line of JSON, which says how long the payload is, and the payload."""
    pipe.write(json.dumps([len(payload), header]).encode() + b"\n")
    pipe.write(payload)
    pipe.flush()


def read_message(pipe: IO[bytes]) -> tuple[Any, bytes]:
    """Read one message. Raises EOFError when there is none any more."""
    line = pipe.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    size, header = json.loads(line)
    payload = pipe.read(size)
    if len(payload) < size:
        raise EOFError
    return header, payload
