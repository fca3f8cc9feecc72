"""edit-config: cases written by hand from RFC 6241, RFC 6243 and RFC 7950, and what holds for any edit."""

import json
from collections.abc import Iterator
from pathlib import Path

import oopt_gnpy_libyang as libyang
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.edit import DefaultOperation, apply_edit
from nc.errors import MOST_ERRORS, RpcErrors
from nc.schema import Schema
from nc.xml import NC, Element, parse, qname, serialise
from tests.nc.example import HERE, data, document, example_schema, facts, libyang_context

CASES = sorted((HERE / "conformance/edit").iterdir())


@pytest.fixture(scope="module")
def schema() -> Iterator[Schema]:
    with example_schema() as loaded:
        yield loaded


def read(case: Path) -> tuple[Element, DefaultOperation]:
    request = parse((case / "edit.xml").read_bytes())
    config = request.find(qname(NC, "config"))
    assert config is not None
    given_ = request.findtext(qname(NC, "default-operation"), "merge")
    operations: dict[str, DefaultOperation] = {"merge": "merge", "replace": "replace", "none": "none"}
    return config, operations[given_]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(schema: Schema, case: Path) -> None:
    before = schema.from_json((case / "before.json").read_text())
    unchanged = serialise(before)
    config, default_operation = read(case)
    after, errors = case / "after.json", case / "errors"
    if after.exists():
        assert not errors.exists()
        result = apply_edit(schema, before, config, default_operation)
        assert json.loads(schema.to_json(result)) == json.loads(after.read_text())
        assert serialise(schema.canonical(result)) == serialise(result)
    else:
        with pytest.raises(RpcErrors) as caught:
            apply_edit(schema, before, config, default_operation)
        found = [" ".join(part for part in fact if part) for fact in facts(caught.value)]
        expected = errors.read_text().splitlines()
        assert found == expected
    assert serialise(before) == unchanged


def test_there_are_cases() -> None:
    assert len(CASES) >= 40


def config_of(inside: str) -> Element:
    return parse(
        f'<config xmlns="{NC}" xmlns:nc="{NC}" xmlns:t="urn:example:nc-test">'
        f'<top xmlns="urn:example:nc-test">{inside}</top></config>'.encode()
    )


def test_the_error_of_an_unknown_namespace_declares_what_its_path_needs(schema: Schema) -> None:
    config = parse(f'<config xmlns="{NC}"><top xmlns="urn:example:nowhere"/></config>'.encode())
    with pytest.raises(RpcErrors) as caught:
        apply_edit(schema, data(""), config, "merge")
    (error,) = caught.value.errors
    assert error.path is not None
    prefix = error.path.text.strip("/").partition(":")[0]
    assert error.path.namespaces[prefix] == "urn:example:nowhere"


def test_values_keep_their_namespaces_in_the_new_tree(schema: Schema) -> None:
    tree = apply_edit(
        schema,
        schema.from_json('{"nc-test:top": {"server": [{"name": "a", "nc-augment:pet": "nc-test:dog"}]}}'),
        config_of('<server><name>a</name><z:pet xmlns:z="urn:example:nc-augment">z:cat</z:pet></server>'),
        "merge",
    )
    (pet,) = tree.iter("{urn:example:nc-augment}pet")
    prefix, _, name = (pet.text or "").partition(":")
    assert (pet.nsmap[prefix], name) == ("urn:example:nc-augment", "cat")


def test_thousands_of_mistakes_are_cut_short(schema: Schema) -> None:
    config = config_of("".join(f"<number>x{number}</number>" for number in range(3 * MOST_ERRORS)))
    with pytest.raises(RpcErrors) as caught:
        apply_edit(schema, data(""), config, "merge")
    assert len(caught.value.errors) == MOST_ERRORS


def test_many_entries_at_once(schema: Schema) -> None:
    count = 5000
    tree = apply_edit(
        schema,
        data(""),
        config_of("".join(f"<step><name>{number}</name></step>" for number in range(count))),
        "merge",
    )
    every_other = "".join(f'<step nc:operation="delete"><name>{number}</name></step>' for number in range(0, count, 2))
    tree = apply_edit(schema, tree, config_of(every_other), "merge")
    names = [step["name"] for step in json.loads(schema.to_json(tree))["nc-test:top"]["step"]]
    assert names == [str(number) for number in range(1, count, 2)]


NAMES = st.sampled_from(["a", "b", "c"])
ENTRIES = st.builds(
    lambda tag, operation, name, leaf: f'<{tag} nc:operation="{operation}"><name>{name}</name>{leaf}</{tag}>',
    st.sampled_from(["server", "step"]),
    st.sampled_from(["merge", "replace", "create", "delete", "remove"]),
    NAMES,
    st.just(""),
)
LEAFS = st.builds(
    lambda leaf, operation: f'<{leaf[0]} nc:operation="{operation}">{leaf[1]}</{leaf[0]}>',
    st.sampled_from([
        ("name", "n"), ("speed", "7"), ("number", "1"), ("number", "2"), ("route", "r"), ("window", "3"), ("nagle", ""),
        ("checksum", "true"), ("fancy", "f"), ("mode", "expert"), ("mode", "simple"), ("expert-level", "2"),
    ]),
    st.sampled_from(["merge", "replace", "create", "delete", "remove"]),
)  # fmt: skip
CONTEXT = libyang_context()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(ENTRIES | LEAFS, max_size=4), max_size=5))
def test_whatever_edits_make_is_valid_structure_and_canonical(schema: Schema, edits: list[list[str]]) -> None:
    """libyang parses data strictly: no duplicates, one case of each choice, no false when."""
    tree = schema.from_json('{"nc-test:top": {"server": [{"name": "a"}], "step": [{"name": "b"}], "mode": "expert"}}')
    for edit in edits:
        try:
            tree = apply_edit(schema, tree, config_of("".join(edit)), "merge")
        except RpcErrors:
            continue
        assert serialise(schema.canonical(tree)) == serialise(tree)
        CONTEXT.clean_all_errors()
        CONTEXT.parse_data(
            document(tree), libyang.DataFormat.XML, libyang.ParseOptions.Strict, libyang.ValidationOptions.Present
        )


@settings(max_examples=100, deadline=None)
@given(st.lists(LEAFS, max_size=4))
def test_an_edit_with_only_idempotent_operations_can_be_repeated(schema: Schema, edit: list[str]) -> None:
    again = [part.replace('"create"', '"merge"').replace('"delete"', '"remove"') for part in edit]
    tree = schema.from_json('{"nc-test:top": {"name": "x", "number": [2, 1], "window": 5}}')
    try:
        once = apply_edit(schema, tree, config_of("".join(again)), "merge")
        twice = apply_edit(schema, once, config_of("".join(again)), "merge")
    except RpcErrors:
        return
    assert json.loads(schema.to_json(twice)) == json.loads(schema.to_json(once))
