"""Access control (RFC 8341): who may execute, read and write what, and who gets which notification."""

import pytest

from nc.session import Session
from tests.nc.world import NAMESPACES, PLANT, World, edit, edit_config, eventually, plant_element, plant_of

GROUPS = "<groups><group><name>gardeners</name><user-name>olga</user-name><user-name>ivan</user-name></group></groups>"
GET_PLANT = f'<get><filter><plant xmlns="{PLANT}"/></filter></get>'
BEDS = "<bed><name>a</name><crop>kale</crop></bed><bed><name>b</name><crop>leek</crop></bed>"


def rules(*rules: str, group: str = "gardeners") -> str:
    """A rule-list; each rule is the content of a <rule> but for its name."""
    numbered = "".join(f"<rule><name>{number}</name>{rule}</rule>" for number, rule in enumerate(rules))
    return f"{GROUPS}<rule-list><name>one</name><group>{group}</group>{numbered}</rule-list>"


def permit(**leafs: str) -> str:
    return rule("permit", leafs)


def deny(**leafs: str) -> str:
    return rule("deny", leafs)


def rule(action: str, leafs: dict[str, str]) -> str:
    order = ["module_name", "rpc_name", "notification_name", "path", "access_operations"]
    text = "".join(
        f"<{name.replace('_', '-')}>{leafs[name]}</{name.replace('_', '-')}>" for name in order if name in leafs
    )
    return f"{text}<action>{action}</action>"


def world_with(nacm: str, plant: str = "<name>A</name>" + BEDS, username: str = "olga") -> tuple[World, Session]:
    """A world with a plant and access control, and a session of somebody who is subject to it."""
    world = World()
    root = world.open("root")
    world.commit(root, plant)
    world.end(root)
    world.set_nacm(nacm)
    return world, world.open(username)


def read(world: World, session: Session) -> str:
    return plant_of(world.data(session, GET_PLANT))


# Executing


def test_by_default_everything_but_kill_session_and_delete_config_can_be_executed() -> None:
    world, olga = world_with("")
    for operation in (GET_PLANT, "<get-config><source><running/></source></get-config>"):
        world.data(olga, operation)
    for operation in ("<lock><target><running/></target></lock>", "<discard-changes/>", "<commit/>"):
        world.ok(olga, operation)
    killing = world.error(olga, "<kill-session><session-id>77</session-id></kill-session>")
    deleting = world.error(olga, "<delete-config><target><startup/></target></delete-config>")
    assert (killing.tag, killing.type, killing.path) == ("access-denied", "protocol", "/nc:rpc/nc:kill-session")
    assert (deleting.tag, deleting.path) == ("access-denied", "/nc:rpc/nc:delete-config")


def test_an_operation_that_the_model_denies_needs_a_rule() -> None:
    burn = f'<burn xmlns="{PLANT}"/>'
    world, olga = world_with("")
    assert world.error(olga, burn).tag == "access-denied"
    world, olga = world_with(rules(permit(module_name="plant", rpc_name="burn")))
    assert world.error(olga, burn).tag == "operation-not-supported"


def test_a_denied_operation_is_counted_and_close_session_cannot_be_denied() -> None:
    world, olga = world_with(rules(deny(rpc_name="*")))
    for operation in (GET_PLANT, "<commit/>", "<discard-changes/>"):
        assert world.error(olga, operation).tag == "access-denied"
    world.ok(olga, "<close-session/>")
    root = world.open("root")
    counters = world.data(root, f'<get><filter><nacm xmlns="{NAMESPACES["nacm"]}"/></filter></get>')
    assert counters.findtext("nacm:nacm/nacm:denied-operations", namespaces=NAMESPACES) == "3"
    assert counters.findtext("nacm:nacm/nacm:denied-data-writes", namespaces=NAMESPACES) == "0"


