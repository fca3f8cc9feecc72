"""rpc messages and their replies, and the operations of RFC 6241 that no other test is about."""

from collections.abc import Sequence

import pytest
from lxml import etree

from nc.build import Builder
from nc.component import ConfigWarning
from nc.errors import InstancePath, RpcErrors, data_missing, invalid_value
from nc.operations import ActionRequest
from nc.rpc.request import Request
from nc.xml import Element, parse
from tests.nc.world import NC_NS, PLANT, World, edit, edit_config, plant_of

NC = f"{{{NC_NS}}}"
YANG = "urn:ietf:params:xml:ns:yang:1"


def handle(world: World, message: str) -> tuple[Element, bool]:
    session = world.open("root")
    reply = world.backend.operations.handle(session, parse(message.encode()))
    return reply.element, reply.close


# Messages


def test_a_reply_has_all_attributes_of_the_rpc() -> None:
    message = f'<rpc xmlns="{NC_NS}" xmlns:ex="urn:ex" message-id="a &lt; b" ex:user="fred" other=""><commit/></rpc>'
    reply, _ = handle(World(), message)
    assert reply.tag == f"{NC}rpc-reply"
    assert dict(reply.items()) == {"message-id": "a < b", "{urn:ex}user": "fred", "other": ""}
    assert b'ex:user="fred"' in etree.tostring(reply)


def test_an_rpc_without_message_id_is_an_error_that_says_so() -> None:
    reply, close = handle(World(), f'<rpc xmlns="{NC_NS}" other="x"><close-session/></rpc>')
    assert not close
    assert dict(reply.items()) == {"other": "x"}
    error = reply[0]
    assert error.findtext(f"{NC}error-tag") == "missing-attribute"
    assert error.findtext(f"{NC}error-type") == "rpc"
    assert error.findtext(f"{NC}error-info/{NC}bad-attribute") == "message-id"
    assert error.findtext(f"{NC}error-info/{NC}bad-element") == "rpc"


@pytest.mark.parametrize(
    ("operation", "tag", "type_"),
    [
        ("", "missing-element", "rpc"),
        ("<commit/><commit/>", "unknown-element", "rpc"),
        ("<comit/>", "operation-not-supported", "protocol"),
        ('<get xmlns="urn:nobody"/>', "unknown-namespace", "protocol"),
        (f'<burn xmlns="{PLANT}"/>', "operation-not-supported", "protocol"),
        ("<commit><hurry/></commit>", "unknown-element", None),
        ("<commit><confirmed/><confirm-timeout>soon</confirm-timeout></commit>", "invalid-value", None),
        ("<kill-session/>", "missing-element", None),
        ("<partial-lock/>", "operation-not-supported", "protocol"),
    ],
)
def test_messages_that_are_no_operation(operation: str, tag: str, type_: str | None) -> None:
    world = World()
    error = world.error(world.open("root"), operation)
    assert error.tag == tag
    assert type_ is None or error.type == type_


def test_close_session_closes_after_the_reply() -> None:
    reply, close = handle(World(), f'<rpc xmlns="{NC_NS}" message-id="1"><close-session/></rpc>')
    assert close
    assert [child.tag for child in reply] == [f"{NC}ok"]


def test_comments_between_operations_do_not_matter() -> None:
    reply, _ = handle(World(), f'<rpc xmlns="{NC_NS}" message-id="1"><!-- a --><commit/><!-- b --></rpc>')
    assert [child.tag for child in reply] == [f"{NC}ok"]


# Editing


def copy(target: str, source: str) -> str:
    return f"<copy-config><target>{target}</target><source>{source}</source></copy-config>"


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        ("<edit-config><target><running/></target><config/></edit-config>", "edit the candidate"),
        (copy("<running/>", "<candidate/>"), "edit the candidate"),
        (copy("<startup/>", "<running/>"), "no startup"),
        (copy("<url>file:///x</url>", "<running/>"), "no url"),
        ("<delete-config><target><running/></target></delete-config>", "cannot be deleted"),
        ("<delete-config><target><candidate/></target></delete-config>", "cannot be deleted"),
        ("<delete-config><target><startup/></target></delete-config>", "no startup"),
    ],
)
def test_only_the_candidate_can_be_written_and_nothing_deleted(operation: str, says: str) -> None:
    world = World()
    error = world.error(world.open("root"), operation)
    assert error.tag == "operation-not-supported"
    assert says in error.message


