"""Data trees and the schema: JSON, XML, validation, the helper process and defaults, beside libyang's opinion."""

import json
import os
import signal
from collections.abc import Iterator

import oopt_gnpy_libyang as libyang
import pytest
from lxml import etree

from nc.errors import MOST_ERRORS, RpcErrors
from nc.schema import Schema
from nc.schema.helper import Helper, HelperError
from nc.xml import DEFAULT_ATTRIBUTE, NC, YANG, Element, qname, serialise
from tests.nc.example import (
    MODULES,
    NS,
    WHOLE,
    data,
    document,
    example_schema,
    facts,
    libyang_context,
    module_path,
)
from tests.waiting import wait_for

T = NS["t"]


@pytest.fixture(scope="module")
def schema() -> Iterator[Schema]:
    with example_schema() as loaded:
        yield loaded


def test_json_to_xml_and_back(schema: Schema) -> None:
    tree = schema.from_json(WHOLE)
    assert json.loads(schema.to_json(tree)) == json.loads(WHOLE)
    assert schema.to_json(schema.from_json(schema.to_json(tree))) == schema.to_json(tree)
    assert serialise(schema.from_xml(serialise(tree))) == serialise(tree)


def test_libyang_makes_the_same_json_of_our_xml_and_the_same_xml_of_our_json(schema: Schema) -> None:
    context = libyang_context()
    tree = schema.from_json(WHOLE)
    only = libyang.ParseOptions.Strict | libyang.ParseOptions.ParseOnly
    from_xml = context.parse_data(document(tree), libyang.DataFormat.XML, only)
    from_json = context.parse_data(schema.to_json(tree), libyang.DataFormat.JSON, only)
    assert from_xml is not None
    assert from_json is not None
    flags = libyang.PrintFlags.Siblings
    theirs = json.loads(from_xml.print(libyang.DataFormat.JSON, flags) or "")
    ours = json.loads(schema.to_json(tree))
    # libyang always says which module an identity is from, sorts what has no order, and so may we.
    for whole in (theirs, ours):
        whole["nc-test:top"]["number"].sort()
        whole["nc-test:top"]["pair"][0]["second"] = whole["nc-test:top"]["pair"][0]["second"].rpartition(":")[2]
    assert theirs == ours
    assert from_json.print(libyang.DataFormat.XML, flags) == from_xml.print(libyang.DataFormat.XML, flags)


def test_json_is_in_the_order_of_the_model_and_indented(schema: Schema) -> None:
    tree = schema.from_json(
        '{"nc-test:values": {"int8": 1}, "nc-test:top": {"speed": 2, "name": "x", "number": [2, 1]}}'
    )
    assert schema.to_json(tree) == (
        '{\n  "nc-test:top": {\n    "name": "x",\n    "speed": 2,\n    "number": [\n      2,\n      1\n    ]\n  },\n'
        '  "nc-test:values": {\n    "int8": 1\n  }\n}\n'
    )
    assert schema.to_json(data("")) == "{}\n"


BAD = """{
  "nc-test:top": {
    "name": "much too long",
    "server": [
      {"name": "a"},
      {"name": "a"},
      {"name": "b",
       "weight": 7,
       "colour": "red"},
      {"weight": 1},
      3
    ],
    "nagle": [null],
    "checksum": true,
    "number": [1, "2",
      1],
    "step": {"name": "x"}
  },
  "nc-test:values": {"int8": 1,
    "identity": "cat"},
  "nowhere:x": 1,
  "top": {}
}"""


def test_every_mistake_in_json_with_its_line(schema: Schema) -> None:
    with pytest.raises(RpcErrors) as caught:
        schema.from_json(BAD)
    assert [(error.line, error.tag, str(error.path or "")) for error in caught.value.errors] == [
        (3, "invalid-value", "/t:top/t:name"),
        (6, "data-exists", "/t:top/t:server[t:name='a']"),
        (8, "invalid-value", "/t:top/t:server[t:name='b']/t:weight"),
        (9, "unknown-element", "/t:top/t:server[t:name='b']/t:colour"),
        (10, "missing-element", "/t:top/t:server[4]"),
        (11, "invalid-value", "/t:top/t:server[5]"),
        (14, "bad-element", "/t:top/t:checksum"),
        (15, "invalid-value", "/t:top/t:number[2]"),
        (16, "data-exists", "/t:top/t:number[.='1']"),
        (17, "invalid-value", "/t:top/t:step"),
        (20, "invalid-value", "/t:values/t:identity"),
        (None, "unknown-element", ""),
        (None, "unknown-element", ""),
    ]


