"""The server's own state: monitoring (RFC 6022) and the YANG library (RFC 8525); and get-schema."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nc.capabilities import MODULES
from nc.session import Session
from nc.xml import Element, serialise
from nc.yang_library import YangLibrary, announce, content_id
from tests.nc.world import NAMESPACES, START, World, schema

NCM = NAMESPACES["ncm"]
LIBRARY = NAMESPACES["yanglib"]


def state(world: World, session: Session, part: str) -> Element:
    data = world.data(session, f'<get><filter><netconf-state xmlns="{NCM}"><{part}/></netconf-state></filter></get>')
    found = data.find(f"ncm:netconf-state/ncm:{part}", NAMESPACES)
    assert found is not None
    assert len(data[0]) == 1
    return found


def texts(element: Element, path: str) -> list[str]:
    return [found.text or "" for found in element.iterfind(path, NAMESPACES)]


def test_capabilities_are_those_of_the_hello() -> None:
    world = World()
    shown = texts(state(world, world.open("root"), "capabilities"), "ncm:capability")
    assert shown == world.backend.operations.capabilities()


def test_the_hello_announces_what_there_is() -> None:
    announced = World().backend.operations.capabilities()
    content_id = World().backend.library.content_id
    assert announced[:2] == ["urn:ietf:params:netconf:base:1.0", "urn:ietf:params:netconf:base:1.1"]
    short = {re.sub(r"^urn:ietf:params:netconf:capability:", ":", uri) for uri in announced}
    assert {
        ":candidate:1.0",
        ":confirmed-commit:1.1",
        ":rollback-on-error:1.0",
        ":validate:1.1",
        ":xpath:1.0",
        ":notification:1.0",
        ":interleave:1.0",
        ":with-defaults:1.0?basic-mode=explicit&also-supported=report-all,report-all-tagged,trim",
        ":with-operational-defaults:1.0?basic-mode=report-all&also-supported=report-all-tagged,trim,explicit",
        f":yang-library:1.1?revision=2019-01-04&content-id={content_id}",
        f":yang-library:1.0?revision=2019-01-04&module-set-id={content_id}",
    } <= short
    assert not any("writable-running" in uri or "startup" in uri or ":url:" in uri for uri in announced)
    monitoring = (
        "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring?module=ietf-netconf-monitoring&revision=2010-10-04"
    )
    assert monitoring in announced
    base = next(uri for uri in announced if "module=ietf-netconf&" in uri)
    assert base.endswith("&features=candidate,confirmed-commit,rollback-on-error,validate,xpath")
    assert not any("module=plant" in uri for uri in announced)


def test_sessions_with_their_counters() -> None:
    world = World()
    world.time.pass_(5)
    root, olga = world.open("root"), world.open("olga")
    olga.login_time = START + 5
    olga.counters.in_rpcs = 7
    olga.counters.out_rpc_errors = 2**32 + 3
    sessions = {found.findtext("ncm:username", "", NAMESPACES): found for found in state(world, root, "sessions")}
    assert set(sessions) == {"root", "olga"}
    shown = {child.tag.rpartition("}")[2]: child.text for child in sessions["olga"]}
    assert shown == {
        "session-id": str(olga.session_id),
        "transport": "ncm:netconf-ssh",
        "username": "olga",
        "source-host": "192.0.2.1",
        "login-time": "2027-01-15T08:00:05.000000Z",
        "in-rpcs": "7",
        "in-bad-rpcs": "0",
        "out-rpc-errors": "3",
        "out-notifications": "0",
    }


def test_a_unix_session_has_the_transport_of_a_module_of_its_own_and_no_host() -> None:
    world = World()
    session = world.sessions.register("root", frozenset(), "netconf-unix", "")
    (shown,) = state(world, session, "sessions")
    transport = shown.find("ncm:transport", NAMESPACES)
    assert transport is not None
    prefix, _, name = (transport.text or "").partition(":")
    assert (transport.nsmap[prefix], name) == ("urn:x-nc:transports", "netconf-unix")
    assert shown.find("ncm:source-host", NAMESPACES) is None


def test_datastores_with_their_locks() -> None:
    world = World()
    session = world.open("root")
    assert texts(state(world, session, "datastores"), "ncm:datastore/ncm:name") == ["running", "candidate"]
    assert state(world, session, "datastores").find(".//ncm:locks", NAMESPACES) is None
    world.time.pass_(60)
    world.ok(session, "<lock><target><candidate/></target></lock>")
    running, candidate = state(world, session, "datastores")
    assert running.find("ncm:locks", NAMESPACES) is None
    lock = candidate.find("ncm:locks/ncm:global-lock", NAMESPACES)
    assert lock is not None
    assert [leaf.text for leaf in lock] == [str(session.session_id), "2027-01-15T08:01:00.000000Z"]


def test_statistics_count_all_sessions_past_and_present() -> None:
    world = World()
    gone, session = world.open("olga"), world.open("root")
    gone.counters.in_rpcs = 10
    world.end(gone)
    session.counters.in_rpcs = 1
    shown = {child.tag.rpartition("}")[2]: child.text for child in state(world, session, "statistics")}
    assert shown["in-rpcs"] == "11"
    assert shown["in-sessions"] == "2"
    assert shown["dropped-sessions"] == "0"
    assert shown["netconf-start-time"] is not None


# get-schema


def get_schema(identifier: str, version: str = "", format_: str = "") -> str:
    more = f"<version>{version}</version>" if version else ""
    more += f'<format xmlns:ncm="{NCM}">{format_}</format>' if format_ else ""
    return f'<get-schema xmlns="{NCM}"><identifier>{identifier}</identifier>{more}</get-schema>'


@pytest.mark.parametrize(
    ("version", "format_"), [("", ""), ("2026-11-24", ""), ("2026-11-24", "ncm:yang"), ("", "ncm:yang")]
)
def test_get_schema_gives_the_text_of_a_module(version: str, format_: str) -> None:
    world = World()
    data = world.data(world.open("root"), get_schema("plant", version, format_))
    assert data.tag == f"{{{NCM}}}data"
    assert data.text == (Path(__file__).with_name("models") / "plant.yang").read_text(encoding="utf-8")


def test_every_schema_that_is_listed_can_be_had() -> None:
    world = World()
    session = world.open("root")
    listed = list(state(world, session, "schemas"))
    assert len(listed) > 15
    names = texts(state(world, session, "schemas"), "ncm:schema/ncm:identifier")
    assert {"plant", "ietf-netconf", "ietf-yang-types", "nc-notifications", "ietf-netconf-acm"} <= set(names)
    for entry in listed:
        name, version, format_, namespace = (
            entry.findtext(f"ncm:{leaf}", "", NAMESPACES) for leaf in ("identifier", "version", "format", "namespace")
        )
        text = world.data(session, get_schema(name, version, format_)).text or ""
        assert f"module {name} {{" in text
        assert namespace in text
        assert version in text


@pytest.mark.parametrize(
    ("name", "version", "format_"),
    [("plan", "", ""), ("plant", "2020-01-01", ""), ("plant", "", "ncm:yin"), ("plant", "", "ncm:rng")],
)
def test_a_schema_that_does_not_exist(name: str, version: str, format_: str) -> None:
    world = World()
    error = world.error(world.open("root"), get_schema(name, version, format_))
    assert error.tag == "invalid-value"


def test_get_schema_needs_an_identifier() -> None:
    world = World()
    error = world.error(world.open("root"), f'<get-schema xmlns="{NCM}"/>')
    assert error.tag == "missing-element"


# YANG library


def library(world: World) -> Element:
    data = world.data(world.open("root"), f'<get><filter><yang-library xmlns="{LIBRARY}"/></filter></get>')
    return data[0]


def test_the_library_lists_modules_features_and_datastores() -> None:
    world = World()
    shown = library(world)
    assert shown.findtext("yanglib:content-id", "", NAMESPACES) == world.backend.library.content_id
    modules = {
        module.findtext("yanglib:name", "", NAMESPACES): module
        for module in shown.iterfind("yanglib:module-set/yanglib:module", NAMESPACES)
    }
    assert {request.name for request in MODULES} | {"plant"} <= set(modules)
    assert texts(modules["ietf-netconf-nmda"], "yanglib:feature") == ["origin", "with-defaults"]
    assert texts(modules["plant"], "yanglib:revision") == ["2026-11-24"]
    assert texts(modules["plant"], "yanglib:namespace") == [NAMESPACES["p"]]
    imported = texts(shown, "yanglib:module-set/yanglib:import-only-module/yanglib:name")
    assert "ietf-yang-types" in imported
    assert not set(imported) & set(modules)
    assert texts(shown, "yanglib:datastore/yanglib:name") == [
        f"ds:{name}" for name in ("running", "candidate", "intended", "operational")
    ]
    assert texts(shown, "yanglib:schema/yanglib:module-set") == texts(shown, "yanglib:module-set/yanglib:name")


def test_older_clients_find_the_same_in_modules_state() -> None:
    world = World()
    data = world.data(world.open("root"), f'<get><filter><modules-state xmlns="{LIBRARY}"/></filter></get>')
    conformance = {
        module.findtext("yanglib:name", "", NAMESPACES): module.findtext("yanglib:conformance-type", "", NAMESPACES)
        for module in data[0].iterfind("yanglib:module", NAMESPACES)
    }
    assert conformance["plant"] == "implement"
    assert conformance["ietf-yang-types"] == "import"
    assert data[0].findtext("yanglib:module-set-id", "", NAMESPACES) == world.backend.library.content_id


def test_the_content_id_depends_on_the_content_and_on_nothing_else() -> None:
    same = YangLibrary(schema()).content_id
    assert YangLibrary(schema()).content_id == same
    changes: list[dict[str, Any]] = [
        {"revision": "2027-01-01"},
        {"features": ("x",)},
        {"import_only": True},
        {"deviations": ("y",)},
        {"namespace": "urn:other"},
    ]
    for change in changes:
        modules = {**schema().modules, "plant": replace(schema().modules["plant"], **change)}
        assert content_id(modules.values()) != same


def test_an_update_is_announced_when_the_library_is_another_one_than_before(tmp_path: Path) -> None:
    world = World()
    published: list[Element] = []
    seen = tmp_path / "library"
    announce(world.backend.library, seen, published.append)
    assert published == []
    announce(world.backend.library, seen, published.append)
    assert published == []
    seen.write_text("another one")
    announce(world.backend.library, seen, published.append)
    announce(world.backend.library, seen, published.append)
    (update,) = published
    assert update.findtext("yanglib:content-id", "", NAMESPACES) == world.backend.library.content_id
    assert b"yang-library-update" in serialise(update)


def test_the_servers_own_state_has_no_gaps() -> None:
    world = World()
    gaps = [node.path for node in world.backend.gaps()]
    assert [path for path in gaps if not path.startswith("/plant:")] == []
    assert {"/plant:harvest", "/plant:burn", "/plant:plant/bed/irrigate", "/plant:plant/visitor"} <= set(gaps)
