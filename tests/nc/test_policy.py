"""Access control rules: what their paths mean, and what becomes of those that mean nothing."""

import pytest

from nc.errors import RpcErrors
from nc.policy import PathError, parse_path
from nc.xml import Element, new_data, parse
from tests.nc.test_access import GROUPS, deny, permit, read, rules
from tests.nc.world import NAMESPACES, PLANT, Refusal, World, edit_config


@pytest.mark.parametrize(
    "path",
    ["", "p:plant", "/p:plant[", "/x:plant", "/plant", "/p:plant/..", "//p:plant", "/p:plant[p:name='a' or 1]", "/p:*"],
)
def test_a_rule_whose_path_cannot_be_understood_is_refused(path: str) -> None:
    world = World()
    root = world.open("root")
    nacm = rules(permit(path=path))
    config = f'<nacm xmlns="{NAMESPACES["nacm"]}" xmlns:p="{PLANT}">{nacm}</nacm>'
    reply = world.ask(root, edit_config(config))
    errors = [Refusal(child) for child in reply] if len(reply[0]) else world.errors(root, "<commit/>")
    assert {error.tag for error in errors} == {"invalid-value"}
    assert {error.path for error in errors} == {
        "/nacm:nacm/nacm:rule-list[nacm:name='one']/nacm:rule[nacm:name='0']/nacm:path"
    }


def policy_tree(path: str) -> Element:
    """A configuration that libyang would not let pass: olga is denied a path, ivan is permitted the same one."""
    nacm = GROUPS.replace(
        "<user-name>ivan</user-name></group>", "</group><group><name>h</name><user-name>ivan</user-name></group>"
    )
    for name, group, action in (("1", "gardeners", "deny"), ("2", "h", "permit")):
        nacm += (
            f"<rule-list><name>{name}</name><group>{group}</group><rule><name>r</name><path>{path}</path>"
            f"<action>{action}</action></rule></rule-list>"
        )
    return parse(
        f'<nc:data xmlns:nc="{NAMESPACES["nc"]}"><nacm xmlns="{NAMESPACES["nacm"]}">{nacm}</nacm></nc:data>'.encode()
    )


@pytest.mark.parametrize("path", ["///", "/plant:plant/plant:bed[1]", "/plant:plant['x'", "/nothing:plant"])
def test_a_path_that_is_not_understood_denies_everything_and_permits_nothing(path: str) -> None:
    world = World()
    root = world.open("root")
    world.commit(root, "<name>A</name><bed><name>a</name><owner>eve</owner></bed>")
    access = world.backend.access
    new = policy_tree(path)
    with pytest.raises(RpcErrors, match="no instance-identifier"):
        access.prepare(new_data(), new, strict=True)
    prepared = access.prepare(new_data(), new, strict=False)
    assert ["no instance-identifier" in warning.message for warning in prepared.warnings] == [True, True]
    prepared.apply()
    assert read(world, world.open("olga")) == ""
    assert read(world, world.open("ivan")) == "<name>A</name><bed><name>a</name></bed>"


def test_a_path_to_what_no_module_has_is_a_warning_and_matches_nothing() -> None:
    world = World()
    prepared = world.backend.access.prepare(new_data(), policy_tree("/plant:plant/plant:roof"), strict=True)
    assert ["no module has" in warning.message for warning in prepared.warnings] == [True, True]
    prepared.apply()
    world.commit(world.open("root"), "<name>A</name>")
    assert read(world, world.open("olga")) == "<name>A</name>"


def test_a_path_from_a_file_has_module_names() -> None:
    world = World()
    world.storage.content = """{"ietf-netconf-acm:nacm": {
        "groups": {"group": [{"name": "g", "user-name": ["olga"]}]},
        "rule-list": [{"name": "1", "group": ["g"], "rule": [
            {"name": "r", "path": "/plant:plant/plant:bed[plant:name='a']", "action": "deny"}]}]},
        "plant:plant": {"name": "A", "bed": [{"name": "a"}, {"name": "b"}]}}"""
    assert world.datastores.load() == []
    assert read(world, world.open("olga")) == "<name>A</name><bed><name>b</name></bed>"


def test_a_path_keeps_its_meaning_whatever_prefix_its_author_chose_also_after_a_restart() -> None:
    world = World()
    root = world.open("root")
    world.edit(root, "<name>A</name><bed><name>a</name></bed>")
    nacm = rules(deny(path="/mine:plant/mine:bed[mine:name='a']"))
    world.ok(root, edit_config(f'<nacm xmlns="{NAMESPACES["nacm"]}" xmlns:mine="{PLANT}">{nacm}</nacm>'))
    world.ok(root, "<commit/>")
    restarted = World(storage=world.storage)
    restarted.datastores.load()
    for one in (world, restarted):
        assert read(one, one.open("olga")) == "<name>A</name>"


def test_steps_and_predicates() -> None:
    prefixes, modules = {"a": "urn:a"}, {"mod": "urn:m"}
    steps = parse_path("/a:one[a:k=\"x\"][ a:l = 'y' ]/mod:two[.='z']/three[k=$USER]", prefixes, modules)
    assert [step.tag for step in steps] == ["{urn:a}one", "{urn:m}two", "{urn:m}three"]
    assert [dict(step.keys) for step in steps] == [
        {"{urn:a}k": "x", "{urn:a}l": "y"},
        {".": "z"},
        {"{urn:m}k": None},
    ]
    assert parse_path(" / ", prefixes, modules) == ()
    with pytest.raises(PathError):
        parse_path("/b:one", prefixes, modules)
