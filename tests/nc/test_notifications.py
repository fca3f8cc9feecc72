"""Notifications (RFC 5277 and 6470): subscribing, replay, stop, filters, and clients that do not read."""

from datetime import UTC, datetime
from functools import partial

import pytest
from lxml import etree

from nc.session import Session, TerminationReason
from nc.xml import Element
from tests.nc.world import NAMESPACES, PLANT, START, World, edit, eventually, plant_element, shown

N = NAMESPACES["n"]


def at(seconds: float) -> str:
    return datetime.fromtimestamp(START + seconds, UTC).isoformat()


def subscription(*, start: float | None = None, stop: float | None = None, more: str = "") -> str:
    start_time = "" if start is None else f"<startTime>{at(start)}</startTime>"
    stop_time = "" if stop is None else f"<stopTime>{at(stop)}</stopTime>"
    return f'<create-subscription xmlns="{N}">{more}{start_time}{stop_time}</create-subscription>'


def frost(world: World, temperature: int) -> None:
    world.backend.notifications.publish(plant_element(f"<frost><temperature>{temperature}</temperature></frost>"))


def temperatures(world: World, session: Session) -> list[str]:
    """What a session received: temperatures, and the names of other notifications."""
    received = world.peers[session].received
    return [
        message.findtext("p:frost/p:temperature", "", NAMESPACES) or etree.QName(message[1]).localname
        for message in received
    ]


def wait_for(world: World, session: Session, expected: list[str]) -> None:
    eventually(lambda: len(temperatures(world, session)) >= len(expected), f"{expected} received")
    assert temperatures(world, session) == expected


def test_a_subscriber_gets_what_is_published_from_then_on() -> None:
    world = World()
    session, other = world.open("root"), world.open("root")
    frost(world, -1)
    world.ok(session, subscription(more="<stream>NETCONF</stream>"))
    world.time.pass_(5)
    frost(world, -2)
    frost(world, -3)
    wait_for(world, session, ["-2", "-3"])
    (first, _) = world.peers[session].received
    assert first.tag == f"{{{N}}}notification"
    assert first[0].tag == f"{{{N}}}eventTime"
    assert first[0].text == "2027-01-15T08:00:05.000000Z"
    assert world.peers[other].received == []
    assert session.subscribed
    assert session.counters.out_notifications == 2


def test_the_reply_comes_before_the_first_notification() -> None:
    world = World()
    frost(world, -1)
    session = world.open("root", lazy=True)
    world.ok(session, subscription(start=0))
    assert session.counters.out_notifications == 0
    world.peers[session].read()
    wait_for(world, session, ["-1", "netconf-session-start", "replayComplete"])


def test_replay_begins_at_the_start_time_and_goes_on_live() -> None:
    world = World()
    for second in range(5):
        frost(world, -second)
        world.time.pass_(1)
    session = world.open("root")
    world.ok(session, subscription(start=2))
    wait_for(world, session, ["-2", "-3", "-4", "netconf-session-start", "replayComplete"])
    frost(world, -9)
    wait_for(world, session, ["-2", "-3", "-4", "netconf-session-start", "replayComplete", "-9"])


def test_a_stop_time_ends_the_subscription_but_not_the_session() -> None:
    world = World()
    session = world.open("root")
    world.time.pass_(1)
    world.ok(session, subscription(start=1, stop=10))
    frost(world, -1)
    wait_for(world, session, ["replayComplete", "-1"])
    world.time.pass_(9)
    wait_for(world, session, ["replayComplete", "-1", "notificationComplete"])
    assert not session.subscribed
    frost(world, -2)
    world.ok(session, subscription())
    frost(world, -3)
    wait_for(world, session, ["replayComplete", "-1", "notificationComplete", "-3"])


def test_a_stop_time_in_the_past_is_a_replay_and_nothing_else() -> None:
    world = World()
    for second in range(5):
        frost(world, -second)
        world.time.pass_(1)
    session = world.open("root")
    world.ok(session, subscription(start=1, stop=3))
    world.time.pass_(0)
    wait_for(world, session, ["-1", "-2", "-3", "replayComplete", "notificationComplete"])


@pytest.mark.parametrize(
    ("start", "stop", "tag", "element"),
    [
        (None, 5, "missing-element", "startTime"),
        (50, None, "bad-element", "startTime"),
        (-10, -20, "bad-element", "stopTime"),
    ],
)
def test_times_that_make_no_sense(start: float | None, stop: float | None, tag: str, element: str) -> None:
    world = World()
    session = world.open("root")
    error = world.error(session, subscription(start=start, stop=stop))
    assert (error.tag, error.type) == (tag, "protocol")
    assert error.info["bad-element"].rpartition(":")[2] == element
    assert not session.subscribed


