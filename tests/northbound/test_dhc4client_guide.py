"""docs/dhcpv4-client.md: its examples load as they are, and it has every setting, state, notification and app-tag."""

import re
from pathlib import Path

import pytest

from nc.schema import Schema
from tests.northbound.test_dhc4client_checks import REFUSED
from vppdhc.dhc4client.journal import EventKind, LostReason
from vppdhc.dhc4client.states import State
from vppdhc.northbound.files import read_config

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "dhcpv4-client.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)


def told(heading: str) -> set[str]:
    """Return the words in backquotes of a section, up to the next heading of any level."""
    section = re.split(r"^#+ ", GUIDE.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]
    return set(re.findall(r"`([a-z0-9-]+)`", section))


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_loads_without_a_warning(schema: Schema, tmp_path: Path, example: str) -> None:
    file = tmp_path / "vppdhc.json"
    file.write_text(example)
    tree, warnings = read_config(schema, file)
    assert schema.validate(tree) == []
    assert list(warnings) == []


def test_every_setting_is_explained(schema: Schema) -> None:
    client = schema.node_at("/vppdhc:dhc4client")
    duid = schema.node_at("/vppdhc:system/duid")
    assert client is not None
    assert duid is not None
    named = {node.name for parent in (client, duid) for node in parent.children.values() if node.config}
    assert len(named) > 20
    assert named - told("Settings") == set()


def test_everything_that_can_be_seen_is_explained() -> None:
    watched = told("Watch it")
    assert {str(state) for state in State} - watched == set()
    kinds = {f"client-{kind}" for kind in EventKind if kind is not EventKind.CONFLICT} | {"address-conflict"}
    assert kinds - watched == set()
    assert {str(reason) for reason in LostReason} - watched == set()


def test_every_refusal_is_explained() -> None:
    own = {one[2] for one in REFUSED} | {"no-such-interface", "no-punt-socket"}
    assert own - told("What is refused") == set()


def test_links_lead_somewhere() -> None:
    lines = re.findall(r"^#+ (.*)$", GUIDE, re.MULTILINE)
    headings = {re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-") for line in lines}
    links = re.findall(r"\]\(([^)]*)\)", GUIDE)
    assert len(links) > 3
    for link in links:
        file, _, place = link.partition("#")
        assert (DOCS / file).exists() if file else place in headings, link
