"""Values: tables from RFC 7950 and RFC 7951, and libyang's verdict on anything that hypothesis thinks of."""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from xml.sax.saxutils import escape

import oopt_gnpy_libyang as libyang
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from nc.schema import Schema, SchemaNode
from nc.schema.types import ConstraintError
from tests.nc.example import NS, example_schema, libyang_context

SCOPE: dict[str | None, str] = {"t": NS["t"], "augment": NS["augment"], "other": NS["t"], None: NS["t"]}


@pytest.fixture(scope="module")
def schema() -> Iterator[Schema]:
    with example_schema() as loaded:
        yield loaded


def leaf(schema: Schema, name: str) -> SchemaNode:
    node = schema.node_at(f"/nc-test:values/{name}")
    assert node is not None
    return node


RIGHT = [
    ("int8", "-128", "-128", -128),
    ("int8", "+0", "0", 0),
    ("int8", "-0", "0", 0),
    ("int8", "0010", "10", 10),
    ("int64", "-9223372036854775808", "-9223372036854775808", "-9223372036854775808"),
    ("uint8", "10", "10", 10),
    ("uint8", "255", "255", 255),
    ("uint64", "18446744073709551615", "18446744073709551615", "18446744073709551615"),
    ("decimal", "-1.5", "-1.5", "-1.5"),
    ("decimal", "+0010.120", "10.12", "10.12"),
    ("decimal", "7", "7.0", "7.0"),
    ("decimal", "-0.000", "0.0", "0.0"),
    ("wide-decimal", "9.223372036854775807", "9.223372036854775807", "9.223372036854775807"),
    ("wide-decimal", "-9.223372036854775808", "-9.223372036854775808", "-9.223372036854775808"),
    ("string", "ac", "ac", "ac"),
    ("string", "acacac", "acacac", "acacac"),
    ("text", "", "", ""),
    ("text", "  a\n\U0001f600 ", "  a\n\U0001f600 ", "  a\n\U0001f600 "),
    ("boolean", "true", "true", True),
    ("boolean", "false", "false", False),
    ("enumeration", "two three", "two three", "two three"),
    ("bits", "", "", ""),
    ("bits", " c\n a  b ", "a b c", "a b c"),
    ("binary", "", "", ""),
    ("binary", "aGVs\nbG8=", "aGVsbG8=", "aGVsbG8="),
    ("empty", "", "", [None]),
    ("identity", "dog", "t:dog", "dog"),
    ("identity", "other:mammal", "t:mammal", "mammal"),
    ("identity", "augment:cat", "nc-augment:cat", "nc-augment:cat"),
    ("union", "7", "7", 7),
    ("union", "none", "none", "none"),
    ("union", "1.2.3.4", "1.2.3.4", "1.2.3.4"),
    ("union", "augment:cat", "nc-augment:cat", "nc-augment:cat"),
    (
        "instance",
        '/other:top/other:server[other:name="it\'s"]/augment:pet',
        '/t:top/t:server[t:name="it\'s"]/nc-augment:pet',
        '/nc-test:top/server[name="it\'s"]/nc-augment:pet',
    ),
    ("instance", "/t:top/t:number[.='+7']", "/t:top/t:number[.='7']", "/nc-test:top/number[.='7']"),
    ("instance", "/t:state/t:event[3]/t:what", "/t:state/t:event[3]/t:what", "/nc-test:state/event[3]/what"),
    ("reference", "007", "7", 7),
    (
        "xpath",
        "/other:top[other:name='other:x']/augment:*",
        "/t:top[t:name='other:x']/nc-augment:*",
        "/nc-test:top[nc-test:name='other:x']/nc-augment:*",
    ),
    ("ipv6", "2001:0DB8:0:0:0:0:0:1%Eth0", "2001:db8::1%Eth0", "2001:db8::1%Eth0"),
    ("ipv6", "::FFFF:192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.1"),
    ("prefix", "192.0.2.255/25", "192.0.2.128/25", "192.0.2.128/25"),
    ("prefix", "2001:DB8::1/32", "2001:db8::/32", "2001:db8::/32"),
    ("host", "EXAMPLE.com", "example.com", "example.com"),
    ("mac", "00:1A:2b:3C:4d:5E", "00:1a:2b:3c:4d:5e", "00:1a:2b:3c:4d:5e"),
]


