"""Filters: cases written by hand from RFC 6241, section 6, and libxml2's and libyang's opinion on generated ones."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import oopt_gnpy_libyang as libyang
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from nc.errors import RpcErrors
from nc.filter import EVERYTHING, Filter, Want, filter_config
from nc.schema import Schema
from nc.schema.instance import parse_xml, write_json
from nc.schema.xpath import rename
from nc.xml import NC, Element, local_name, parse, qname, serialise
from tests.nc.example import HERE, NS, document, example_schema, facts, libyang_context

CASES = sorted((HERE / "conformance/filter").iterdir())
T: Final = NS["t"]
TEXT: Final = """{
  "nc-test:top": {
    "name": "x",
    "server": [
      {"name": "a", "address": "192.0.2.1", "weight": 1},
      {"name": "b", "address": "192.0.2.2", "weight": 2, "nc-augment:pet": "cat", "nc-augment:location": "a"},
      {"name": "c", "weight": 1, "peer": "a"}
    ],
    "step": [{"name": "1", "value": "a", "tag": ["p", "q"]}, {"name": "2", "tag": ["q"]}],
    "number": [1, 2],
    "box": {"size": 3, "colour": "a"}
  },
  "nc-test:values": {"int8": 1, "text": "a"}
}"""


@pytest.fixture(scope="module")
def schema() -> Iterator[Schema]:
    with example_schema() as loaded:
        yield loaded


@pytest.fixture(scope="module")
def tree(schema: Schema) -> Element:
    return schema.from_json(TEXT)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(schema: Schema, case: Path) -> None:
    data = schema.from_json((case / "data.json").read_text())
    before = serialise(data)
    result = Filter.subtree(parse((case / "filter.xml").read_bytes())).apply(schema, data)
    assert json.loads(schema.to_json(result)) == json.loads((case / "expected.json").read_text())
    assert serialise(data) == before


def test_there_are_cases() -> None:
    assert len(CASES) >= 18


def where(root: Element, element: Element) -> str:
    """Which element of a tree this is, in words that stay the same in a part of it."""
    steps = []
    while element is not root:
        keys = [element.findtext(f"{{{T}}}name", "")] if local_name(element.tag) in {"server", "step"} else []
        text = [element.text or ""] if len(element) == 0 else []
        steps.append(str((element.tag, keys, text)))
        parent = element.getparent()
        assert parent is not None
        element = parent
    return "/".join(reversed(steps))


def leafs(root: Element) -> set[str]:
    return {where(root, element) for element in root.iter() if len(element) == 0 and element is not root}


def keys_above(element: Element) -> list[Element]:
    above = [element, *element.iterancestors()]
    entries = [entry for entry in above if local_name(entry.tag) in {"server", "step"}]
    return [entry[0] for entry in entries]


def selected(root: Element, paths: Sequence[str]) -> set[str]:
    """The leafs that paths select, with the keys above them, as libxml2 finds them; paths begin below the root."""
    found: set[str] = set()
    for path in paths:
        for element in cast(list[Element], root.xpath(path, namespaces=NS)):
            found |= {where(root, leaf) for leaf in element.iter() if len(leaf) == 0}
            found |= {where(root, key) for key in keys_above(element)}
    return found


@dataclass(frozen=True)
class Node:
    """A node of a subtree filter. text: of a content match node."""

    name: str
    text: str = ""
    children: tuple["Node", ...] = ()

    def xml(self) -> str:
        inside = "".join(child.xml() for child in self.children) or self.text
        return f"<{self.name}>{inside}</{self.name}>"

    def paths(self, above: str) -> Iterator[str]:
        """What it selects, said in XPath (RFC 6241, 6.2)."""
        matches = [child for child in self.children if child.text and not child.children]
        here = f"{above}{self.name}" + "".join(f"[{child.name}='{child.text}']" for child in matches)
        others = [child for child in self.children if child not in matches]
        if not others:
            yield here
            return
        for child in matches:
            yield f"{here}/{child.name}[.='{child.text}']"
        for child in others:
            yield from child.paths(f"{here}/")


LEAF = st.builds(Node, st.sampled_from(["t:name", "t:weight", "t:value", "t:tag", "augment:location", "t:size"]))
MATCH = st.builds(
    Node,
    st.sampled_from(["t:name", "t:weight", "t:value", "t:tag", "augment:location", "t:colour"]),
    st.sampled_from(["a", "b", "1", "2", "q"]),
)
INNER = st.builds(
    lambda name, children: Node(name, "", tuple(children)),
    st.sampled_from(["t:server", "t:step", "t:box"]),
    st.lists(LEAF | MATCH, max_size=3, unique_by=lambda node: (node.name, node.text)),
)
TOP = st.builds(
    lambda children: Node("t:top", "", tuple(children)),
    st.lists(INNER | LEAF | MATCH | st.just(Node("t:number")), max_size=4),
)


def subtree(nodes: Sequence[Node]) -> Filter:
    scope = " ".join(f'xmlns:{prefix}="{namespace}"' for prefix, namespace in NS.items())
    return Filter.subtree(parse(f'<filter xmlns="{NC}" {scope}>{"".join(n.xml() for n in nodes)}</filter>'.encode()))


@settings(max_examples=400, deadline=None)
@given(st.lists(TOP, min_size=1, max_size=3))
def test_a_subtree_filter_selects_what_xpath_says_it_does(schema: Schema, tree: Element, nodes: list[Node]) -> None:
    result = subtree(nodes).apply(schema, tree)
    assert leafs(result) == selected(tree, [path for node in nodes for path in node.paths("")])


@settings(max_examples=300, deadline=None)
@given(st.lists(TOP, min_size=1, max_size=3))
def test_what_a_subtree_filter_wants_is_enough_for_it(schema: Schema, tree: Element, nodes: list[Node]) -> None:
    rule = subtree(nodes)
    of_part, of_whole = (rule.apply(schema, data) for data in (pruned(tree, rule.want(schema)), tree))
    assert schema.to_json(of_part) == schema.to_json(of_whole)


def pruned(tree: Element, want: Want) -> Element:
    """A tree as a source would make it that makes nothing but what is wanted."""
    made = etree.Element(tree.tag, nsmap=dict(NS))
    _prune(tree, made, [want])
    return made


def _prune(source: Element, target: Element, wants: Sequence[Want]) -> None:
    for child in source:
        below = [one for want in wants for one in want.children.get(child.tag, ())]
        below = [want for want in below if _has_keys(child, want.keys)]
        is_key = local_name(child.tag) == "name" and local_name(source.tag) in {"server", "step"}
        if any(want.all for want in [*wants, *below]) or is_key:
            target.append(etree.fromstring(etree.tostring(child)))
        elif below:
            _prune(child, etree.SubElement(target, child.tag), below)


def _has_keys(entry: Element, keys: Mapping[str, str]) -> bool:
    return all(entry.findtext(tag) == value for tag, value in keys.items())


def test_wants(schema: Schema) -> None:
    server, name, weight = qname(T, "server"), qname(T, "name"), qname(T, "weight")
    rule = subtree([Node("t:top", "", (Node("t:server", "", (Node("t:name", " a "), Node("t:weight"))),))])
    (top,) = rule.want(schema).children[qname(T, "top")]
    (want,) = top.children[server]
    assert want == Want(keys={name: "a"}, children={name: (EVERYTHING,), weight: (EVERYTHING,)})
    by_xpath = Filter.xpath("/t:top/t:server[t:name='a']/t:weight", NS).want(schema)
    assert by_xpath.children[qname(T, "top")] == (top,)
    assert Filter.xpath("//t:server", NS).want(schema) == EVERYTHING
    assert subtree([]).want(schema) == Want()
    assert Filter.subtree(parse(f'<filter xmlns="{NC}"><top xmlns=""/></filter>'.encode())).want(schema) == Want(
        children={qname(T, "top"): (EVERYTHING,)}
    )


PATHS = [
    "/t:top/t:server[t:name='a']/t:weight",
    "/t:top/t:server[t:weight='1']",
    "/t:top/t:server[t:weight='1'][t:name=\"c\"] | /t:values/t:text",
    "t:top/t:number",
    "/t:top/*",
    "/*/t:box",
    "/t:*/augment:*",
    "/t:top/t:server/augment:location",
    "/t:top/t:step[t:tag='q']/t:value",
    "/top/server",
    "//t:name",
    "//t:server[2]",
    "/t:top/t:server[t:weight > 1]/t:name",
    "/t:top/t:server[last()]",
    "/t:top/t:server[not(t:address)]",
    "/t:top/t:server[t:name = /t:top/t:server/t:peer]",
    "/t:top/t:step/t:tag[. = 'q']",
    "/t:top/t:server/t:name[../t:weight = 2]/..",
    "//t:*[starts-with(local-name(), 'n')]",
    "/t:top/t:server[t:name='a' or t:name='b']/t:address",
    "/descendant::t:size",
    "(/t:top | /t:values)/t:text",
]


@pytest.mark.parametrize("path", PATHS)
def test_an_xpath_filter_selects_what_libxml2_says(schema: Schema, tree: Element, path: str) -> None:
    """In libxml2's own tree the root is a document whose element <data> is one step more."""
    result = Filter.xpath(path, NS).apply(schema, tree)
    alone = etree.ElementTree(etree.fromstring(etree.tostring(tree))).getroot()
    # Absolute paths begin at the document there.
    theirs = path.replace("(/", "(./").replace("= /", "= /*/").replace("| /", "| ./")
    theirs = f".{theirs}" if theirs.startswith("/") else theirs
    assert leafs(result) == selected(alone, [theirs])


