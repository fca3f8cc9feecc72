"""A managed daemon for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nc.schema import Schema
from tests.northbound.managed import Managed
from vppdhc.northbound.model import load_schema


@pytest.fixture(scope="session")
def schema() -> Schema:
    """Give the model; compiling it takes a few tenths of a second."""
    return load_schema()


@pytest.fixture
def managed(tmp_path: Path) -> Iterator[Managed]:
    """Give a running daemon; whatever a test does with it, nothing in it may fail with a traceback."""
    made = Managed(tmp_path)
    try:
        made.daemon.start()
        made.daemon.logged("serving", interface="tap1")
        yield made
        assert "Traceback" not in made.daemon.said()
    finally:
        made.close()
