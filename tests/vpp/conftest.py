"""A simulator for each test, and connections to it. What runs here runs in the hub: tests wait with `until`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest

from tests.vpp.programmed import Programmed
from tests.vppsim.rig import Rig, SimulatorRig, make_rig
from vppdhc.vpp.api import ApiClient


def until(ask: Callable[[], object], what: str, seconds: float = 20) -> None:
    """Wait in the hub until the answer is true; fail saying what did not happen."""
    with gevent.Timeout(seconds, AssertionError(f"after {seconds} s still not so: {what}")):
        while not ask():
            gevent.sleep(0.005)


class VirtualClock:
    """A clock that goes on only when told."""

    boot_id = "one"

    def __init__(self) -> None:
        self.now = 1000.0

    def boottime(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., SimulatorRig]]:
    """Give a function that starts a simulator with more of its command line."""
    made: list[SimulatorRig] = []

    def start(*options: str) -> SimulatorRig:
        made.append(SimulatorRig(tmp_path, *options))
        return made[-1]

    try:
        yield start
    finally:
        for one in made:
            one.close()


@pytest.fixture
def rig(start: Callable[..., SimulatorRig]) -> SimulatorRig:
    """Give a running simulator."""
    return start()


@pytest.fixture
def connect(rig: SimulatorRig) -> Iterator[Callable[..., ApiClient]]:
    """Give a function that connects to the simulator's API."""
    made: list[ApiClient] = []

    def connect(timeout: float = 5.0) -> ApiClient:
        client = ApiClient(str(rig.run_dir / "api.sock"), timeout=timeout)
        made.append(client)
        client.connect()
        return client

    try:
        yield connect
    finally:
        for client in made:
            client.close()


@pytest.fixture
def vpp(connect: Callable[..., ApiClient]) -> ApiClient:
    """Give a connection to the simulator's API."""
    return connect()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Programmed]:
    """Give a router, either one, with a daemon that wants nothing of it yet."""
    rig = make_rig(tmp_path)
    made = Programmed(rig, tmp_path, VirtualClock())
    try:
        yield made
    finally:
        made.close()
        rig.close()


@pytest.fixture
def wan(bench: Programmed) -> str:
    """Give the name of an interface of that router."""
    name = bench.loopback()
    bench.place()
    return name


@pytest.fixture
def any_rig(tmp_path: Path) -> Iterator[Rig]:
    """Give a running router, either one."""
    rig = make_rig(tmp_path)
    try:
        yield rig
    finally:
        rig.close()


@pytest.fixture
def connect_to() -> Iterator[Callable[[Rig], ApiClient]]:
    """Give a function that connects to the API of a router."""
    made: list[ApiClient] = []

    def connect(rig: Rig) -> ApiClient:
        made.append(ApiClient(str(rig.run_dir / "api.sock")))
        made[-1].connect()
        return made[-1]

    try:
        yield connect
    finally:
        for client in made:
            client.close()
