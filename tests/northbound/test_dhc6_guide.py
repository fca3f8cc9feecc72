"""docs/dhcpv6-server.md: its examples load as they are, and it has every setting, state, notification and app-tag."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nc.schema import Schema, SchemaNode
from tests.northbound.test_dhc6_checks import IN_ITSELF, ON_INTERFACES
from vppdhc.dhc6.events import EventKind
from vppdhc.northbound.components import Interfaces
from vppdhc.northbound.config import parser
from vppdhc.northbound.dhc6_component import Dhcp6Component
from vppdhc.northbound.dhc6_config import dhc6server_config

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "dhcpv6-server.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)


def told(heading: str) -> set[str]:
    """Return the words in backquotes of a section, up to the next heading of any level."""
    section = re.split(r"^#+ ", GUIDE.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]
    return set(re.findall(r"`([a-z0-9-]+)`", section))


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_loads_without_a_warning(schema: Schema, example: str) -> None:
    tree = parser(schema)(example)
    assert schema.validate(tree) == []
    applied: list[object] = []
    component = Dhcp6Component(schema, lambda: Interfaces((), known=False), lambda: "", applied.append)
    ready = component.prepare(parser(schema)("{}"), tree, strict=True)
    assert ready.warnings == ()
    ready.apply()
    reading = dhc6server_config(schema, tree)
    assert reading is not None
    assert applied == [reading.config]


def test_there_are_examples_of_all_lists(schema: Schema) -> None:
    server = schema.node_at("/vppdhc:dhc6server")
    assert server is not None
    lists = {node.name for node in configured(server) if node.kind == "list"}
    assert len(lists) == 7
    assert {name for name in lists if any(f'"{name}"' in example for example in EXAMPLES)} == lists


def test_every_setting_is_explained(schema: Schema) -> None:
    server = schema.node_at("/vppdhc:dhc6server")
    assert server is not None
    named = {node.name for node in configured(server)}
    assert len(named) > 50
    assert named - told("Settings") == set()


def configured(parent: SchemaNode) -> Iterator[SchemaNode]:
    for node in parent.children.values():
        if node.config:
            yield node
            yield from configured(node)


def test_everything_that_can_be_seen_is_explained(schema: Schema) -> None:
    server = schema.node_at("/vppdhc:dhc6server")
    assert server is not None
    watched = told("Watch it")
    lists = {node.name for node in server.children.values() if not node.config} - {"discarded-message-count"}
    assert lists - watched == set()
    assert {action.name for action in server.actions.values()} - watched == set()
    kinds = {f"lease-{kind}" for kind in EventKind if kind is not EventKind.CONFLICT} | {"address-conflict"}
    pools = {
        f"{kind}-pool-utilization-threshold-{change}"
        for kind in ("address", "prefix")
        for change in ("exceeded", "cleared")
    }
    assert (kinds | pools) - watched == set()


def test_every_refusal_is_explained() -> None:
    own = {one[2] for one in IN_ITSELF} | {one[3] for one in ON_INTERFACES} | {"no-punt-socket", "invalid-option"}
    assert own - told("What is refused") == set()


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]*)\)", GUIDE)
    assert len(links) > 3
    for link in links:
        file, _, place = link.partition("#")
        target = GUIDE if not file else (DOCS / file).read_text(encoding="utf-8")
        headings = {
            re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-")
            for line in re.findall(r"^#+ (.*)$", target, re.MULTILINE)
        }
        assert not place or place in headings, link
