"""Operational state: which sources are asked for what, how much they build, and how it is put together."""

from collections.abc import Iterator

import pytest

from nc.filter import EVERYTHING, Want
from nc.schema import SchemaNode
from nc.select import select, touches, wants_at
from nc.state import Operational
from nc.xml import new_data
from tests.nc.world import NAMESPACES, PLANT, Source, World, plant_element, plant_of, schema

P = f"{{{PLANT}}}"
VISITORS = 100_000


def visitors(want: Want) -> Iterator[str]:
    """As a lease store would: one for a key, else all of them."""
    number = want.keys.get(f"{P}number")
    numbers = range(VISITORS) if number is None else [int(number)] if int(number) < VISITORS else []
    for one in numbers:
        yield f"<visitor><number>{one}</number><name>guest {one}</name></visitor>"


def soil(want: Want) -> Iterator[str]:
    name = want.keys.get(f"{P}name")
    for bed, moisture in (("a", 30), ("b", 60)):
        if name in {None, bed}:
            yield f"<bed><name>{bed}</name><soil><moisture>{moisture}</moisture><unit>percent</unit></soil></bed>"


def world_with_sources() -> World:
    return World(
        [
            Source("/plant:plant/visitor", visitors),
            Source("/plant:plant/bed/soil", soil),
            Source("/plant:plant/remark", lambda _: ["<remark><text>oh</text></remark>"] * 2),
        ]
    )


def get(plant: str) -> str:
    return f'<get><filter><plant xmlns="{PLANT}">{plant}</plant></filter></get>'


def xpath(expression: str) -> str:
    return f'<get><filter type="xpath" xmlns:p="{PLANT}" select="{expression}"/></get>'


@pytest.mark.parametrize(
    "operation",
    [
        get("<visitor><number>77777</number></visitor>"),
        xpath("/p:plant/p:visitor[p:number='77777']"),
        xpath("/p:plant/p:visitor[p:number='77777']/p:name"),
    ],
)
def test_one_entry_of_a_hundred_thousand_is_the_only_one_that_is_built(operation: str) -> None:
    world = world_with_sources()
    data = world.data(world.open("root"), operation)
    assert "guest 77777" in plant_of(data)
    assert [source.yielded for source in world.sources] == [1, 0, 0]
    assert [len(source.wants) for source in world.sources] == [1, 0, 0]


def test_two_entries_are_two_questions() -> None:
    world = world_with_sources()
    two = "<visitor><number>5</number></visitor><visitor><number>99999</number></visitor>"
    data = world.data(world.open("root"), get(two))
    assert plant_of(data).count("<visitor>") == 2
    assert world.sources[0].yielded == 2


def test_an_entry_that_does_not_exist_costs_nothing() -> None:
    world = world_with_sources()
    data = world.data(world.open("root"), get("<visitor><number>100000</number></visitor>"))
    assert len(data) == 0
    assert world.sources[0].yielded == 0


def test_everything_is_there_once_when_all_is_asked_for() -> None:
    world = world_with_sources()
    session = world.open("root")
    world.commit(session, "<name>A</name><bed><name>b</name><crop>kale</crop></bed>")
    text = plant_of(world.data(session, "<get/>"))
    assert text.count("<visitor>") == VISITORS
    assert [source.yielded for source in world.sources] == [VISITORS, 2, 2]
    assert text.startswith(
        "<name>A</name><bed><name>b</name><crop>kale</crop>"
        "<soil><moisture>60</moisture><unit>percent</unit></soil></bed>"
    )
    assert text.count("<remark><text>oh</text></remark>") == 2


def test_state_of_an_entry_that_is_not_configured_comes_with_its_key() -> None:
    world = world_with_sources()
    data = world.data(world.open("root"), get("<bed/>"))
    assert plant_of(data).startswith("<bed><name>a</name><soil><moisture>30</moisture>")


def test_a_configuration_that_is_asked_for_asks_no_source() -> None:
    world = world_with_sources()
    session = world.open("root")
    world.commit(session, "<name>A</name><bed><name>b</name><crop>kale</crop></bed>")
    assert plant_of(world.data(session, get("<bed><name>b</name><crop/></bed>"))) == (
        "<bed><name>b</name><crop>kale</crop></bed>"
    )
    assert plant_of(world.data(session, get("<name/>"))) == "<name>A</name>"
    assert [len(source.wants) for source in world.sources] == [0, 0, 0]
    for datastore in ("running", "candidate"):
        world.data(session, f"<get-config><source><{datastore}/></source></get-config>")
    assert [len(source.wants) for source in world.sources] == [0, 0, 0]


def test_what_sources_say_of_configuration_is_not_in_the_reply_to_get() -> None:
    learned = "<bed><name>b</name><crop>weed</crop><soil><moisture>1</moisture></soil></bed>"
    world = World([Source("/plant:plant/bed", lambda _: [learned, "<bed><name>c</name><crop>weed</crop></bed>"])])
    session = world.open("root")
    world.commit(session, "<bed><name>b</name><crop>kale</crop></bed>")
    assert plant_of(world.data(session, "<get/>")) == (
        "<bed><name>b</name><crop>kale</crop><soil><moisture>1</moisture></soil></bed>"
    )


def test_a_source_that_fails_is_an_error_that_says_where() -> None:
    def broken(want: Want) -> Iterator[str]:
        yield "<visitor><number>1</number></visitor>"
        raise ZeroDivisionError("a defect")

    world = World([Source("/plant:plant/visitor", broken)])
    session = world.open("root")
    error = world.error(session, "<get/>")
    assert (error.tag, error.path) == ("operation-failed", "/p:plant/p:visitor")
    world.commit(session, "<name>A</name>")
    assert plant_of(world.data(session, get("<name/>"))) == "<name>A</name>"


