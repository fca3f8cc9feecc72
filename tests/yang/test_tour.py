"""The examples of docs/yang.md are valid, and name nothing that is not there."""

import json
import re
from collections.abc import Iterator

import pytest
from lxml import etree

from tests.yang.model import MODELS, Model
from tests.yang.schema import compiled, nodes, path

TOUR = (MODELS.parent / "docs" / "yang.md").read_text()
NAMESPACE = "{urn:vppdhc:yang}"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TOUR, flags=re.DOTALL)


@pytest.fixture(scope="module")
def known() -> set[str]:
    return {re.sub("/(input|output)(?=/|$)", "", path(node)) for node in nodes(compiled())}


@pytest.mark.parametrize("text", blocks("json"))
def test_configurations_are_valid(text: str) -> None:
    assert Model().refusals(json.loads(text)) == []


@pytest.mark.parametrize("text", blocks("xml"))
def test_messages_name_what_there_is(text: str, known: set[str]) -> None:
    named = list(paths(etree.fromstring(text), ""))
    assert named
    assert set(named) <= known


def paths(element: etree._Element, above: str) -> Iterator[str]:
    """Return the schema paths of the elements that are in our namespace."""
    if isinstance(element.tag, str) and element.tag.startswith(NAMESPACE):
        above = f"{above}/{element.tag.removeprefix(NAMESPACE)}"
        yield above
    for child in element:
        yield from paths(child, above)


def test_there_are_examples() -> None:
    assert len(blocks("json")) >= 3
    assert len(blocks("xml")) >= 2


def test_operations_and_notifications_that_are_named_exist(known: set[str]) -> None:
    for name in re.findall(r"^\| `([a-z0-9/-]+)`", TOUR, flags=re.MULTILINE):
        assert f"/{name}" in known, name
    told = TOUR.split("## Notifications")[1].split("##")[0]
    every = {node.arg for node in nodes(compiled()) if node.keyword == "notification"}
    stems: set[str] = set()
    current = ""
    for name in re.findall(r"`([a-z-]+)`", told):
        current = name if not name.startswith("-") else re.sub(r"-[a-z]+$", name, current)
        stems.add(current)
    assert {name.replace("prefix-pool", "address-pool") for name in every} == stems