@pytest.mark.parametrize("path", [path for path in PATHS if path.startswith("/") and path != "/top/server"])
def test_an_xpath_filter_selects_what_libyang_says(schema: Schema, tree: Element, path: str) -> None:
    """In libyang's expressions prefixes are names of modules, and a name without one is in any module."""
    parsed = libyang_context().parse_data(
        document(tree), libyang.DataFormat.XML, libyang.ParseOptions.Strict | libyang.ParseOptions.ParseOnly
    )
    assert parsed is not None
    modules = {module.namespace: module.name for module in schema.modules.values()}
    theirs = [node.path for node in parsed.find(rename(path, lambda prefix: modules[NS[prefix]]))]
    paths = [schema.instance_path(element) for element in schema.select(tree, path, NS)]
    ours = [write_json(parse_xml(found.text, found.namespaces), modules) for found in paths]
    assert sorted(ours) == sorted(theirs)


def test_yang_functions(schema: Schema, tree: Element) -> None:
    def names(expression: str) -> list[str]:
        return [local_name(element.tag) + (element.text or "") for element in schema.select(tree, expression, NS)]

    assert names("//augment:pet[derived-from(., 't:mammal')]") == ["petnc-augment:cat"]
    assert names("//augment:pet[derived-from(., 'augment:cat')]") == []
    assert names("//augment:pet[derived-from-or-self(., 'augment:cat')]") == ["petnc-augment:cat"]
    assert names("deref(/t:top/t:server/t:peer)") == ["namea"]
    assert names("//t:name[re-match(., '[ab]')]") == ["namea", "nameb"]
    assert names("/t:top/t:number[. = current()/t:top/t:number[1]]") == ["number1"]


