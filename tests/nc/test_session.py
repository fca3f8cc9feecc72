"""Sessions: hellos and framings, requests of every kind, ends of every kind."""

import contextlib
from pathlib import Path

import gevent
import pytest
from gevent.socket import socketpair

from nc.exchange import Exchange, Limits
from nc.session import LAST_SESSION_ID, Outbox, Sessions, Termination, TerminationReason, TooManySessionsError
from nc.unix import UnixStream
from nc.xml import Element
from tests.nc.clients import (
    BASE_10,
    BASE_11,
    CLOSE,
    GET,
    NC,
    PATIENCE,
    TEST,
    Raw,
    chunked,
    connect_socket,
    error_tag,
    hello,
    is_served,
    kill,
    ours,
    raw,
    rpc,
    unix_manager,
)
from tests.nc.served import Served
from tests.nc.server_process import Dispatcher
from tests.waiting import wait_for


class Clock:
    def boottime(self) -> float:
        return 1000.0

    def wall(self) -> float:
        return 1_800_000_000.0


def value_of(reply: Element) -> str:
    return reply.findtext(f"{{{NC}}}data/{{{TEST}}}value") or ""


# Hello


def test_the_server_says_hello_first_with_its_capabilities_and_the_session_id(served: Served) -> None:
    with raw(served) as client:
        capabilities = [
            capability.text for capability in client.hello.iterfind(f"{{{NC}}}capabilities/{{{NC}}}capability")
        ]
        assert capabilities == [BASE_10, BASE_11, "urn:test:capability?a=1&b=2"]
        assert str(client.session_id) in served.state()["sessions"]


@pytest.mark.parametrize(("base", "number"), [(BASE_10, 10), (BASE_11, 11)])
def test_the_base_of_the_client_decides_the_framing(served: Served, base: str, number: int) -> None:
    with raw(served).greet(base) as client:
        assert value_of(client.request(GET)) == "42"
        assert served.state()["sessions"][str(client.session_id)]["base"] == number


def test_chunks_come_only_where_both_have_base_11(tmp_path: Path) -> None:
    with Served(tmp_path, bases=[BASE_10]) as served:
        served.serve()
        with Raw(connect_socket(served.socket)) as client:
            client.send(hello(BASE_10, BASE_11))
            assert value_of(client.request(GET)) == "42"
        with Raw(connect_socket(served.socket)) as client:
            client.send(hello(BASE_11))
            assert client.is_closed()
            assert served.end_of(client.session_id) == "bad-hello"


def test_requests_may_follow_the_hello_at_once(served: Served) -> None:
    for base, message in ((BASE_11, chunked(rpc(GET))), (BASE_10, rpc(GET) + b"]]>]]>")):
        with raw(served) as client:
            client.greet(base, message + message)
            assert [value_of(client.receive()) for _ in range(2)] == ["42", "42"]


def test_a_hello_may_be_written_as_xml_allows(served: Served) -> None:
    with raw(served) as client:
        client.send(
            f"<?xml version='1.0' encoding='UTF-8'?><!-- hello --><a:hello xmlns:a='{NC}'>\n <a:capabilities>\n"
            f"  <a:capability>\n {BASE_10}\n </a:capability></a:capabilities></a:hello>\n]]>]]>".encode()
        )
        assert value_of(client.request(GET)) == "42"


@pytest.mark.parametrize(
    "greeting",
    [
        hello(BASE_11, more="<session-id>7</session-id>"),
        hello("urn:ietf:params:netconf:base:2.0"),
        hello(),
        hello(BASE_11).replace(NC.encode(), b"urn:other"),
        rpc(GET) + b"]]>]]>",
        b"]]>]]>",
        b"hello]]>]]>",
        b"<!DOCTYPE hello [<!ENTITY a 'a'>]>" + hello(BASE_11),
        b"\xff\xfe" + hello(BASE_11),
        b"x" * 1_100_000,
    ],
)
def test_a_bad_hello_ends_the_session(served: Served, greeting: bytes) -> None:
    with raw(served) as client:
        with contextlib.suppress(BrokenPipeError):
            client.send(greeting)
        assert client.is_closed()
        assert served.end_of(client.session_id) == "bad-hello"
    assert served.state()["in_bad_hellos"] == 1
    assert is_served(served)


def test_a_hello_that_never_comes_is_not_waited_for(served: Served) -> None:
    served.serve(limits={"hello_timeout": 0.2})
    with raw(served) as client:
        client.send(hello(BASE_11)[:-1])
        assert client.is_closed()
        assert served.end_of(client.session_id) == "timeout"
    assert is_served(served)