def test_copying_an_inline_configuration_replaces_the_candidate() -> None:
    world = World()
    session = world.open("root")
    world.edit(session, "<name>A</name><interval>7</interval>")
    world.ok(session, copy("<candidate/>", f'<config><plant xmlns="{PLANT}"><lamp/></plant></config>'))
    assert world.candidate() == "<lamp/>"
    assert world.error(session, copy("<candidate/>", "<candidate/>")).tag == "invalid-value"
    world.ok(session, copy("<candidate/>", "<running/>"))
    assert world.candidate() == ""
    bad = copy("<candidate/>", f'<config><plant xmlns="{PLANT}"><roof/></plant></config>')
    assert world.error(session, bad).tag == "unknown-element"


def test_copying_with_defaults_has_them_in_it() -> None:
    world = World()
    session = world.open("root")
    world.commit(session, "<lamp/>")
    mode = '<with-defaults xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults">report-all</with-defaults>'
    world.ok(session, copy("<candidate/>", "<running/>").replace("</copy-config>", f"{mode}</copy-config>"))
    assert world.candidate() in {
        "<lamp><colour>white</colour></lamp><interval>60</interval>",
        "<interval>60</interval><lamp><colour>white</colour></lamp>",
    }


BROKEN = "<bed><name>a</name><neighbour>nobody</neighbour></bed>"


@pytest.mark.parametrize(
    ("option", "accepted", "set_"),
    [("", True, True), ("set", True, True), ("test-then-set", False, False), ("test-only", False, False)],
)
def test_test_option_with_a_configuration_that_is_not_valid(option: str, accepted: bool, set_: bool) -> None:
    world = World()
    session = world.open("root")
    asked = f"<test-option>{option}</test-option>" if option else ""
    reply = world.ask(session, edit(BROKEN, asked))
    assert (reply[0].tag == f"{NC}ok") == accepted
    assert (world.candidate() == BROKEN) == set_


@pytest.mark.parametrize(("option", "set_"), [("set", True), ("test-then-set", True), ("test-only", False)])
def test_test_option_with_one_that_is_valid(option: str, set_: bool) -> None:
    world = World()
    session = world.open("root")
    world.ok(session, edit("<name>A</name>", f"<test-option>{option}</test-option>"))
    assert world.candidate() == ("<name>A</name>" if set_ else "")
    world.parts[0].refusal = RpcErrors([invalid_value("no")])
    reply = world.ask(session, edit("<name>B</name>", f"<test-option>{option}</test-option>"))
    assert (reply[0].tag == f"{NC}ok") == (option == "set")


@pytest.mark.parametrize("option", ["stop-on-error", "continue-on-error", "rollback-on-error"])
def test_no_edit_is_made_in_part(option: str) -> None:
    world = World()
    session = world.open("root")
    bad = '<name>A</name><bed nc:operation="delete"><name>none</name></bed>'
    world.errors(session, edit(bad, f"<error-option>{option}</error-option>"))
    assert world.candidate() == ""


def test_default_operation() -> None:
    world = World()
    session = world.open("root")
    world.edit(session, "<name>A</name><lamp/>")
    world.ok(session, edit("<interval>7</interval>", "<default-operation>replace</default-operation>"))
    assert world.candidate() == "<interval>7</interval>"
    error = world.error(session, edit("<lamp/>", "<default-operation>none</default-operation>"))
    assert error.tag == "data-missing"


def test_url_is_not_supported() -> None:
    world = World()
    asked = "<edit-config><target><candidate/></target><url>file:///x</url></edit-config>"
    assert {error.tag for error in world.errors(world.open("root"), asked)} >= {"unknown-element"}


# Validating


def validate(source: str) -> str:
    return f"<validate><source>{source}</source></validate>"


