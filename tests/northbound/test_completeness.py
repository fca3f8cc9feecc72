"""Every node of the model has a reader or a writer; a daemon whose model has outgrown it does not start."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vppdhc.northbound import built
from vppdhc.northbound.model import load_schema

TOP = Path(__file__).resolve().parents[2]
YANG = TOP / "yang"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Give a copy of the model that may be changed."""
    shutil.copytree(YANG, tmp_path / "yang")
    return tmp_path / "yang"


def add(path: Path, container: str, node: str) -> None:
    content = path.read_text()
    assert content.count(container) == 1
    path.write_text(content.replace(container, f"{container}\n{node}"))


def test_all_configuration_is_read_or_known_to_be_unavailable() -> None:
    assert built.gaps(load_schema()) == []


def test_configuration_that_nobody_reads_is_found(model: Path) -> None:
    add(model / "vppdhc-system.yang", "  container system {", 'leaf colour { type string; description "New."; }')
    assert [node.path for node in built.gaps(load_schema(model))] == ["/vppdhc:system/colour"]


def test_what_is_named_here_is_in_the_model() -> None:
    schema = load_schema()
    for table in (built.BUILT, built.UNAVAILABLE):
        for place, names in table.items():
            for name in names:
                path = "/".join(step for step in (place, name) if step)
                assert schema.node_at(f"/vppdhc:{path}") is not None, path


@pytest.mark.parametrize(
    "node",
    [
        'leaf colour { type string; description "New."; }',
        'leaf colour { config false; type string; description "New."; }',
        'action paint { description "New."; }',
    ],
)
def test_a_daemon_with_a_gap_does_not_start(tmp_path: Path, model: Path, node: str) -> None:
    add(model / "vppdhc-dhc4server.yang", "  container dhc4server {", node)
    (tmp_path / "vppdhc.json").write_text("{}")
    program = (
        "from gevent import monkey; monkey.patch_all()\n"
        "from pathlib import Path\n"
        "from vppdhc.daemon import run_daemon\n"
        "from vppdhc.places import Places\n"
        "from vppdhc.northbound.model import load_schema\n"
        f"here = Path({str(tmp_path)!r})\n"
        f"places = Places(here / 'vppdhc.json', here / 'state', here / 'run')\n"
        f"run_daemon(load_schema(Path({str(model)!r})), places, level=None, json=False)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False, cwd=TOP
    )
    assert done.returncode == 1
    assert "IncompleteModelError: nobody serves /vppdhc:dhc4server/" in done.stderr
