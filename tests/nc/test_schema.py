"""The schema: compilation against pyang's and libyang's own trees, validation, JSON, defaults, operations."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

import nc.schema.helper
from nc.errors import InstancePath, RpcErrors
from nc.schema import ModuleRequest, Schema, SchemaError
from nc.schema.instance import literal
from nc.xml import NC, YANG, Element, parse, qname
from tests.nc.example import HERE, NS, WHOLE, example_schema, facts, libyang_context, module_path

T = NS["t"]


@pytest.fixture(scope="module")
def schema() -> Iterator[Schema]:
    with example_schema() as loaded:
        yield loaded


def test_nodes(schema: Schema) -> None:
    server = schema.node_at("/nc-test:top/server")
    assert server is not None
    assert (server.kind, server.keys, server.config, server.max_elements) == ("list", (qname(T, "name"),), True, 30000)
    pair = schema.node_at("/nc-test:top/pair")
    assert pair is not None
    assert pair.keys == (qname(T, "second"), qname(T, "first"))
    assert schema.node_at("/nc-test:top/only-on") is not None
    assert schema.node_at("/nc-test:top/only-off") is None
    assert schema.node_at("/nc-test:state/sample") is None, "a deviation takes it away"
    location = schema.node_at("/nc-test:top/server/nc-augment:location")
    assert location is not None
    assert (location.module, location.path) == ("nc-augment", "/nc-test:top/server/nc-augment:location")
    assert schema.node_at("/nc-test:top/server/location") is None
    assert schema.node_at("/nowhere:top") is None
    assert [node.name for node in schema.top.values() if node.module == "nc-test"] == ["top", "values", "state"]


def test_what_statements_say(schema: Schema) -> None:
    def at(path: str) -> nc.schema.SchemaNode:
        node = schema.node_at(f"/nc-test:{path}")
        assert node is not None
        return node

    assert at("top/step").user_ordered
    assert not at("top/server").user_ordered
    assert at("top/box").presence
    assert not at("top").presence
    assert at("top/box/size").mandatory
    assert at("top/secret").default_deny == "all"
    assert not at("state/uptime").config
    assert at("state/uptime").units == "seconds"
    assert [value.text for value in at("top/share").defaults] == ["50"]
    assert [value.text for value in at("top/hexadecimal").defaults] == ["31"]
    fancy = [(choice.name, case) for choice, case in at("top/fancy").choices]
    assert fancy == [("transfer", "udp"), ("flavour", "fancy")]
    assert [case for _, case in at("top/nc-augment:extra").choices] == ["udp"]
    restart = at("top/server/restart")
    assert (restart.kind, list(restart.input.children)) == ("action", [qname(T, "delay")])


def test_default_deny_is_inherited(schema: Schema) -> None:
    enable = schema.node_at("/ietf-netconf-acm:nacm/enable-nacm")
    assert enable is not None
    assert enable.default_deny == "all"


def test_pyang_and_libyang_know_the_same_data_nodes(schema: Schema) -> None:
    """libyang is asked by creating each node at its path."""
    context = libyang_context()
    for top in schema.top.values():
        if top.module not in {"nc-test", "nc-augment", "ietf-netconf-acm"}:
            continue
        for node in top.descendants():
            if node.kind == "container" and node.config:
                made = context.create(node.path.replace("/server/", "/server[name='x']/"))
                assert made is not None


def test_modules(schema: Schema) -> None:
    module = schema.modules["nc-test"]
    assert (module.revision, module.namespace, module.features) == ("2026-01-01", T, ("on",))
    assert module.deviations == ("nc-augment",)
    assert not module.import_only
    assert schema.modules["nc-augment"].prefix == "nc-augment", "its own prefix is taken"
    assert schema.modules["ietf-inet-types"].import_only
    assert len(set(schema.prefixes.values())) == len(schema.prefixes) == len(schema.modules)


def test_sources(schema: Schema) -> None:
    assert schema.source("nc-test") == (HERE / "yang/nc-test.yang").read_text()
    assert schema.source("nc-test", "2026-01-01") == schema.source("nc-test")
    yin = parse(schema.source("nc-augment", format_="yin").encode())
    assert (yin.tag, yin.get("name")) == ("{urn:ietf:params:xml:ns:yang:yin:1}module", "nc-augment")
    with pytest.raises(LookupError):
        schema.source("nc-test", "1999-01-01")
    with pytest.raises(LookupError):
        schema.source("nowhere")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("container c { leaf l { type strin; } }", "strin"),
        ("leaf l { type leafref { path '/x:nothing'; } }", "nothing"),
        ("leaf l { type uint8 { range '0..300'; } }", "300"),
        ("leaf", "bad.yang"),
    ],
)
def test_modules_that_cannot_be_used(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "bad.yang").write_text(f"module bad {{ yang-version 1.1; namespace 'urn:bad'; prefix x;\n{text} }}")
    with pytest.raises(SchemaError, match=reason):
        Schema.load([ModuleRequest("bad")], [tmp_path])


def test_unknown_modules_and_features() -> None:
    with pytest.raises(SchemaError, match="nowhere"):
        Schema.load([ModuleRequest("nowhere")], module_path())
    with pytest.raises(SchemaError, match=r"nc-test: there is no feature 'of'"):
        Schema.load([ModuleRequest("nc-test", frozenset({"of"}))], module_path())


def test_paths(schema: Schema) -> None:
    tree = schema.from_json(WHOLE)
    for element in tree.iter():
        if element is tree:
            continue
        path = schema.instance_path(element)
        assert schema.find(tree, path) is element
        assert tree.xpath(path.text.removeprefix("/"), namespaces=path.namespaces) == [element]
        node = schema.node_of(element)
        assert node is not None
        assert node.qname == element.tag
    assert schema.find(tree, InstancePath("/t:top/t:server[t:name='z']", {"t": T})) is None
    with pytest.raises(ValueError, match="no instance-identifier"):
        schema.find(tree, InstancePath("/t:top/server", {"t": T}))


def test_any_text_can_be_an_xpath_literal() -> None:
    for text in ("", "a", "it's", 'say "x"', """both ' and " and '"""):
        assert etree.Element("x").xpath(f"string({literal(text)})") == text


def ping(inside: str) -> Element:
    message = f'<rpc xmlns="{NC}" message-id="1"><ping xmlns="{T}" xmlns:any="{T}">{inside}</ping></rpc>'
    return parse(message.encode())[0]


def test_an_operation_gets_canonical_values_and_defaults(schema: Schema) -> None:
    element = schema.check_operation(
        ping("<host>h</host><slow/><datastore>any:dog</datastore><dogs-only/><even> +04 </even><payload><x/></payload>")
    )
    texts = {etree.QName(child).localname: child.text for child in element}
    assert texts | {"slow": None, "dogs-only": None, "payload": None} == {
        "host": "h", "slow": None, "datastore": "t:dog", "dogs-only": None, "even": "4", "payload": None, "count": "3"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<fast/>", [("missing-element", "/t:ping", "")]),
        ("<host>h</host>", [("missing-element", "/t:ping", "missing-choice")]),
        ("<host>h</host><fast/><slow/>", [("bad-element", "/t:ping/t:slow", "")]),
        ("<host>h</host><fast/><count>0</count>", [("invalid-value", "/t:ping/t:count", "")]),
        ("<host>h</host><fast/><what/>", [("unknown-element", "/t:ping/t:what", "")]),
        ("<host>h</host><host>i</host><fast/>", [("bad-element", "/t:ping/t:host", "")]),
        ("<host>h</host><fast/><dogs-only/>", [("unknown-element", "/t:ping/t:dogs-only", "")]),
        ("<host>h</host><fast/><even>3</even>", [("operation-failed", "/t:ping/t:even", "must-violation")]),
        ("<host>h</host><fast/><item/>", [("missing-element", "/t:ping/t:item", "")]),
        ("<host>h</host><fast/>" + "<item><id>1</id></item>" * 2, [("data-exists", "/t:ping/t:item", "")]),
        (
            "<host>h</host><fast/>" + "".join(f"<item><id>{number}</id></item>" for number in range(3)),
            [("operation-failed", "/t:ping", "too-many-elements")],
        ),
    ],
)
def test_wrong_operations(schema: Schema, inside: str, expected: list[tuple[str, str, str]]) -> None:
    with pytest.raises(RpcErrors) as caught:
        schema.check_operation(ping(inside))
    assert facts(caught.value) == expected


def test_an_action(schema: Schema) -> None:
    def restart(delay: str) -> Element:
        inside = f"<top xmlns='{T}'><server><name>a</name><restart>{delay}</restart></server></top>"
        message = f'<rpc xmlns="{NC}" message-id="1"><action xmlns="{YANG}">{inside}</action></rpc>'
        (element,) = parse(message.encode()).iter(qname(T, "restart"))
        return element

    assert schema.check_operation(restart(""))[0].text == "1"
    with pytest.raises(RpcErrors) as caught:
        schema.check_operation(restart("<delay>256</delay>"))
    assert facts(caught.value) == [("invalid-value", "/t:top/t:server[t:name='a']/t:restart/t:delay", "")]


def test_operations_of_netconf_itself(schema: Schema) -> None:
    def rpc(inside: str) -> Element:
        return parse(f'<rpc xmlns="{NC}" message-id="1">{inside}</rpc>'.encode())[0]

    assert schema.check_operation(rpc("<get/>")).tag == qname(NC, "get")
    edit = "<edit-config><target><candidate/></target><config><any xmlns='urn:any'/></config></edit-config>"
    assert schema.check_operation(rpc(edit)).findtext(qname(NC, "default-operation")) == "merge"
    for inside, expected in {
        "<get-config/>": ("missing-element", "/nc:get-config/nc:source", "missing-choice"),
        "<get-config><source><startup/></source></get-config>": (
            "unknown-element", "/nc:get-config/nc:source/nc:startup", ""
        ),
        "<kill-session><session-id>0</session-id></kill-session>": (
            "invalid-value", "/nc:kill-session/nc:session-id", ""
        ),
        "<reboot/>": ("operation-not-supported", "", ""),
    }.items():  # fmt: skip
        with pytest.raises(RpcErrors) as caught:
            schema.check_operation(rpc(inside))
        assert expected in facts(caught.value)


def test_a_subscription_needs_a_start_for_its_stop(schema: Schema) -> None:
    subscription = "urn:ietf:params:xml:ns:netconf:notification:1.0"

    def subscribe(inside: str) -> Element:
        message = f'<rpc xmlns="{NC}"><create-subscription xmlns="{subscription}">{inside}</create-subscription></rpc>'
        return parse(message.encode())[0]

    stop, start = "<stopTime>2026-01-02T00:00:00Z</stopTime>", "<startTime>2026-01-01T00:00:00Z</startTime>"
    assert schema.check_operation(subscribe(start + stop)).findtext(qname(subscription, "stream")) == "NETCONF"
    with pytest.raises(RpcErrors, match="stopTime needs startTime"):
        schema.check_operation(subscribe(stop))