def test_validate_says_what_a_commit_would_say_and_changes_nothing() -> None:
    world = World()
    session = world.open("root")
    world.ok(session, validate("<candidate/>"))
    world.ok(session, validate("<running/>"))
    world.edit(session, BROKEN)
    assert world.error(session, validate("<candidate/>")).app_tag == "instance-required"
    world.ok(session, validate("<running/>"))
    inline = f'<config><plant xmlns="{PLANT}">{BROKEN}</plant></config>'
    assert world.error(session, validate(inline)).app_tag == "instance-required"
    world.ok(session, validate(inline.replace("nobody", "a")))
    world.parts[1].refusal = RpcErrors([invalid_value("no lamp", InstancePath("/p:plant", {"p": PLANT}))])
    error = world.error(session, validate("<running/>"))
    assert (error.tag, error.message, error.path) == ("invalid-value", "no lamp", "/p:plant")
    assert world.parts[0].done[-2:] == ["prepare strictly", "abandon"]
    assert world.running() == ""
    assert "apply" not in [step for part in world.parts for step in part.done]


@pytest.mark.parametrize(
    ("datastore", "valid"), [("running", True), ("intended", True), ("candidate", False), ("operational", False)]
)
def test_validate_of_datastores_of_nmda(datastore: str, valid: bool) -> None:
    world = World()
    session = world.open("root")
    world.edit(session, BROKEN)
    source = (
        '<datastore xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"'
        f' xmlns:x="urn:ietf:params:xml:ns:yang:ietf-datastores">x:{datastore}</datastore>'
    )
    reply = world.ask(session, validate(source))
    assert (reply[0].tag == f"{NC}ok") == valid
    if datastore == "operational":
        assert reply[0].findtext(f"{NC}error-tag") == "invalid-value"


# Sessions


def test_kill_session() -> None:
    world = World()
    session = world.open("root")
    own = world.error(session, f"<kill-session><session-id>{session.session_id}</session-id></kill-session>")
    unknown = world.error(session, "<kill-session><session-id>4000</session-id></kill-session>")
    for error in (own, unknown):
        assert (error.tag, error.path) == ("invalid-value", "/nc:rpc/nc:kill-session/nc:session-id")
    assert session.termination is None


# Reading


def test_filters_that_cannot_be_used() -> None:
    world = World()
    session = world.open("root")
    no_select = world.error(session, '<get><filter type="xpath"/></get>')
    assert (no_select.tag, no_select.info["bad-attribute"]) == ("missing-attribute", "select")
    bad_type = world.error(session, '<get><filter type="regex"/></get>')
    assert (bad_type.tag, bad_type.info["bad-attribute"]) == ("bad-attribute", "type")
    assert bad_type.path == "/nc:rpc/op:get/f:filter"


def test_a_filter_without_content_selects_nothing() -> None:
    world = World()
    session = world.open("root")
    world.commit(session, "<name>A</name>")
    assert len(world.data(session, "<get-config><source><running/></source><filter/></get-config>")) == 0


@pytest.mark.parametrize("attribute", ["type", "nc:type"])
def test_filter_attributes_with_and_without_a_prefix(attribute: str) -> None:
    world = World()
    session = world.open("root")
    world.commit(session, "<name>A</name><lamp/>")
    select = attribute.replace("type", "select")
    asked = f'<filter xmlns:nc="{NC_NS}" xmlns:q="{PLANT}" {attribute}="xpath" {select}="/q:plant/q:lamp"/>'
    data = world.data(session, f"<get-config><source><running/></source>{asked}</get-config>")
    assert plant_of(data) == "<lamp/>"


def test_what_is_read_is_a_copy() -> None:
    world = World()
    session = world.open("root")
    world.commit(session, "<name>A</name>")
    reply = world.backend.operations.handle(
        session,
        parse(
            f'<rpc xmlns="{NC_NS}" message-id="1"><get-config><source><running/></source></get-config></rpc>'.encode()
        ),
    )
    reply.element[0].clear()
    assert world.running() == "<name>A</name>"