def test_enumerations_and_bits_in_xpath(schema: Schema) -> None:
    tree = schema.from_json('{"nc-test:values": {"enumeration": "two three", "bits": "a c"}}')
    assert len(schema.select(tree, "//t:enumeration[enum-value(.) = 1]", NS)) == 1
    assert len(schema.select(tree, "//t:bits[bit-is-set(., 'c')]", NS)) == 1
    assert len(schema.select(tree, "//t:bits[bit-is-set(., 'b')]", NS)) == 0


@pytest.mark.parametrize(
    ("expression", "tag"),
    [
        ("count(/t:top)", "operation-failed"),
        ("'text'", "operation-failed"),
        ("/t:top[", "operation-failed"),
        ("/t:top/nothing()", "operation-failed"),
        ("/nowhere:top", "invalid-value"),
        ("/t:top[t:name = nowhere:x]", "invalid-value"),
        ("/t:top[t:name = 'x]", "invalid-value"),
        ("\x7f", "invalid-value"),
        ("", "operation-failed"),
        ("(" * 20000, "operation-failed"),
        ("/t:top/" * 20000, "invalid-value"),
    ],
)
def test_not_a_filter(schema: Schema, tree: Element, expression: str, tag: str) -> None:
    with pytest.raises(RpcErrors) as caught:
        Filter.xpath(expression, NS).apply(schema, tree)
    assert facts(caught.value) == [(tag, "", "")]


def test_text_and_attribute_nodes_stand_for_their_elements(schema: Schema, tree: Element) -> None:
    result = Filter.xpath("/t:values/t:text/text()", NS).apply(schema, tree)
    assert json.loads(schema.to_json(result)) == {"nc-test:values": {"text": "a"}}


def test_namespace_nodes_stand_for_nothing(schema: Schema, tree: Element) -> None:
    assert len(Filter.xpath("/t:top/namespace::*", NS).apply(schema, tree)) == 0


def test_the_root_is_everything(schema: Schema, tree: Element) -> None:
    assert serialise(Filter.xpath("/", NS).apply(schema, tree)) == serialise(tree)


def test_depth(schema: Schema, tree: Element) -> None:
    """RFC 8526, max-depth: 1 is the selected node alone; an entry is nothing without its keys."""

    def cut(expression: str, depth: int | None) -> object:
        return json.loads(schema.to_json(Filter.xpath(expression, NS).apply(schema, tree, max_depth=depth)))

    assert cut("/t:values", 1) == {"nc-test:values": {}}
    assert cut("/t:values", 2) == {"nc-test:values": {"int8": 1, "text": "a"}}
    assert cut("/t:top/t:step", 1) == {"nc-test:top": {"step": [{"name": "1"}, {"name": "2"}]}}
    assert cut("/t:top/t:box | /t:top/t:step[t:name='2']", 2) == {
        "nc-test:top": {"step": [{"name": "2", "tag": ["q"]}], "box": {"size": 3, "colour": "a"}}
    }
    assert cut("/", None) == json.loads(TEXT)


def test_config_and_state(schema: Schema) -> None:
    whole = '{"nc-test:top": {"name": "x", "server": [{"name": "a"}]}, "nc-test:state": {"uptime": "5", "event": [{}]}}'
    tree = schema.from_json(whole)
    assert json.loads(schema.to_json(filter_config(schema, tree, config=True))) == {
        "nc-test:top": {"name": "x", "server": [{"name": "a"}]}
    }
    assert json.loads(schema.to_json(filter_config(schema, tree, config=False))) == {
        "nc-test:state": {"uptime": "5", "event": [{}]}
    }
