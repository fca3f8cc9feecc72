"""Waiting for something that happens elsewhere, without guessing how long it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(ask: Callable[[], T], what: str, seconds: float = 30) -> T:
    """Ask again and again until the answer is true, and return it; fail saying what did not happen."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < end, f"after {seconds} s still not so: {what}"
        time.sleep(0.02)