@pytest.mark.parametrize(
    ("rules_", "permitted"),
    [
        ([deny(rpc_name="commit")], False),
        ([deny(rpc_name="lock")], True),
        ([deny(rpc_name="commit", module_name="plant")], True),
        ([deny(rpc_name="commit", module_name="ietf-netconf")], False),
        ([deny(rpc_name="commit", access_operations="read create")], True),
        ([deny(rpc_name="commit", access_operations="read exec")], False),
        ([permit(rpc_name="commit"), deny(rpc_name="*")], True),
        ([deny(rpc_name="*"), permit(rpc_name="commit")], False),
        ([deny()], False),
        ([deny(notification_name="*"), deny(path="/")], True),
    ],
)
def test_the_first_rule_that_matches_an_operation_decides(rules_: list[str], permitted: bool) -> None:
    world, olga = world_with(rules(*rules_))
    reply = world.ask(olga, "<commit/>")
    assert reply[0].tag.endswith("}ok" if permitted else "}rpc-error")


def test_exec_default() -> None:
    world, olga = world_with("<exec-default>deny</exec-default>" + rules(permit(rpc_name="get")))
    world.data(olga, GET_PLANT)
    assert world.error(olga, "<commit/>").tag == "access-denied"


# Groups


@pytest.mark.parametrize(
    ("group", "username", "external", "setting", "matches"),
    [
        ("gardeners", "olga", [], "", True),
        ("gardeners", "ivan", [], "", True),
        ("gardeners", "eve", [], "", False),
        ("gardeners", "eve", ["gardeners"], "", True),
        ("gardeners", "eve", ["gardeners"], "<enable-external-groups>false</enable-external-groups>", False),
        ("gardeners", "olga", [], "<enable-external-groups>false</enable-external-groups>", True),
        ("staff", "eve", ["staff"], "", True),
        ("*", "olga", [], "", True),
        ("*", "eve", ["staff"], "", True),
        ("*", "eve", [], "", False),
    ],
)
def test_rules_are_for_groups_from_the_configuration_and_from_the_transport(
    group: str, username: str, external: list[str], setting: str, matches: bool
) -> None:
    world, _ = world_with(setting + rules(deny(rpc_name="commit"), group=group))
    session = world.open(username, external)
    reply = world.ask(session, "<commit/>")
    assert reply[0].tag.endswith("}rpc-error" if matches else "}ok")


def test_rule_lists_come_one_after_the_other() -> None:
    second = rules(deny(rpc_name="commit")).removeprefix(GROUPS).replace("<name>one<", "<name>two<")
    world, olga = world_with(rules(permit(rpc_name="commit")) + second)
    world.ok(olga, "<commit/>")


def test_without_access_control_everybody_may_do_everything() -> None:
    off = "<enable-nacm>false</enable-nacm>" + rules(deny())
    world, olga = world_with(off)
    world.ok(olga, edit("<name>B</name>"))
    world.ok(olga, "<commit/>")
    assert world.running().startswith("<name>B</name>")


def test_a_recovery_session_may_do_everything() -> None:
    world, olga = world_with("<read-default>deny</read-default>" + rules(deny(), group="*"))
    assert world.error(olga, "<commit/>").tag == "access-denied"
    world.commit(world.open("root", ["staff"]), "<name>B</name>")


def test_a_new_policy_is_in_effect_for_the_next_request() -> None:
    world, olga = world_with("")
    world.ok(olga, "<commit/>")
    world.set_nacm(rules(deny(rpc_name="commit")))
    assert world.error(olga, "<commit/>").tag == "access-denied"


# Reading


def test_what_the_model_denies_to_all_is_not_there_to_read() -> None:
    plant = "<bed><name>a</name><owner>eve</owner></bed>"
    world, olga = world_with("", plant)
    assert read(world, olga) == "<bed><name>a</name></bed>"
    assert len(world.data(olga, f'<get><filter><nacm xmlns="{NAMESPACES["nacm"]}"/></filter></get>')) == 0
    permitted = rules(permit(path="/p:plant/p:bed/p:owner", access_operations="read"))
    world, olga = world_with(permitted, plant)
    assert read(world, olga) == "<bed><name>a</name><owner>eve</owner></bed>"


