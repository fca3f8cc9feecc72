"""docs/dhcpv6-client.md: its examples load as they are, and it has every setting, state, notification and app-tag."""

import re
from ipaddress import IPv6Network
from pathlib import Path

import pytest

from nc.schema import Schema, SchemaNode
from tests.dhc6pdclient.delegated import delegation
from tests.northbound.test_dhc6pdclient_checks import REFUSED, REFUSED_BY_THE_SCHEMA
from vppdhc.dhc6pdclient.journal import EventKind, LostReason
from vppdhc.dhc6pdclient.nptv6 import translate
from vppdhc.dhc6pdclient.states import State
from vppdhc.northbound.dhc6pdclient_config import dhc6pdclient_config
from vppdhc.northbound.files import read_config

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "dhcpv6-client.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)


def section(heading: str) -> str:
    """Return a section, up to the next heading of any level."""
    return re.split(r"^#+ ", GUIDE.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]


def told(heading: str) -> set[str]:
    """Return the words in backquotes of a section."""
    return set(re.findall(r"`([a-z0-9/-]+)`", section(heading)))


def children(schema: Schema, local: str = "") -> list[SchemaNode]:
    node = schema.node_at(f"/vppdhc:dhc6pdclient{local}")
    assert node is not None
    return list(node.children.values())


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_is_valid_and_read_without_a_fault(schema: Schema, tmp_path: Path, example: str) -> None:
    file = tmp_path / "vppdhc.json"
    file.write_text(example)
    tree, _ = read_config(schema, file)
    assert schema.validate(tree) == []
    reading = dhc6pdclient_config(schema, tree)
    assert list(reading.configs) == ["wan"]
    assert reading.faults == ()


def test_every_setting_is_explained(schema: Schema) -> None:
    named = {node.name for node in children(schema) if node.config}
    named |= {f"lan-interface/{node.name}" for node in children(schema, "/lan-interface")} - {"lan-interface/name"}
    assert len(named) > 20
    assert named - told("Settings") == set()


def test_everything_that_can_be_seen_is_explained(schema: Schema) -> None:
    watched = told("Watch it")
    assert {node.name for node in children(schema) if not node.config} - watched == set()
    assert {str(state) for state in State} - watched == set()
    prefixes = {EventKind.PREFIX_DELEGATED, EventKind.PREFIX_CHANGED, EventKind.PREFIX_LOST}
    kinds = {f"client-{kind}" for kind in set(EventKind) - prefixes - {EventKind.CONFLICT}}
    assert (kinds | {str(kind) for kind in prefixes} | {"address-conflict"}) - watched == set()
    assert {str(reason) for reason in LostReason} - watched == set()


def test_every_refusal_is_explained() -> None:
    own = {one[2] for one in (*REFUSED, *REFUSED_BY_THE_SCHEMA)}
    live = {"no-such-interface", "no-punt-socket", "lan-twice", "subnet-id-twice", "option-not-settable"}
    assert (own | live) - told("What is refused") == set()


def test_the_lengths_are_as_they_are_told() -> None:
    rows = re.findall(r"^\| (\S+/\d+) \| (\S+/\d+) \| (\S+) to (\S+) \|$", section("Lengths that differ"), re.MULTILINE)
    assert len(rows) == 4
    for internal, delegated, inside, outside in rows:
        translation = translate(IPv6Network(internal), delegation(delegated))
        assert (str(translation.internal), str(translation.external)) == (inside, outside)


def test_links_lead_somewhere() -> None:
    lines = re.findall(r"^#+ (.*)$", GUIDE, re.MULTILINE)
    headings = {re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-") for line in lines}
    links = re.findall(r"\]\(([^)]*)\)", GUIDE)
    assert len(links) > 2
    for link in links:
        file, _, place = link.partition("#")
        assert (DOCS / file).exists() if file else place in headings, link
