"""A router for each test: either one, or the simulator where a test is about what VPP does not have."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.vppsim.client import Api
from tests.vppsim.rig import RealRig, Rig, SimulatorRig, VethRig, make_rig, make_rig_with_veths


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs network namespaces where they cannot be made, and say why."""
    reason = "" if os.geteuid() == 0 else "network namespaces need root"
    if not reason and shutil.which("ip") is None:
        reason = "network namespaces need iproute2: tools/test installs it as root"
    if reason:
        for item in items:
            if item.get_closest_marker("lab"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """Give a router: the simulator, or the real VPP that the environment names."""
    made = make_rig(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def linux(tmp_path: Path) -> Iterator[RealRig | VethRig]:
    """Give either router with Linux devices for wires; a test that wants this is marked `lab`."""
    made = make_rig_with_veths(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def api(rig: Rig) -> Api:
    """Give a connection to the router."""
    return rig.api()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., SimulatorRig]]:
    """Give a function that starts a simulator with more of its command line."""
    made: list[SimulatorRig] = []

    def start(*options: str, directory: Path = tmp_path) -> SimulatorRig:
        directory.mkdir(exist_ok=True)
        made.append(SimulatorRig(directory, *options))
        return made[-1]

    try:
        yield start
    finally:
        for one in made:
            one.close()


@pytest.fixture
def simulator(start: Callable[..., SimulatorRig]) -> SimulatorRig:
    """Give the simulator, for what VPP does not have."""
    return start()