@pytest.mark.parametrize(
    ("rules_", "left"),
    [
        ([deny(path="/p:plant")], ""),
        ([deny(path="/")], ""),
        ([deny()], ""),
        ([deny(path="/", module_name="plant")], ""),
        ([deny(path="/", module_name="ietf-netconf")], "<name>A</name>" + BEDS),
        ([deny(path="/p:plant/p:name")], BEDS),
        ([deny(path="/p:plant/p:bed")], "<name>A</name>"),
        ([deny(path="/p:plant/p:bed[p:name='a']")], "<name>A</name><bed><name>b</name><crop>leek</crop></bed>"),
        (
            [deny(path='/p:plant/p:bed[p:name="a"]/p:crop')],
            "<name>A</name>" + BEDS.replace("<crop>kale</crop>", ""),
        ),
        ([deny(path="/p:plant/p:bed/p:name")], "<name>A</name>"),
        ([deny(path="/p:plant/p:bed", access_operations="create update delete exec")], "<name>A</name>" + BEDS),
        (
            [permit(path="/p:plant/p:bed[p:name='b']"), deny(path="/p:plant/p:bed")],
            "<name>A</name><bed><name>b</name><crop>leek</crop></bed>",
        ),
        ([deny(rpc_name="*", access_operations="read"), deny(notification_name="*")], "<name>A</name>" + BEDS),
    ],
)
def test_the_first_rule_that_matches_a_node_decides_for_it_and_all_below(rules_: list[str], left: str) -> None:
    always = [permit(rpc_name="get")]
    world, olga = world_with(rules(*always, *rules_))
    assert read(world, olga) == left


def test_a_rule_may_be_about_what_belongs_to_the_user() -> None:
    world, olga = world_with(
        rules(permit(path="/p:plant/p:bed[p:name=$USER]"), deny(path="/p:plant/p:bed")),
        "<bed><name>ivan</name></bed><bed><name>olga</name></bed>",
    )
    assert read(world, olga) == "<bed><name>olga</name></bed>"
    assert read(world, world.open("ivan")) == "<bed><name>ivan</name></bed>"


def test_read_default_deny_shows_only_what_is_permitted_from_the_top_down() -> None:
    closed = "<read-default>deny</read-default>"
    world, olga = world_with(closed + rules(permit(path="/p:plant/p:name")))
    assert read(world, olga) == ""
    world, olga = world_with(closed + rules(deny(path="/p:plant/p:bed"), permit(path="/p:plant")))
    assert read(world, olga) == "<name>A</name>"


@pytest.mark.parametrize("how", ["subtree", "xpath"])
def test_a_filter_does_not_tell_of_what_may_not_be_read(how: str) -> None:
    hidden = "<bed><name>a</name><crop>kale</crop><owner>eve</owner></bed>"
    world, olga = world_with("", hidden)
    asking = {
        "subtree": f'<filter><plant xmlns="{PLANT}"><bed><owner>eve</owner></bed></plant></filter>',
        "xpath": f'<filter type="xpath" xmlns:p="{PLANT}" select="/p:plant/p:bed[p:owner=\'eve\']"/>',
    }[how]
    assert plant_of(world.data(world.open("root"), f"<get>{asking}</get>")) == hidden
    for operation in (f"<get>{asking}</get>", f"<get-config><source><running/></source>{asking}</get-config>"):
        assert len(world.data(olga, operation)) == 0


# Writing


def test_by_default_nothing_can_be_written() -> None:
    world, olga = world_with("")
    error = world.error(olga, edit("<name>B</name>"))
    assert (error.tag, error.type, error.path) == ("access-denied", "application", "/p:plant/p:name")
    assert world.candidate() == "<name>A</name>" + BEDS
    root = world.open("root")
    counters = world.data(root, f'<get><filter><nacm xmlns="{NAMESPACES["nacm"]}"/></filter></get>')
    assert counters.findtext("nacm:nacm/nacm:denied-data-writes", namespaces=NAMESPACES) == "1"