@pytest.mark.parametrize("time", ["2026-02-30T00:00:00Z", "2026-01-01T23:59:60Z", "0000-01-01T00:00:00Z"])
def test_times_that_never_were(time: str) -> None:
    world = World()
    session = world.open("root")
    asked = f'<create-subscription xmlns="{N}"><startTime>{time}</startTime></create-subscription>'
    assert world.errors(session, asked)[0].tag in {"bad-element", "invalid-value"}
    assert not session.subscribed


def test_a_session_has_one_subscription() -> None:
    world = World()
    session = world.open("root")
    world.ok(session, subscription())
    assert world.error(session, subscription()).tag == "operation-failed"


def test_there_is_one_stream() -> None:
    world = World()
    error = world.error(world.open("root"), subscription(more="<stream>SYSLOG</stream>"))
    assert error.tag == "invalid-value"
    assert error.path == "/nc:rpc/n:create-subscription/n:stream"


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        (f'<filter type="subtree"><frost xmlns="{PLANT}"/></filter>', ["-1", "-2"]),
        (f'<filter><frost xmlns="{PLANT}"><temperature>-2</temperature></frost></filter>', ["-2"]),
        (f'<filter><thief xmlns="{PLANT}"/></filter>', ["thief"]),
        (f'<filter type="xpath" xmlns:p="{PLANT}" select="/p:frost[p:temperature &lt; -1]"/>', ["-2"]),
        ("<filter/>", []),
    ],
)
def test_a_filter_chooses_notifications(filter_: str, expected: list[str]) -> None:
    world = World()
    session, other = world.open("root"), world.open("root")
    world.ok(session, subscription(more=filter_))
    world.ok(other, subscription())
    frost(world, -1)
    frost(world, -2)
    world.backend.notifications.publish(plant_element("<thief/>"))
    wait_for(world, other, ["-1", "-2", "thief"])
    wait_for(world, session, expected)


def test_operations_go_on_beside_a_subscription() -> None:
    world = World()
    session = world.open("root")
    world.ok(session, subscription())
    world.commit(session, "<name>A</name>")
    wait_for(world, session, ["netconf-config-change"])


def got(world: World, session: Session, count: int) -> bool:
    return len(world.peers[session].received) == count


def test_who_does_not_read_is_cut_off_and_holds_up_nobody() -> None:
    world = World(outbox_limit=2000)
    lazy, session = world.open("root", lazy=True), world.open("root")
    for subscriber in (lazy, session):
        world.ok(subscriber, subscription())
    count = 0
    while lazy.termination is None:
        count += 100
        for number in range(count - 100, count):
            frost(world, number)
        eventually(partial(got, world, session, count), "the other one got them")
        assert count < 10_000
    assert count > 4096
    assert lazy.termination.reason is TerminationReason.DROPPED
    assert "did not read" in lazy.termination.detail
    assert not lazy.subscribed
    assert world.peers[lazy].cut_off
    assert temperatures(world, session) == [str(number) for number in range(count)]


def test_who_reads_slowly_misses_nothing() -> None:
    world = World(outbox_limit=1000)
    session = world.open("root", lazy=True)
    world.ok(session, subscription())
    for number in range(100):
        frost(world, number)
    eventually(lambda: session.counters.out_notifications > 0, "its outbox fills")
    assert session.counters.out_notifications < 50
    world.peers[session].read()
    wait_for(world, session, [str(number) for number in range(100)])


def test_the_log_forgets_the_oldest_and_says_so() -> None:
    world = World()
    session = world.open("root")
    streams = '<get><filter><netconf xmlns="urn:ietf:params:xml:ns:netmod:notification"/></filter></get>'
    stream = world.data(session, streams).find(".//nmn:stream", NAMESPACES)
    assert stream is not None
    assert [(child.tag.rpartition("}")[2], child.text) for child in stream] == [
        ("name", "NETCONF"),
        ("description", "all notifications of the server"),
        ("replaySupport", "true"),
        ("replayLogCreationTime", "2027-01-15T08:00:00.000000Z"),
    ]
    world.time.pass_(1)
    for number in range(5000):
        frost(world, number % 100)
    assert world.backend.notifications.log.next - world.backend.notifications.log.first == 4096
    aged = world.data(session, streams).findtext(".//nmn:replayLogAgedTime", None, NAMESPACES)
    assert aged == "2027-01-15T08:00:01.000000Z"


def test_the_end_of_a_session_ends_its_subscription() -> None:
    world = World()
    session = world.open("root")
    world.ok(session, subscription(start=0, stop=1000))
    wait_for(world, session, ["netconf-session-start", "replayComplete"])
    world.end(session)
    assert not session.subscribed
    world.time.pass_(2000)
    frost(world, -1)
    assert world.peers[session].notifications() == ["netconf-session-start", "replayComplete"]


