"""get-data and edit-data (RFC 8526), and origins (RFC 8342)."""

import pytest
from lxml import etree

from nc.xml import Element
from tests.nc.world import NAMESPACES, PLANT, Source, World, plant_of

NMDA = NAMESPACES["ncds"]
DS = 'xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores"'
OR = f'xmlns:or="{NAMESPACES["or"]}"'
ONLY_PLANT = f'<subtree-filter><plant xmlns="{PLANT}"/></subtree-filter>'
CONFIG = "<name>A</name><lamp/><bed><name>a</name><crop>kale</crop></bed>"
LEARNED = (
    '<bed or:origin="or:learned"><name>w</name><crop>weed</crop></bed>',
    "<bed><name>a</name><soil><moisture>30</moisture></soil></bed>",
)
IN_USE = (
    "<name>A</name><lamp><colour>white</colour></lamp>"
    "<bed><name>a</name><crop>kale</crop><litres>5</litres><soil><moisture>30</moisture></soil></bed>"
    "<interval>60</interval><bed><name>w</name><crop>weed</crop></bed>"
)


def get_data(datastore: str, more: str = ONLY_PLANT) -> str:
    return f'<get-data xmlns="{NMDA}" {DS} {OR}><datastore>ds:{datastore}</datastore>{more}</get-data>'


def world() -> World:
    made = World([Source("/plant:plant/bed", lambda _: LEARNED)])
    session = made.open("root")
    made.commit(session, CONFIG)
    made.end(session)
    return made


def parts(text: str) -> list[str]:
    """The children of the plant, in an order of their own."""
    return sorted(etree.tostring(child).decode() for child in etree.fromstring(f"<_>{text}</_>"))


def origins(data: Element) -> dict[str, str]:
    """The origins that nodes are marked with, by their names and what is below."""
    found = {}
    for element in data.iter(etree.Element):
        origin = element.get(f"{{{NAMESPACES['or']}}}origin")
        if origin is not None:
            prefix, _, name = origin.partition(":")
            assert element.nsmap[prefix] == NAMESPACES["or"]
            key = element.findtext("p:name", namespaces=NAMESPACES) or ""
            found[etree.QName(element).localname + (f" {key}" if element.tag.endswith("bed") else "")] = name
    return found


@pytest.mark.parametrize("datastore", ["running", "intended", "candidate"])
def test_configuration_datastores_have_what_was_configured(datastore: str) -> None:
    made = world()
    data = made.data(made.open("root"), get_data(datastore))
    assert data.tag == f"{{{NMDA}}}data"
    assert plant_of(data) == CONFIG


def test_the_candidate_has_what_is_not_committed() -> None:
    made = world()
    session = made.open("root")
    made.edit(session, "<name>B</name>")
    assert "<name>B</name>" in plant_of(made.data(session, get_data("candidate")))
    assert "<name>A</name>" in plant_of(made.data(session, get_data("running")))
    assert "<name>A</name>" in plant_of(made.data(session, get_data("operational")))


def test_operational_has_all_that_is_in_use() -> None:
    made = world()
    data = made.data(made.open("root"), get_data("operational"))
    assert parts(plant_of(data)) == parts(IN_USE)
    assert origins(data) == {}


def test_origins_are_on_the_topmost_node_and_where_they_differ() -> None:
    made = world()
    data = made.data(made.open("root"), get_data("operational", ONLY_PLANT + "<with-origin/>"))
    assert parts(plant_of(data)) == parts(IN_USE)
    assert origins(data) == {
        "plant": "intended",
        "colour": "default",
        "litres": "default",
        "interval": "default",
        "bed w": "learned",
    }


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ("<origin-filter>or:learned</origin-filter>", "<bed><name>w</name><crop>weed</crop></bed>"),
        (
            "<origin-filter>or:default</origin-filter>",
            "<lamp><colour>white</colour></lamp><bed><name>a</name><litres>5</litres></bed><interval>60</interval>",
        ),
        (
            "<origin-filter>or:intended</origin-filter>",
            "<name>A</name><lamp/><bed><name>a</name><crop>kale</crop></bed>",
        ),
        (
            "<negated-origin-filter>or:default</negated-origin-filter>"
            "<negated-origin-filter>or:intended</negated-origin-filter>",
            "<bed><name>w</name><crop>weed</crop></bed>",
        ),
        (
            "<origin-filter>or:intended</origin-filter><origin-filter>or:default</origin-filter>"
            "<origin-filter>or:learned</origin-filter>",
            IN_USE.replace("<soil><moisture>30</moisture></soil>", ""),
        ),
        ("<origin-filter>or:system</origin-filter>", ""),
    ],
)
def test_filtering_by_origin(wanted: str, left: str) -> None:
    made = world()
    only_config = "<config-filter>true</config-filter>"
    data = made.data(made.open("root"), get_data("operational", ONLY_PLANT + only_config + wanted))
    assert parts(plant_of(data)) == parts(left)


def test_a_filter_by_origin_does_not_touch_state() -> None:
    made = world()
    data = made.data(
        made.open("root"), get_data("operational", ONLY_PLANT + "<origin-filter>or:system</origin-filter>")
    )
    assert plant_of(data) == "<bed><name>a</name><soil><moisture>30</moisture></soil></bed>"


@pytest.mark.parametrize("more", ["<with-origin/>", "<origin-filter>or:intended</origin-filter>"])
def test_only_operational_has_origins(more: str) -> None:
    made = world()
    assert made.error(made.open("root"), get_data("running", more)).tag == "invalid-value"