@pytest.mark.parametrize(
    ("accesses", "change", "permitted"),
    [
        ("create", "<bed><name>c</name></bed>", True),
        ("update delete", "<bed><name>c</name></bed>", False),
        ("update", "<name>B</name>", True),
        ("create delete", "<name>B</name>", False),
        ("delete", '<bed nc:operation="delete"><name>a</name></bed>', True),
        ("create update", '<bed nc:operation="delete"><name>a</name></bed>', False),
        ("delete create", '<bed nc:operation="replace"><name>a</name><neighbour>b</neighbour></bed>', True),
        ("create", '<bed nc:operation="replace"><name>a</name><neighbour>b</neighbour></bed>', False),
        ("read", "<name>A</name>", True),
        ("*", "<lamp/>", True),
    ],
)
def test_creating_updating_and_deleting_are_different_accesses(accesses: str, change: str, permitted: bool) -> None:
    world, olga = world_with(rules(permit(path="/p:plant", access_operations=accesses)))
    reply = world.ask(olga, edit(change))
    assert reply[0].tag.endswith("}ok" if permitted else "}rpc-error")


def test_what_is_below_a_created_or_deleted_node_counts_too() -> None:
    may = rules(deny(path="/p:plant/p:bed/p:crop"), permit(path="/p:plant"))
    world, olga = world_with(may)
    world.ok(olga, edit("<bed><name>c</name></bed>"))
    error = world.error(olga, edit("<bed><name>d</name><crop>beet</crop></bed>"))
    assert error.path == "/p:plant/p:bed[p:name='d']/p:crop"
    error = world.error(olga, edit('<bed nc:operation="delete"><name>a</name></bed>'))
    assert error.path == "/p:plant/p:bed[p:name='a']/p:crop"


def test_what_the_model_denies_to_write_needs_a_rule_that_is_explicit() -> None:
    world, olga = world_with("<write-default>permit</write-default>")
    world.ok(olga, edit("<bed><name>a</name><crop>beet</crop></bed>"))
    error = world.error(olga, edit("<bed><name>a</name><litres>7</litres></bed>"))
    assert error.path == "/p:plant/p:bed[p:name='a']/p:litres"
    world, olga = world_with(rules(permit(path="/p:plant/p:bed/p:litres")))
    world.ok(olga, edit("<bed><name>a</name><litres>7</litres></bed>"))


def test_a_commit_needs_the_right_to_what_it_changes_whoever_edited_it() -> None:
    world, olga = world_with(rules(permit(path="/p:plant/p:bed")))
    root = world.open("root")
    world.edit(root, "<name>B</name>")
    error = world.error(olga, "<commit/>")
    assert (error.tag, error.path) == ("access-denied", "/p:plant/p:name")
    world.ok(root, "<discard-changes/>")
    world.edit(olga, "<bed><name>c</name></bed>")
    world.ok(olga, "<commit/>")
    assert world.running() == "<name>A</name>" + BEDS + "<bed><name>c</name></bed>"


def test_moving_an_entry_is_an_update_of_it() -> None:
    tasks = "<task><name>dig</name></task><task><name>sow</name></task>"
    move = (
        '<task xmlns:yang="urn:ietf:params:xml:ns:yang:1" yang:insert="first" nc:operation="merge">'
        "<name>sow</name></task>"
    )
    world, olga = world_with(rules(permit(path="/p:plant/p:task", access_operations="create delete")), tasks)
    assert world.error(olga, edit(move)).tag == "access-denied"
    world, olga = world_with(rules(permit(path="/p:plant/p:task", access_operations="update")), tasks)
    world.ok(olga, edit(move))
    assert world.candidate() == "<task><name>sow</name></task><task><name>dig</name></task>"


