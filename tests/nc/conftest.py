"""A server of its own for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nc.served import Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server that serves SSH and a Unix socket with the usual settings."""
    with Served(tmp_path) as server:
        server.serve()
        yield server