def test_only_what_is_in_the_schema_can_be_published() -> None:
    world = World()
    with pytest.raises(ValueError, match="is not a notification"):
        world.backend.notifications.publish(plant_element("<plant/>"))


# RFC 6470


def published(world: World, name: str) -> list[Element]:
    log = world.backend.notifications.log
    entries = [log.get(number) for number in range(log.first, log.next)]
    return [
        entry.message[1] for entry in entries if entry is not None and etree.QName(entry.message[1]).localname == name
    ]


def leafs(element: Element) -> dict[str, str]:
    return {etree.QName(leaf).localname: leaf.text or "" for leaf in element.iter(etree.Element) if len(leaf) == 0}


def test_sessions_are_announced() -> None:
    world = World()
    session = world.open("olga")
    (start,) = published(world, "netconf-session-start")
    who = {"username": "olga", "session-id": str(session.session_id), "source-host": "192.0.2.1"}
    assert leafs(start) == who
    world.end(session, TerminationReason.TIMEOUT)
    (end,) = published(world, "netconf-session-end")
    assert leafs(end) == who | {"termination-reason": "timeout"}


def test_a_killed_session_is_announced_with_its_killer() -> None:
    world = World()
    session, killer = world.open("olga"), world.open("root")
    session.ended.set()
    world.ok(killer, f"<kill-session><session-id>{session.session_id}</session-id></kill-session>")
    world.end(session)
    (end,) = published(world, "netconf-session-end")
    assert leafs(end)["termination-reason"] == "killed"
    assert leafs(end)["killed-by"] == str(killer.session_id)


def edits(world: World) -> list[tuple[str, str]]:
    changes = published(world, "netconf-config-change")
    return [
        (edit.findtext("ncn:target", "", NAMESPACES), edit.findtext("ncn:operation", "", NAMESPACES))
        for edit in changes[-1].iterfind("ncn:edit", NAMESPACES)
    ]


def test_a_change_of_running_is_announced_with_its_edits() -> None:
    world = World()
    session = world.open("root")
    world.commit(session, "<name>A</name><bed><name>a</name><crop>kale</crop></bed><task><name>x</name></task>")
    assert edits(world) == [
        ("/p:plant/p:name", "create"),
        ("/p:plant/p:bed[p:name='a']", "create"),
        ("/p:plant/p:task[p:name='x']", "create"),
    ]
    (change,) = published(world, "netconf-config-change")
    assert change.findtext("ncn:changed-by/ncn:username", "", NAMESPACES) == "root"
    assert change.findtext("ncn:datastore", "", NAMESPACES) == "running"
    target = change.find("ncn:edit/ncn:target", NAMESPACES)
    assert target is not None
    assert target.nsmap["p"] == PLANT
    world.edit(session, "<bed><name>a</name><crop>leek</crop></bed>")
    world.ok(session, edit('<name nc:operation="delete"/>'))
    world.ok(session, "<commit/>")
    assert sorted(edits(world)) == [("/p:plant/p:bed[p:name='a']/p:crop", "merge"), ("/p:plant/p:name", "delete")]


def test_a_commit_that_changes_nothing_is_not_announced() -> None:
    world = World()
    session = world.open("root")
    world.ok(session, "<commit/>")
    assert published(world, "netconf-config-change") == []


def test_a_large_change_names_only_where_it_is() -> None:
    world = World()
    session = world.open("root")
    world.commit(session, "".join(f"<bed><name>{number}</name></bed>" for number in range(101)))
    assert edits(world) == [("/p:plant", "merge")]


def test_a_change_by_the_server_is_announced_as_such() -> None:
    world = World()
    world.storage.content = '{"plant:plant": {"name": "A"}}'
    world.datastores.load()
    (change,) = published(world, "netconf-config-change")
    assert change.find("ncn:changed-by/ncn:server", NAMESPACES) is not None, shown(change)


def test_a_confirmed_commit_is_announced_with_who_and_how_long() -> None:
    world = World()
    session = world.open("root")
    world.edit(session, "<name>A</name>")
    world.ok(session, "<commit><confirmed/><confirm-timeout>30</confirm-timeout></commit>")
    (start,) = published(world, "netconf-confirmed-commit")
    assert leafs(start) == {
        "username": "root",
        "session-id": str(session.session_id),
        "source-host": "192.0.2.1",
        "confirm-event": "start",
        "timeout": "30",
    }
    world.time.pass_(30)
    assert leafs(published(world, "netconf-confirmed-commit")[1]) == {"confirm-event": "timeout"}