def test_copying_leaves_out_what_may_not_be_read_and_needs_the_right_to_what_changes() -> None:
    copy = "<copy-config><target><candidate/></target><source><running/></source></copy-config>"
    world, olga = world_with(rules(permit(path="/p:plant")))
    root = world.open("root")
    world.edit(root, "<name>B</name>")
    error = world.error(olga, copy)
    assert error.tag == "access-denied"
    assert error.path == "/nacm:nacm/nacm:groups/nacm:group[nacm:name='gardeners']"
    everything = rules(permit(path="/", access_operations="*"))
    world, olga = world_with(everything)
    world.edit(world.open("root"), "<name>B</name>")
    world.ok(olga, copy)
    assert world.datastores.candidate is world.datastores.running


def test_who_may_write_access_control_may_write_himself_in() -> None:
    world, olga = world_with(rules(permit(module_name="ietf-netconf-acm")))
    config = f'<nacm xmlns="{NAMESPACES["nacm"]}"><write-default>permit</write-default></nacm>'
    world.ok(olga, edit_config(config))
    world.ok(olga, "<commit/>")
    world.edit(olga, "<name>B</name>")


# Notifications


@pytest.mark.parametrize(
    ("nacm", "received"),
    [
        ("", ["frost"]),
        ("<read-default>deny</read-default>", []),
        (rules(deny(notification_name="frost")), []),
        (rules(deny(notification_name="*", module_name="ietf-netconf")), ["frost"]),
        (rules(deny(notification_name="*", access_operations="exec")), ["frost"]),
        (rules(permit(notification_name="thief")), ["frost", "thief"]),
        (rules(permit(module_name="plant")), ["frost", "thief"]),
        (rules(permit(path="/")), ["frost"]),
    ],
)
def test_who_gets_which_notification(nacm: str, received: list[str]) -> None:
    world, olga = world_with(nacm)
    root = world.open("root")
    for session in (olga, root):
        world.ok(session, f'<create-subscription xmlns="{NAMESPACES["n"]}"/>')
    for text in ("<frost><temperature>-3</temperature></frost>", "<thief/>"):
        world.backend.notifications.publish(plant_element(text))
    eventually(lambda: len(world.peers[root].received) == 2, "root got both")
    eventually(
        lambda: world.backend.access.denials.notifications == 2 - len(received), "olga's were all sent or denied"
    )
    assert world.peers[olga].notifications() == received


# Actions


def irrigate(name: str) -> str:
    return (
        f'<action xmlns="urn:ietf:params:xml:ns:yang:1"><plant xmlns="{PLANT}"><bed><name>{name}</name>'
        "<irrigate/></bed></plant></action>"
    )


@pytest.mark.parametrize(
    ("nacm", "denied_at"),
    [
        ("", None),
        ("<exec-default>deny</exec-default>", "/p:plant/p:bed[p:name='a']"),
        (rules(deny(path="/p:plant/p:bed/p:irrigate")), "/p:plant/p:bed[p:name='a']"),
        (rules(deny(path="/p:plant/p:bed[p:name='b']/p:irrigate")), None),
        (rules(deny(path="/p:plant/p:bed", access_operations="read")), "/p:plant/p:bed[p:name='a']"),
        (rules(deny(path="/p:plant", access_operations="create")), None),
        (rules(deny(rpc_name="irrigate")), None),
    ],
)
def test_an_action_needs_the_right_to_execute_it_and_to_read_what_is_above(nacm: str, denied_at: str | None) -> None:
    world, olga = world_with(nacm)
    world.backend.operations.register_action("/plant:plant/bed/irrigate", lambda request: [])
    if denied_at is None:
        world.ok(olga, irrigate("a"))
    else:
        error = world.error(olga, irrigate("a"))
        assert (error.tag, error.path) == ("access-denied", denied_at)