# Requests


def test_many_requests_at_once_are_answered_in_order(served: Served) -> None:
    with raw(served).greet() as client:
        client.send(b"".join(chunked(rpc(GET, str(number))) for number in range(500)))
        assert [client.receive().get("message-id") for _ in range(500)] == [str(number) for number in range(500)]


def test_what_is_not_xml_is_answered_and_the_session_goes_on(served: Served) -> None:
    with raw(served).greet() as client:
        for message in (b"<rpc", b"<rpc></get>", b"\xff", b"<!DOCTYPE a><a/>", b"<a>&b;</a>"):
            client.send(chunked(message))
            reply = client.receive()
            assert (reply.tag, error_tag(reply)) == (f"{{{NC}}}rpc-reply", "malformed-message")
        assert value_of(client.request(GET)) == "42"
    state = served.state()
    assert (state["in_rpcs"], state["in_bad_rpcs"], state["out_rpc_errors"]) == (1, 5, 5)


def test_base_10_has_no_error_for_what_is_not_xml(served: Served) -> None:
    with raw(served).greet(BASE_10) as client:
        client.send(b"<rpc]]>]]>")
        assert client.is_closed()
        assert served.end_of(client.session_id) == "other"


@pytest.mark.parametrize("message", [hello(BASE_11)[:-6], b"<rpc message-id='1'><get/></rpc>", b"<a/>"])
def test_only_rpc_is_expected_after_the_hello(served: Served, message: bytes) -> None:
    with raw(served).greet() as client:
        client.send(chunked(message))
        assert error_tag(client.receive()) == "unknown-element"
        assert value_of(client.request(GET)) == "42"
    assert served.state()["in_bad_rpcs"] == 1


def test_an_rpc_without_message_id_is_a_bad_one_that_the_dispatcher_answers(served: Served) -> None:
    with raw(served).greet() as client:
        client.send(chunked(rpc(GET).replace(b' message-id="1"', b"")))
        assert value_of(client.receive()) == "42"
    assert (served.state()["in_rpcs"], served.state()["in_bad_rpcs"]) == (0, 1)


def test_a_dispatcher_that_fails_fails_one_request(served: Served) -> None:
    with raw(served).greet() as client:
        client.send(chunked(rpc(ours("fail"), "7").replace(b"<rpc ", b"<rpc xmlns:a='urn:a' a:b='c' ")))
        reply = client.receive()
        assert (reply.get("message-id"), reply.get("{urn:a}b"), error_tag(reply)) == ("7", "c", "operation-failed")
        assert value_of(client.request(GET)) == "42"
    assert "as the test asked" in served.log.read_text()


@pytest.mark.parametrize("garbage", [b"<rpc/>", b"\n#0\n", b"\n#01\n", b"\n#4294967296\n", b"\n##\n", b"\n#-1\n"])
def test_bytes_outside_the_framing_end_the_session(served: Served, garbage: bytes) -> None:
    with raw(served).greet() as client:
        assert value_of(client.request(GET)) == "42"
        client.send(garbage)
        assert client.is_closed()
        assert served.end_of(client.session_id) == "other"
    assert is_served(served)


@pytest.mark.parametrize("base", [BASE_10, BASE_11])
def test_a_message_beyond_the_limit_is_refused_and_the_session_ends(served: Served, base: str) -> None:
    served.serve(limits={"message_size": 10_000})
    with raw(served).greet(base) as client:
        assert len(client.request(ours("echo", "x" * 9_000)).findtext(f"{{{TEST}}}echo") or "") == 9_000
        reply = client.request(ours("echo", "x" * 10_000))
        assert error_tag(reply) == "too-big"
        assert client.is_closed()
        assert served.end_of(client.session_id) == "other"
    assert is_served(served)


# Ends


@pytest.mark.parametrize("base", [BASE_10, BASE_11])
def test_close_session_is_answered_when_everything_is_released(served: Served, base: str) -> None:
    with raw(served).greet(base) as client:
        reply = client.request(CLOSE)
        assert reply.find(f"{{{NC}}}ok") is not None
        assert served.end_of(client.session_id) == "closed"
        assert client.is_closed()
    wait_for(lambda: not served.state()["sessions"], "the session is forgotten")


def test_requests_after_close_session_are_not_answered(served: Served) -> None:
    with raw(served).greet() as client:
        client.send(chunked(rpc(CLOSE)) + chunked(rpc(GET)))
        assert client.receive().find(f"{{{NC}}}ok") is not None
        assert client.is_closed()
    assert served.state()["in_rpcs"] == 1


