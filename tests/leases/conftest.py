"""Where stores are made in tests."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.leases.support import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "leases.db"


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user can look into; pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory
