"""A router for tenants: the simulator, or the real VPP that the environment names."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dhc6pdclient.tenanted import Tenanted
from tests.vpp.conftest import VirtualClock
from tests.vpp.programmed import Programmed
from tests.vppsim.rig import make_rig
from vppdhc.dhc6pdclient.config import ClientConfig


@pytest.fixture
def on_router(tmp_path: Path) -> Iterator[Callable[[ClientConfig], Tenanted]]:
    """Give a function that makes a tenant on a router."""
    rig = make_rig(tmp_path)
    bench = Programmed(rig, tmp_path, VirtualClock())
    try:
        yield lambda config: Tenanted(bench, config)
    finally:
        bench.close()
        rig.close()