# Operations of data models

BUILD = Builder(PLANT, "p")


def test_an_rpc_of_a_data_model() -> None:
    world = World()
    session = world.open("root")
    asked: list[Request] = []

    def harvest(request: Request) -> Sequence[Element]:
        asked.append(request)
        if request.text("bed", PLANT) != "a":
            raise data_missing("there is no such bed")
        return [BUILD.leaf("weight", 250)]

    world.backend.operations.register(f"{{{PLANT}}}harvest", harvest)
    reply = world.ask(session, f'<harvest xmlns="{PLANT}"><bed>a</bed></harvest>')
    assert [(child.tag, child.text) for child in reply] == [(f"{{{PLANT}}}weight", "250")]
    assert asked[0].session is session
    assert world.error(session, f'<harvest xmlns="{PLANT}"><bed>b</bed></harvest>').tag == "data-missing"
    assert world.error(session, f'<harvest xmlns="{PLANT}"/>').tag == "missing-element"
    for tag in (f"{{{PLANT}}}harvest", f"{{{PLANT}}}dance", f"{NC}get"):
        with pytest.raises(ValueError, match="no RPC that is free"):
            world.backend.operations.register(tag, harvest)


def irrigate(content: str) -> str:
    return f'<action xmlns="{YANG}"><plant xmlns="{PLANT}">{content}</plant></action>'


def test_an_action_of_a_data_model() -> None:
    world = World()
    session = world.open("root")
    asked: list[tuple[str, str, str]] = []

    def do(request: ActionRequest) -> Sequence[Element]:
        name = request.parent.findtext(f"{{{PLANT}}}name") or ""
        litres = request.input.findtext(f"{{{PLANT}}}litres") or ""
        asked.append((etree.QName(request.parent).localname, name, litres))
        return [BUILD.leaf("moisture", 70)] if name == "a" else []

    world.backend.operations.register_action("/plant:plant/bed/irrigate", do)
    reply = world.ask(session, irrigate("<bed><name>a</name><irrigate><litres>3</litres></irrigate></bed>"))
    assert [(child.tag, child.text) for child in reply] == [(f"{{{PLANT}}}moisture", "70")]
    world.ok(session, irrigate("<bed><name>b</name><irrigate/></bed>"))
    assert asked == [("bed", "a", "3"), ("bed", "b", "1")]
    for path in ("/plant:plant/bed/irrigate", "/plant:plant/bed", "/plant:plant/dance"):
        with pytest.raises(ValueError, match="no action that is free"):
            world.backend.operations.register_action(path, do)


@pytest.mark.parametrize(
    ("content", "tag"),
    [
        ("", "missing-element"),
        ("<bed><name>a</name></bed>", "missing-element"),
        ("<bed><irrigate/></bed>", "missing-element"),
        ("<bed><name>a</name><irrigate><litres>many</litres></irrigate></bed>", "invalid-value"),
        ("<bed><name>a</name><irrigate/><irrigate/></bed>", "unknown-element"),
        ("<bed><name>a</name><dance/></bed>", "unknown-element"),
        ("<irrigate/>", "unknown-element"),
        ("<name>A</name>", "unknown-element"),
    ],
)
def test_actions_that_lead_nowhere(content: str, tag: str) -> None:
    world = World()
    world.backend.operations.register_action("/plant:plant/bed/irrigate", lambda request: [])
    assert world.error(world.open("root"), irrigate(content)).tag == tag


def test_an_action_without_a_function_is_not_supported() -> None:
    world = World()
    error = world.error(world.open("root"), irrigate("<bed><name>a</name><irrigate/></bed>"))
    assert error.tag == "operation-not-supported"


def test_warnings_of_components_do_not_fail_a_commit() -> None:
    world = World()
    world.parts[0].complaints = [ConfigWarning(None, "hm")]
    world.commit(world.open("root"), "<name>A</name>")
    assert world.running() == "<name>A</name>"


def test_an_empty_edit_is_none() -> None:
    world = World()
    session = world.open("root")
    world.ok(session, edit_config(""))
    assert world.candidate() == ""