def test_two_leniencies(schema: Schema) -> None:
    tree = schema.from_json('{"top": {"step": {"name": "x"}}}', default_module="nc-test", single_entries=True)
    assert json.loads(schema.to_json(tree)) == {"nc-test:top": {"step": [{"name": "x"}]}}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1), ("[]", None), ("{", 1), ('{\n"nc-test:top": {,}\n}', 2),
        ('{"nc-test:top": {"name": "a", "name": "b"}}', None),
        ("[" * 100000, None),
        ('{"nc-test:values": {"blob": ' + '{"a": ' * 950 + "1" + "}" * 950 + "}}", None),
        ('{"nc-test:top": 1e999999}', 1), ("nope", 1), ('{"nc-test:values": {"int8": NaN}}', 1),
        ('{"nc-test:values": {"text": "\\u0000"}}', 1), ('{"nc-test:values": {"uint64": ' + "9" * 5000 + "}}", None),
    ],
)  # fmt: skip
def test_not_a_configuration(schema: Schema, text: str, line: int | None) -> None:
    with pytest.raises(RpcErrors) as caught:
        schema.from_json(text)
    (error,) = caught.value.errors
    assert (error.tag, error.line) == ("invalid-value", line)


def test_mistakes_in_xml_have_lines(schema: Schema) -> None:
    text = f'<data xmlns="{NC}">\n<top xmlns="{T}">\n<name/>\n<speed>x</speed>\n<speed>1</speed></top>\n<bad/>\n</data>'
    with pytest.raises(RpcErrors) as caught:
        schema.from_xml(text.encode())
    assert [(error.line, error.tag) for error in caught.value.errors] == [
        (3, "invalid-value"), (4, "invalid-value"), (6, "unknown-element")
    ]  # fmt: skip
    with pytest.raises(RpcErrors) as caught:
        schema.from_xml(b"<data>\n<a></data>")
    assert [(error.line, error.tag) for error in caught.value.errors] == [(2, "malformed-message")]


INVALID = """{
  "nc-test:top": {
    "server": [
      {"name": "a", "address": "192.0.2.1", "port": 1, "weight": 3},
      {"name": "b", "address": "192.0.2.1", "port": 1, "peer": "nobody"}
    ],
    "box": {}
  }
}"""
FOUND = {
    ("operation-failed", "/t:top/t:server[t:name='a']/t:weight", "three"),
    ("data-missing", "/t:top/t:server[t:name='b']/t:peer", "instance-required"),
    ("data-missing", "/t:top/t:box/t:size", ""),
}


def test_validation_finds_everything(schema: Schema) -> None:
    tree = schema.from_json(INVALID)
    errors = schema.validate(tree)
    (unique,) = (error for error in errors if error.app_tag == "data-not-unique")
    # It may name either of the two.
    assert str(unique.path) in {"/t:top/t:server[t:name='a']", "/t:top/t:server[t:name='b']"}
    assert unique.tag == "operation-failed"
    assert set(facts(RpcErrors([error for error in errors if error is not unique]))) == FOUND
    assert {info.tag for info in unique.info} == {qname(YANG, "non-unique")}
    assert sorted(info.text or "" for info in unique.info) == [
        "/t:top/t:server[t:name='a']/t:address",
        "/t:top/t:server[t:name='a']/t:port",
        "/t:top/t:server[t:name='b']/t:address",
        "/t:top/t:server[t:name='b']/t:port",
    ]
    lines = {str(error.path): error.line for error in schema.locate(INVALID, errors)}
    assert lines["/t:top/t:server[t:name='b']/t:peer"] == 5
    assert lines["/t:top/t:box/t:size"] == 7
    assert schema.validate(schema.from_json(WHOLE)) == []
    assert schema.validate(data("")) == []


def large(count: int, more: str = "") -> str:
    entries = ",".join(f'{{"name": "s{number}", "address": "192.0.2.1", "port": {number}}}' for number in range(count))
    return f'{{"nc-test:top": {{"server": [{entries}]{more}}}}}'


def test_a_large_tree_is_validated_by_the_helper_with_the_same_result(schema: Schema) -> None:
    tree = schema.from_json(large(5000))
    assert schema.validate(tree) == []
    tree = schema.from_json(large(5000, ', "box": {}'))
    assert facts(RpcErrors(schema.validate(tree))) == [("data-missing", "/t:top/t:box/t:size", "")]


def test_a_thousand_findings_are_enough(schema: Schema) -> None:
    entries = ",".join(f'{{"name": "s{number}", "weight": 3}}' for number in range(MOST_ERRORS + 500))
    tree = schema.from_json(f'{{"nc-test:top": {{"server": [{entries}]}}}}')
    assert len(schema.validate(tree)) == MOST_ERRORS


SETUP = {
    "modules": [(one.name, None if one.features is None else sorted(one.features)) for one in MODULES],
    "implemented": [("nc-test", "", ["on"])],
    "path": [str(place) for place in module_path()],
}