def test_kill_session_ends_the_other_session_and_not_the_caller(served: Served) -> None:
    with raw(served).greet() as victim, raw(served).greet() as caller, raw(served).greet() as bystander:
        for client in (victim, caller, bystander):
            assert value_of(client.request(GET)) == "42"
        assert caller.request(kill(victim.session_id)).find(f"{{{NC}}}ok") is not None
        assert served.state()["closed"] == [[victim.session_id, "killed", caller.session_id, ""]]
        assert victim.is_closed()
        assert value_of(caller.request(GET)) == "42"
        assert value_of(bystander.request(GET)) == "42"
        assert error_tag(caller.request(kill(victim.session_id))) == "invalid-value"


def test_an_operation_of_a_killed_session_comes_to_its_own_end(served: Served) -> None:
    with raw(served).greet() as victim, raw(served).greet() as caller:
        victim.send(chunked(rpc(ours("wait"))))
        wait_for(lambda: served.state()["waiting"] == 1, "the operation runs")
        caller.send(chunked(rpc(kill(victim.session_id))))
        assert victim.is_closed()
        assert served.end_of(victim.session_id) == ""
        served.ask("release")
        assert caller.receive().find(f"{{{NC}}}ok") is not None
        assert served.state()["closed"] == [[victim.session_id, "killed", caller.session_id, ""]]


def test_a_client_that_goes_away_is_dropped(served: Served) -> None:
    with raw(served).greet() as client:
        assert value_of(client.request(GET)) == "42"
    wait_for(lambda: served.end_of(client.session_id) == "dropped", "the session is dropped")
    assert served.state()["dropped_sessions"] == 1


def test_an_idle_session_ends_but_not_one_with_a_subscription(served: Served) -> None:
    served.serve(limits={"idle_timeout": 0.3})
    with raw(served).greet() as subscriber:
        assert subscriber.request(ours("subscribe")).find(f"{{{NC}}}ok") is not None
        with raw(served).greet() as idler:
            assert value_of(idler.request(GET)) == "42"
            assert idler.is_closed()
            assert served.end_of(idler.session_id) == "timeout"
        assert value_of(subscriber.request(GET)) == "42"


def test_the_server_ends_sessions_in_order_when_it_stops(served: Served) -> None:
    with raw(served).greet() as client:
        assert value_of(client.request(GET)) == "42"
        served.ask("notify", session_id=client.session_id, count=10)
        served.ask("stop")
        ticks = [client.receive().findtext(f"{{{TEST}}}tick") for _ in range(10)]
        assert [int(tick or "") for tick in ticks] == list(range(10))
        assert client.is_closed()
        assert served.end_of(client.session_id) == "other"


# Notifications, and clients that do not read


def test_notifications_go_out_between_replies(served: Served) -> None:
    with raw(served).greet() as client:
        assert value_of(client.request(GET)) == "42"
        assert served.ask("notify", session_id=client.session_id, count=3) == 3
        assert client.request(GET).findtext(f"{{{TEST}}}tick", "").strip() == "0"
        assert [client.receive().findtext(f"{{{TEST}}}tick", "").strip() for _ in range(2)] == ["1", "2"]
        assert value_of(client.receive()) == "42"
    assert served.state()["out_notifications"] == 3


def test_who_does_not_read_has_his_notifications_refused_and_is_dropped_at_last(served: Served) -> None:
    served.serve(limits={"write_timeout": 0.5})
    with raw(served).greet() as client:
        assert value_of(client.request(GET)) == "42"
        queued = served.ask("notify", session_id=client.session_id, count=5_000)
        assert 500 < queued < 2_000
        assert is_served(served)
        wait_for(lambda: served.end_of(client.session_id) == "dropped", "the session is dropped")
    assert is_served(served)


def test_who_does_not_read_his_replies_is_not_read_from_either(served: Served) -> None:
    connection = connect_socket(served.socket)
    with Raw(connection).greet() as client:
        connection.settimeout(0.5)
        requests = b"".join(chunked(rpc(ours("big", "10000"), str(number))) for number in range(20_000))
        with pytest.raises(TimeoutError):
            client.send(requests)
        assert is_served(served)
        connection.settimeout(PATIENCE)
        assert [client.receive().get("message-id") for _ in range(100)] == [str(number) for number in range(100)]
    wait_for(lambda: served.end_of(client.session_id) == "dropped", "the session is dropped")


# The registry


