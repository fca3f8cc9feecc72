"""docs/router-advertisements.md: its examples load as they are, and it has every setting, state and app-tag."""

import re
from pathlib import Path

import pytest
from lxml import etree

from nc.schema import Schema, SchemaNode
from tests.northbound.ra_lan import Lan
from tests.northbound.test_ra_config import REFUSED
from vppdhc.northbound.files import read_config
from vppdhc.ra.prefixes import Source

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "router-advertisements.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
PROGRAMS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


def told(heading: str) -> set[str]:
    """Return the words in backquotes of a section, up to the next heading of any level."""
    section = re.split(r"^#+ ", GUIDE.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]
    return set(re.findall(r"`([a-z0-9-]+)`", section))


def names(node: SchemaNode, *, config: bool) -> set[str]:
    """Return the names of all that is configured, or of all that is shown, below a node."""
    found = set()
    for child in node.children.values():
        if child.config == config:
            found.add(child.name)
        found |= names(child, config=config)
    return found


def node_of(schema: Schema) -> SchemaNode:
    node = schema.node_at("/vppdhc:ip6ndra")
    assert node is not None
    return node


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_loads_without_a_warning(schema: Schema, tmp_path: Path, example: str) -> None:
    file = tmp_path / "vppdhc.json"
    file.write_text(example)
    tree, warnings = read_config(schema, file)
    assert schema.validate(tree) == []
    assert list(warnings) == []


def test_the_programs_do_what_they_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are run as they are, but for the place of the socket and the name of the interface."""
    lan = Lan(tmp_path)
    try:
        lan.daemon.start()
        lan.advertisement()
        names: dict[str, object] = {}
        for program in PROGRAMS:
            here = program.replace("/run/vppdhc/netconf.sock", str(lan.socket)).replace(">lan<", ">host-lan0<")
            exec(here, names)
        shown = etree.fromstring(capsys.readouterr().out.encode())
        assert [leaf.text for leaf in shown.iter("{*}source-address")] == ["fe80::ff:fe00:156"]
        lan.eventually(".//v:statistics/v:unsolicited-count", "2")
    finally:
        lan.close()


def test_every_setting_is_explained(schema: Schema) -> None:
    configured = names(node_of(schema), config=True)
    assert len(configured) > 30
    assert configured - told("Settings") == set()


def test_everything_that_can_be_seen_is_explained(schema: Schema) -> None:
    shown = names(node_of(schema), config=False)
    of_lists = {"name", "address", "last-received", "prefix-spec", "valid-lifetime", "preferred-lifetime"}
    of_lists |= {"on-link-flag", "autonomous-flag", "interface", "reason", "count", "discarded-message-count"}
    assert len(shown) > 20
    assert shown - of_lists - told("Watch it") == set()
    assert {str(source) for source in Source} - told("Which prefixes") == set()


def test_every_refusal_is_explained() -> None:
    tags = {tag for _, _, tag in REFUSED} | {"no-such-interface", "no-punt-socket", "upstream-interface"}
    tags |= {"times-out-of-order", "invalid-option", "link-mtu-out-of-range"}
    tags |= {"client-and-server", "lifetime-too-short"}
    assert tags - told("What is refused") == set()


def test_links_lead_somewhere() -> None:
    lines = re.findall(r"^#+ (.*)$", GUIDE, re.MULTILINE)
    headings = {re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-") for line in lines}
    links = re.findall(r"\]\(([^)]*)\)", GUIDE)
    assert len(links) > 1
    for link in links:
        file, _, place = link.partition("#")
        assert (DOCS / file).exists() if file else place in headings, link