def test_a_helper_that_died_is_replaced() -> None:
    helper = Helper(SETUP, 60)
    try:
        document_ = b'<top xmlns="urn:example:nc-test"><box/></top>'
        first = helper.ask({"ask": "validate"}, document_)
        assert len(first) == 1
        process = helper.process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        wait_for(lambda: process.poll() is not None, "the helper is dead")
        assert helper.ask({"ask": "validate"}, document_) == first
        assert helper.process is not process
    finally:
        helper.close()
    assert helper.process is None


def test_a_helper_that_never_answers_is_ended(schema: Schema) -> None:
    tree = schema.from_json(large(3000))
    helper = Helper(SETUP, 3)
    endless = "//*[count(//*[count(//*[count(//*) > 1]) > 1]) > 1]"
    try:
        with pytest.raises(HelperError) as caught:
            helper.ask({"ask": "xpath", "expression": endless, "namespaces": {}}, etree.tostring(tree))
        assert caught.value.late
        assert helper.process is None
    finally:
        helper.close()


def test_a_helper_that_cannot_start_says_so() -> None:
    helper = Helper({"modules": [("nowhere", None)], "implemented": [("nowhere", "", [])], "path": []}, 60)
    try:
        with pytest.raises(HelperError) as caught:
            helper.ask({"ask": "validate"}, b"")
        assert not caught.value.late
    finally:
        helper.close()


def printed(context: libyang.Context, tree: Element, flags: libyang.PrintFlags) -> dict[str, object]:
    parsed = context.parse_data(
        document(tree), libyang.DataFormat.XML, libyang.ParseOptions.Strict, libyang.ValidationOptions.NoState
    )
    assert parsed is not None
    text = parsed.print(libyang.DataFormat.JSON, flags | libyang.PrintFlags.Siblings)
    return dict(json.loads(text or "{}"))


DEFAULTED = [
    '{"nc-test:top": {"name": "x"}}',
    '{"nc-test:top": {"server": [{"name": "a"}, {"name": "b", "port": 830}], "speed": 100}}',
    '{"nc-test:top": {"checksum": true}}',
    '{"nc-test:top": {"none": {"why": "w"}}}',
    '{"nc-test:top": {"box": {"size": 1}}}',
    '{"nc-test:top": {"box": {"size": 1, "colour": "grey"}, "mode": "expert"}}',
    '{"nc-test:top": {"mode": "expert", "expert-level": 3}}',
    '{"nc-test:top": {"mode": "simple", "window": 64}}',
    "{}",
]


@pytest.mark.parametrize("text", DEFAULTED)
def test_libyang_reports_the_same_defaults(schema: Schema, text: str) -> None:
    tree = schema.from_json(text)
    before = serialise(tree)
    everything = json.loads(schema.to_json(schema.with_defaults(tree, "report-all")))
    theirs = printed(libyang_context(), tree, libyang.PrintFlags.WithDefaultsAll)
    assert {name: value for name, value in everything.items() if not name.startswith("nc-notif")} == theirs
    assert serialise(schema.with_defaults(tree, "explicit")) == before == serialise(tree)


def test_a_node_of_an_inner_choice_chooses_the_outer_case_too(schema: Schema) -> None:
    """RFC 7950, 7.6.1: "any node from the case" is there; libyang does not look into the inner choice."""
    tree = schema.from_json('{"nc-test:top": {"fancy": "f"}}')
    made = json.loads(schema.to_json(schema.with_defaults(tree, "report-all")))["nc-test:top"]
    assert made["checksum"] is True
    assert "window" not in made


@pytest.mark.parametrize("text", DEFAULTED)
def test_libyang_trims_the_same(schema: Schema, text: str) -> None:
    tree = schema.from_json(text)
    trimmed = json.loads(schema.to_json(schema.with_defaults(tree, "trim")))
    assert trimmed == printed(libyang_context(), tree, libyang.PrintFlags.WithDefaultsTrim)


def test_tags_are_on_what_nobody_has_set(schema: Schema) -> None:
    tree = schema.from_json('{"nc-test:top": {"speed": 100, "server": [{"name": "a"}]}}')
    made = schema.with_defaults(tree, "report-all-tagged")
    attribute = qname(DEFAULT_ATTRIBUTE, "default")
    tagged = {str(schema.instance_path(leaf)) for leaf in made.iter() if leaf.get(attribute) == "true"}
    assert "/t:top/t:server[t:name='a']/t:port" in tagged
    assert "/t:top/t:share" in tagged
    assert "/t:top/t:speed" not in tagged


def test_state_gets_defaults_only_where_it_is(schema: Schema) -> None:
    tree = schema.from_json('{"nc-test:state": {"session": [{"id": 1}]}}')
    made = json.loads(schema.to_json(schema.with_defaults(tree, "report-all")))
    assert made["nc-test:state"] == {"session": [{"id": 1, "idle": False}]}
    assert "nc-test:state" not in json.loads(schema.to_json(schema.with_defaults(data(""), "report-all")))