def test_sessions_beyond_the_limit_are_refused(served: Served) -> None:
    served.serve(session_limit=2)
    with raw(served).greet() as one, raw(served).greet() as two:
        assert value_of(one.request(GET)) == value_of(two.request(GET)) == "42"
        with connect_socket(served.socket) as refused:
            assert refused.recv(1) == b""
        one.request(CLOSE)
        wait_for(lambda: len(served.state()["sessions"]) == 1, "a session has ended")
        with unix_manager(served) as client:
            assert client.get().data_ele.findtext(f"{{{TEST}}}value") == "42"


def test_at_the_limit_who_has_not_said_hello_makes_room(served: Served) -> None:
    served.serve(session_limit=2)
    with raw(served).greet() as greeted, raw(served) as silent:
        assert value_of(greeted.request(GET)) == "42"
        assert is_served(served)
        assert silent.is_closed()
        assert served.end_of(silent.session_id) == "dropped"
        assert value_of(greeted.request(GET)) == "42"


def register(sessions: Sessions) -> int:
    return sessions.register("olga", frozenset(), "netconf-ssh", "192.0.2.1").session_id


def test_session_ids_are_not_used_twice_while_their_session_lives() -> None:
    sessions = Sessions(Clock())
    assert [register(sessions), register(sessions)] == [1, 2]
    sessions._last_id = LAST_SESSION_ID - 1
    assert [register(sessions), register(sessions)] == [LAST_SESSION_ID, 3]


def test_the_registry_counts_past_and_present_sessions() -> None:
    sessions = Sessions(Clock(), limit=2)
    first = sessions.get(register(sessions))
    second = sessions.get(register(sessions))
    assert first is not None
    assert second is not None
    assert first.login_time == Clock().wall()
    first.counters.in_rpcs = 3
    second.counters.in_rpcs = 4
    first.greeted = second.greeted = True
    with pytest.raises(TooManySessionsError):
        register(sessions)
    first.close(Termination(TerminationReason.TIMEOUT))
    first.close(Termination(TerminationReason.CLOSED))
    sessions.forget(first)
    assert first.ended.is_set()
    assert list(sessions) == [second]
    assert sessions.counters.in_rpcs == 7
    assert (sessions.statistics.in_sessions, sessions.statistics.dropped_sessions) == (2, 1)
    assert not sessions.kill(first.session_id, None)


def test_a_session_that_is_ending_takes_no_place() -> None:
    sessions = Sessions(Clock(), limit=1)
    ending = sessions.get(register(sessions))
    assert ending is not None
    ending.greeted = True
    with pytest.raises(TooManySessionsError, match="1 sessions are open"):
        register(sessions)
    ending.close(Termination(TerminationReason.CLOSED))
    follower = sessions.get(register(sessions))
    assert list(sessions) == [ending, follower]
    assert follower is not None
    follower.close(Termination(TerminationReason.CLOSED))
    with pytest.raises(TooManySessionsError, match="2 sessions are open or ending"):
        register(sessions)


def test_an_outbox_is_bounded_by_its_bytes_but_takes_one_message_of_any_size() -> None:
    outbox = Outbox(limit=10)
    assert outbox.offer(b"x" * 100)
    assert not outbox.offer(b"x")
    assert outbox.take() == b"x" * 100
    assert outbox.offer(b"x" * 6)
    assert not outbox.offer(b"x" * 5)
    assert outbox.offer(b"x" * 4)


def test_whoever_puts_into_a_full_outbox_waits_until_there_is_room_or_an_end() -> None:
    outbox = Outbox(limit=10)
    outbox.put(b"first".ljust(10))
    waiting = gevent.spawn(outbox.put, b"second")
    gevent.idle()
    assert not waiting.dead
    assert outbox.take() == b"first".ljust(10)
    waiting.join()
    outbox.put(b"four")
    also_waiting = gevent.spawn(outbox.put, b"third")
    gevent.idle()
    outbox.finish()
    also_waiting.join()
    assert [outbox.take(), outbox.take(), outbox.take()] == [b"second", b"four", None]


def test_a_session_that_ended_before_its_exchange_began_is_not_held() -> None:
    sessions = Sessions(Clock())
    dispatcher = Dispatcher(sessions, [BASE_10])
    session = sessions.register("olga", frozenset(), "netconf-unix", "")
    session.close(Termination(TerminationReason.KILLED))
    server, client = socketpair()
    with server, client:
        Exchange(session, UnixStream(server), dispatcher, Limits(hello_timeout=3600)).run()
        assert client.recv(1) == b""
    assert dispatcher.opened == [1]
    assert dispatcher.closed == [(1, "killed", None, "")]