@pytest.mark.parametrize(
    ("config", "left"),
    [
        ("true", IN_USE.replace("<soil><moisture>30</moisture></soil>", "")),
        ("false", "<bed><name>a</name><soil><moisture>30</moisture></soil></bed>"),
    ],
)
def test_config_filter(config: str, left: str) -> None:
    made = world()
    data = made.data(made.open("root"), get_data("operational", f"{ONLY_PLANT}<config-filter>{config}</config-filter>"))
    assert parts(plant_of(data)) == parts(left)


@pytest.mark.parametrize(
    ("filter_", "depth", "left"),
    [
        (ONLY_PLANT, 1, ""),
        (ONLY_PLANT, 2, "<name>A</name><lamp/><bed><name>a</name></bed>"),
        (ONLY_PLANT, 3, CONFIG),
        (ONLY_PLANT, "unbounded", CONFIG),
        ("", 1, ""),
        ("", 2, "<name>A</name><lamp/><bed><name>a</name></bed>"),
        (
            f'<xpath-filter xmlns:p="{PLANT}">/p:plant/p:bed</xpath-filter>',
            1,
            "<bed><name>a</name></bed>",
        ),
        (
            f'<xpath-filter xmlns:p="{PLANT}">/p:plant/p:bed</xpath-filter>',
            2,
            "<bed><name>a</name><crop>kale</crop></bed>",
        ),
    ],
)
def test_max_depth_counts_from_what_the_filter_selects(filter_: str, depth: object, left: str) -> None:
    made = world()
    data = made.data(made.open("root"), get_data("running", f"{filter_}<max-depth>{depth}</max-depth>"))
    assert plant_of(data) == left
    assert data.find("p:plant", NAMESPACES) is not None


@pytest.mark.parametrize(
    ("mode", "left"),
    [
        ("report-all", IN_USE),
        ("report-all-tagged", IN_USE),
        (
            "trim",
            "<name>A</name><lamp/><bed><name>a</name><crop>kale</crop><soil><moisture>30</moisture></soil></bed>"
            "<bed><name>w</name><crop>weed</crop></bed>",
        ),
        (
            "explicit",
            "<name>A</name><lamp/><bed><name>a</name><crop>kale</crop><soil><moisture>30</moisture></soil></bed>"
            "<bed><name>w</name><crop>weed</crop></bed>",
        ),
    ],
)
def test_with_defaults_of_operational(mode: str, left: str) -> None:
    made = world()
    data = made.data(made.open("root"), get_data("operational", f"{ONLY_PLANT}<with-defaults>{mode}</with-defaults>"))
    assert parts(plant_of(data)) == parts(left)
    assert len(data.findall(".//*[@wd:default='true']", NAMESPACES)) == 3 * (mode == "report-all-tagged")


def test_an_explicit_value_that_is_the_default_is_not_of_default_origin() -> None:
    made = world()
    session = made.open("root")
    made.commit(session, "<interval>60</interval>")
    data = made.data(session, get_data("operational", ONLY_PLANT + "<with-origin/>"))
    assert "interval" not in origins(data)
    explicit = made.data(session, get_data("operational", ONLY_PLANT + "<with-defaults>explicit</with-defaults>"))
    assert "<interval>60</interval>" in plant_of(explicit)


@pytest.mark.parametrize("datastore", ["startup", "dynamic", "conventional", "datastore"])
@pytest.mark.parametrize("operation", ["get", "edit"])
def test_datastores_that_do_not_exist(operation: str, datastore: str) -> None:
    made = world()
    asked = get_data(datastore) if operation == "get" else edit_data(datastore, "<name>B</name>")
    assert made.error(made.open("root"), asked).tag == "invalid-value"


def edit_data(datastore: str, plant: str, more: str = "") -> str:
    return (
        f'<edit-data xmlns="{NMDA}" {DS}><datastore>ds:{datastore}</datastore>{more}<config>'
        f'<plant xmlns="{PLANT}" xmlns:nc="{NAMESPACES["nc"]}">{plant}</plant></config></edit-data>'
    )


def test_editing_the_candidate() -> None:
    made = world()
    session = made.open("root")
    made.ok(session, edit_data("candidate", "<name>B</name>"))
    assert made.candidate() == CONFIG.replace("A", "B")
    made.ok(session, edit_data("candidate", "<name>C</name>", "<default-operation>replace</default-operation>"))
    assert made.candidate() == "<name>C</name>"
    gone = edit_data("candidate", '<bed nc:operation="delete"><name>a</name></bed>')
    assert made.error(session, gone).tag == "data-missing"


@pytest.mark.parametrize("datastore", ["running", "intended", "operational"])
def test_what_cannot_be_edited(datastore: str) -> None:
    made = world()
    error = made.error(made.open("root"), edit_data(datastore, "<name>B</name>"))
    assert error.tag == "invalid-value"
    assert made.running() == made.candidate() == CONFIG


def test_a_subtree_filter_with_content_and_an_xpath_filter_that_is_none() -> None:
    made = world()
    session = made.open("root")
    matching = f'<subtree-filter><plant xmlns="{PLANT}"><bed><name>a</name><crop/></bed></plant></subtree-filter>'
    assert plant_of(made.data(session, get_data("running", matching))) == "<bed><name>a</name><crop>kale</crop></bed>"
    assert made.error(session, get_data("running", "<xpath-filter>1 +</xpath-filter>")).tag is not None