@pytest.mark.parametrize(("name", "text", "canonical", "json"), RIGHT)
def test_right_values(schema: Schema, name: str, text: str, canonical: str, json: object) -> None:
    node = leaf(schema, name)
    assert node.type is not None
    value = schema.check_value(node, text, SCOPE)
    assert value.text == canonical
    assert node.type.to_json(canonical, node.module) == json
    assert node.type.from_json(json, node.module) == value
    assert schema.check_value(node, canonical, {prefix: schema.prefixes[prefix] for prefix in schema.prefixes}) == value
    assert all(schema.prefixes[prefix] == namespace for prefix, namespace in value.namespaces.items())


WRONG = [
    ("int8", "128"), ("int8", "-129"), ("int8", ""), ("int8", "1.0"), ("int8", "0x10"), ("int8", "1 2"), ("int8", "٣"),
    ("int8", "1" * 5000), ("int64", "9223372036854775808"), ("uint8", "-1"), ("uint8", "11"), ("uint8", "19"),
    ("decimal", "1.2345"), ("decimal", "-1.501"), ("decimal", "99.126"), ("decimal", "."), ("decimal", "1."),
    ("decimal", ".5"), ("decimal", "1e1"), ("decimal", "NaN"), ("wide-decimal", "9.223372036854775808"),
    ("wide-decimal", "10"), ("string", "a"), ("string", "acaca"), ("string", "ab"), ("string", "A1"), ("string", " ac"),
    ("text", "a\x00"), ("text", "\x1b"), ("text", "\ufffe"), ("text", "\ud800"), ("text", "\U0001ffff"),
    ("boolean", "TRUE"), ("boolean", "1"), ("enumeration", "ONE"), ("enumeration", "off"), ("bits", "d"),
    ("bits", "a a"),
    ("binary", "aGVsbG8hIQ=="), ("binary", "a"), ("binary", "a-_="), ("empty", "x"), ("identity", "animal"),
    ("identity", "augment:dog"), ("identity", "nowhere:dog"), ("identity", ""), ("union", "256"), ("union", "animal"),
    ("instance", "top"), ("instance", "/top"), ("instance", "/t:top/t:nowhere"),
    ("instance", "/t:top/t:pair[t:first='x']"),
    ("instance", ""), ("reference", "-1"), ("xpath", "/nowhere:top"), ("xpath", "a'"), ("ipv6", "2001:db8::1::2"),
    ("ipv6", "192.0.2.1"), ("prefix", "192.0.2.0/33"), ("mac", "00:1a:2b:3c:4d"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_wrong_values(schema: Schema, name: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        schema.check_value(leaf(schema, name), text, SCOPE)


@pytest.mark.parametrize(
    ("name", "json"),
    [
        ("int8", "1"), ("int8", 1.0), ("int8", True), ("int8", None), ("int64", 1), ("decimal", 1.5), ("text", 1),
        ("boolean", "true"), ("boolean", 1), ("empty", None), ("empty", ""), ("empty", [None, None]), ("bits", ["a"]),
        ("identity", "t:dog"), ("identity", "nowhere:dog"), ("union", "7"), ("instance", "/t:top"), ("text", {}),
    ],
)  # fmt: skip
def test_wrong_json(schema: Schema, name: str, json: object) -> None:
    node = leaf(schema, name)
    assert node.type is not None
    with pytest.raises(ValueError, match=r"."):
        node.type.from_json(json, node.module)


def test_the_words_of_the_model_are_used(schema: Schema) -> None:
    node = schema.node_at("/nc-test:top/server/weight")
    assert node is not None
    with pytest.raises(ConstraintError, match=r"^weights go from -5 to 5$") as caught:
        schema.check_value(node, "6", {})
    assert caught.value.app_tag == "bad-weight"


def test_messages_say_what_is_allowed(schema: Schema) -> None:
    with pytest.raises(ValueError, match=r"^15 is not within 0\.\.10 \| 20\.\.255$"):
        schema.check_value(leaf(schema, "uint8"), "15", {})
    with pytest.raises(ValueError, match=r"^'x' is none of one, two three$"):
        schema.check_value(leaf(schema, "enumeration"), "x", {})
    with pytest.raises(ValueError, match=r"^'nothing' is none of nc-augment:cat, nc-test:dog, nc-test:mammal$"):
        schema.check_value(leaf(schema, "identity"), "nothing", SCOPE)


CONTEXT = libyang_context()

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn")) | st.sampled_from("\n\t"), max_size=12
)
numbers = st.builds(
    lambda sign, whole, fraction: f"{sign}{whole}{fraction}",
    st.sampled_from(["", "-", "+"]),
    # A leading zero makes a number octal for libyang in data too; for RFC 7950, 9.2.1, only in modules.
    st.integers(0, 10**20).map(str) | st.integers(0, 300).map(str),
    st.sampled_from([""]) | st.integers(0, 10**6).map(lambda digits: f".{digits}"),
)
addresses = st.from_regex(r"[0-9a-fA-F]{0,4}(::?[0-9a-fA-F]{0,4}){1,8}", fullmatch=True) | st.ip_addresses(v=6).map(str)
LEAFS = {
    "int8": numbers | texts,
    "int64": numbers,
    "uint8": numbers,
    "uint64": numbers,
    "decimal": numbers | texts,
    "wide-decimal": numbers,
    "string": st.text("abcz", max_size=7) | texts,
    "text": texts,
    "boolean": st.sampled_from(["true", "false", "True", "1", ""]),
    "enumeration": st.sampled_from(["one", "two three", "two", "off", "ONE", ""]),
    "bits": st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=4).map(" ".join),
    "binary": st.text("aGV4/+=", max_size=8),
    "identity": st.sampled_from(["t:dog", "augment:cat", "t:animal", "t:cat", "augment:dog", "x:dog", "dog"]),
    "union": numbers | st.sampled_from(["none", "1.2.3.4", "1.2.3.256", "t:dog", "t:animal"]),
    "ipv6": addresses,
    "mac": st.from_regex(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{1,2}){4,6}", fullmatch=True),
    "prefix": st.builds(lambda a, n: f"{a}/{n}", st.ip_addresses(v=4) | st.ip_addresses(v=6), st.integers(0, 130)),
}


def libyang_says(name: str, text: str) -> str | None:
    """The value as libyang prints it; None where it refuses it."""
    scope = " ".join(f'xmlns:{prefix}="{namespace}"' for prefix, namespace in NS.items())
    xml = f'<values xmlns="{NS["t"]}" {scope}><{name}>{escape(text)}</{name}></values>'
    CONTEXT.clean_all_errors()
    try:
        tree = CONTEXT.parse_data(
            xml, libyang.DataFormat.XML, libyang.ParseOptions.Strict, libyang.ValidationOptions.Present
        )
    except libyang.Error:
        return None
    assert tree is not None
    printed = etree.fromstring(
        tree.print(libyang.DataFormat.XML, libyang.PrintFlags.Shrink | libyang.PrintFlags.Siblings)
    )
    return printed[0].text or ""


@pytest.mark.parametrize("name", LEAFS)
@settings(max_examples=150, deadline=None)
@given(drawn=st.data())
def test_libyang_is_of_the_same_opinion(schema: Schema, name: str, drawn: st.DataObject) -> None:
    text = drawn.draw(LEAFS[name])
    try:
        ours: str | None = schema.check_value(leaf(schema, name), text, SCOPE).text
    except ValueError:
        ours = None
    theirs = libyang_says(name, text)
    if ours is not None and theirs is not None and name in {"identity", "union"}:
        # Only the prefix is everybody's own choice.
        ours, theirs = ours.rpartition(":")[2], theirs.rpartition(":")[2]
    if ours is not None and theirs is not None and name == "binary":
        # libyang keeps the unused bits at the end as they were written (RFC 4648, 3.5).
        theirs = b64encode(b64decode(theirs)).decode()
    assert ours == theirs, text
