"""docs/configuration.md: its examples load as they are, and it has every setting of the DHCPv4 server."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nc.schema import Schema, SchemaNode
from vppdhc.northbound.files import read_config

GUIDE = (Path(__file__).resolve().parents[2] / "docs/configuration.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_loads(schema: Schema, tmp_path: Path, example: str) -> None:
    file = tmp_path / "vppdhc.json"
    file.write_text(example)
    _, warnings = read_config(schema, file)
    assert [str(warning.path) for warning in warnings if "dhc4server" in str(warning.path)] == []


def test_there_are_examples_of_all_lists(schema: Schema) -> None:
    server = schema.node_at("/vppdhc:dhc4server")
    assert server is not None
    lists = {node.name for node in configured(server) if not node.is_leaf}
    assert {name for name in lists if any(f'"{name}"' in example for example in EXAMPLES)} == lists - {"vendor-option"}


def test_every_setting_is_explained(schema: Schema) -> None:
    server = schema.node_at("/vppdhc:dhc4server")
    assert server is not None
    section = GUIDE.partition("## `dhc4server`")[2].partition("## `netconf-server`")[0]
    told = set(re.findall(r"`([a-z0-9-]+)`", section))
    assert {node.name for node in configured(server)} - told == set()


def configured(parent: SchemaNode) -> Iterator[SchemaNode]:
    for node in parent.children.values():
        if node.config:
            yield node
            yield from configured(node)