def test_a_source_that_gives_what_is_not_its_own_is_an_error() -> None:
    world = World([Source("/plant:plant/visitor", lambda _: ["<remark><text>oh</text></remark>"])])
    assert world.error(world.open("root"), "<get/>").tag == "operation-failed"


@pytest.mark.parametrize(
    ("mode", "soil_left"),
    [
        ("report-all", "<soil><moisture>30</moisture><unit>percent</unit></soil>"),
        ("explicit", "<soil><moisture>30</moisture><unit>percent</unit></soil>"),
        ("trim", "<soil><moisture>30</moisture></soil>"),
        ("report-all-tagged", "<soil><moisture>30</moisture><unit>percent</unit></soil>"),
    ],
)
def test_with_defaults_is_for_state_too(mode: str, soil_left: str) -> None:
    world = world_with_sources()
    with_defaults = (
        f'<with-defaults xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults">{mode}</with-defaults>'
    )
    only_soil = get("<bed><name>a</name><soil/></bed>").replace("</get>", f"{with_defaults}</get>")
    data = world.data(world.open("root"), only_soil)
    assert soil_left in plant_of(data)
    tagged = data.findall(".//p:unit[@wd:default='true']", NAMESPACES)
    assert len(tagged) == (mode == "report-all-tagged")


@pytest.mark.parametrize(
    ("mode", "plant"),
    [
        ("explicit", "<interval>60</interval><lamp/>"),
        ("trim", "<lamp/>"),
        ("report-all", "<interval>60</interval><lamp><colour>white</colour></lamp>"),
        ("report-all-tagged", "<interval>60</interval><lamp><colour>white</colour></lamp>"),
    ],
)
@pytest.mark.parametrize("operation", ["get", "get-config"])
def test_with_defaults_of_configuration(operation: str, mode: str, plant: str) -> None:
    world = World()
    session = world.open("root")
    world.commit(session, "<interval>60</interval><lamp/>")
    source = "<source><running/></source>" if operation == "get-config" else ""
    data = world.data(
        session,
        f'<{operation}>{source}<filter><plant xmlns="{PLANT}"/></filter><with-defaults'
        f' xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults">{mode}</with-defaults></{operation}>',
    )
    assert plant_of(data) == plant
    tagged = [leaf.tag for leaf in data.findall(".//*[@wd:default='true']", NAMESPACES)]
    assert tagged == [f"{P}colour"] * (mode == "report-all-tagged")


def test_the_server_knows_what_state_nobody_tells() -> None:
    world = World([Source("/plant:plant/visitor")])
    missing = [node.path for node in world.backend.operational.uncovered()]
    assert missing == ["/plant:plant/bed/soil", "/plant:plant/remark"]
    assert [node.path for node in world_with_sources().backend.operational.uncovered()] == []
    assert [node.path for node in World([Source("/plant:plant")]).backend.operational.uncovered()] == []


def test_a_source_of_what_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="there is no /plant:plant/roof"):
        Operational(schema(), [Source("/plant:plant/roof")])


# What is wanted


def wanting(*keys: dict[str, str], of: str = "visitor") -> Want:
    entries = tuple(Want(all=True, keys={f"{P}{name}": value for name, value in key.items()}) for key in keys)
    return Want(children={f"{P}plant": (Want(children={f"{P}{of}": entries}),)})


def chain(*names: str) -> list[SchemaNode]:
    nodes = [schema().top[f"{P}plant"]]
    for name in names:
        nodes.append(nodes[-1].children[f"{P}{name}"])
    return nodes


def test_wants_of_the_same_key_are_one_and_one_without_keys_is_for_all() -> None:
    same = wanting({"number": "1"}, {"number": "1"}, {"number": "2"})
    assert [dict(want.keys) for want in wants_at(same, chain("visitor"))] == [
        {f"{P}number": "1"},
        {f"{P}number": "2"},
    ]
    (everything,) = wants_at(wanting({"number": "1"}, {}), chain("visitor"))
    assert (everything.all, dict(everything.keys)) == (True, {})
    assert wants_at(EVERYTHING, chain("visitor")) == [EVERYTHING]
    assert wants_at(wanting({}, of="bed"), chain("visitor")) == []


def test_touching() -> None:
    name_only = Want(
        children={f"{P}plant": (Want(children={f"{P}bed": (Want(children={f"{P}name": (EVERYTHING,)}),)}),)}
    )
    assert touches(name_only, chain("bed"))
    assert not touches(name_only, chain("bed", "soil"))
    assert not touches(name_only, chain("visitor"))
    assert touches(EVERYTHING, chain("bed", "soil"))
    assert touches(wanting({"name": "a"}, of="bed"), chain("bed", "soil"))


def test_selecting_copies_only_what_is_wanted_with_the_keys() -> None:
    tree = new_data()
    tree.append(
        plant_element("<plant><name>A</name><bed><name>a</name><crop>x</crop></bed><bed><name>b</name></bed></plant>")
    )
    crops = Want(children={f"{P}plant": (Want(children={f"{P}bed": (Want(children={f"{P}crop": (EVERYTHING,)}),)}),)})
    assert plant_of(select(schema().top, tree, crops)) == (
        "<bed><name>a</name><crop>x</crop></bed><bed><name>b</name></bed>"
    )
    assert plant_of(select(schema().top, tree, wanting({"name": "b"}, of="bed"))) == "<bed><name>b</name></bed>"
    copied = select(schema().top, tree, EVERYTHING)
    assert plant_of(copied) == plant_of(tree)
    assert copied is not tree
    assert plant_of(select(schema().top, tree, Want())) == ""
