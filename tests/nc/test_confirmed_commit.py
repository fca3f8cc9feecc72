"""The confirmed commit (RFC 6241, 8.4)."""

import gevent
import pytest
from gevent.event import Event

from nc.errors import RpcErrors, invalid_value
from nc.history import StorageError
from nc.session import Session, TerminationReason
from tests.nc.test_datastore import FULL
from tests.nc.world import World, eventually, plant_of, schema

CONFIRMED = "<commit><confirmed/></commit>"


def confirmed(**parameters: object) -> str:
    rest = "".join(f"<{name}>{value}</{name}>" for name, value in parameters.items())
    return f"<commit><confirmed/>{rest.replace('_', '-')}</commit>"


def world_with_a_pending_commit(operation: str = CONFIRMED) -> tuple[World, Session]:
    world = World()
    session = world.open("root")
    world.commit(session, "<name>old</name>")
    world.edit(session, "<name>new</name>")
    world.ok(session, operation)
    assert world.running() == "<name>new</name>"
    return world, session


def stored(world: World) -> str:
    return plant_of(schema().from_json(world.storage.content or "{}"))


def events(world: World) -> list[tuple[str, str]]:
    """The confirmed commits' events so far, with their timeouts."""
    log = world.backend.notifications.log
    messages = [entry.message[1] for number in range(log.first, log.next) if (entry := log.get(number)) is not None]
    return [
        (
            message.findtext("{*}confirm-event") or "",
            message.findtext("{*}timeout") or "",
        )
        for message in messages
        if message.tag.endswith("netconf-confirmed-commit")
    ]


def test_without_a_confirmation_it_is_taken_back_after_600_seconds() -> None:
    world, _ = world_with_a_pending_commit()
    world.time.pass_(599)
    assert world.running() == "<name>new</name>"
    world.time.pass_(1)
    assert world.running() == world.candidate() == "<name>old</name>"
    assert [part.done[-2:] for part in world.parts] == [["prepare", "apply"]] * 2
    assert events(world) == [("start", "600"), ("timeout", "")]
    assert world.datastores.pending is None


def test_the_file_stays_the_old_one_until_the_confirmation() -> None:
    world, session = world_with_a_pending_commit()
    assert stored(world) == "<name>old</name>"
    world.ok(session, "<commit/>")
    assert stored(world) == "<name>new</name>"
    world.time.pass_(10_000)
    assert world.running() == "<name>new</name>"
    assert events(world) == [("start", "600"), ("complete", "")]


def test_a_restart_takes_it_back() -> None:
    world, _ = world_with_a_pending_commit()
    restarted = World(storage=world.storage)
    restarted.datastores.load()
    assert restarted.running() == "<name>old</name>"


def test_a_timeout_of_ones_own() -> None:
    world, _ = world_with_a_pending_commit(confirmed(confirm_timeout=7))
    world.time.pass_(6)
    assert world.running() == "<name>new</name>"
    world.time.pass_(1)
    assert world.running() == "<name>old</name>"


def test_a_follow_up_confirmed_commit_starts_the_time_again_and_keeps_the_first_backup() -> None:
    world, session = world_with_a_pending_commit()
    world.time.pass_(500)
    world.edit(session, "<name>newer</name>")
    world.ok(session, confirmed(confirm_timeout=300))
    assert world.running() == "<name>newer</name>"
    world.time.pass_(299)
    assert world.running() == "<name>newer</name>"
    world.time.pass_(1)
    assert world.running() == "<name>old</name>"
    assert events(world) == [("start", "600"), ("extend", "300"), ("timeout", "")]


def test_the_confirming_commit_may_bring_more_changes() -> None:
    world, session = world_with_a_pending_commit()
    world.edit(session, "<interval>9</interval>")
    world.ok(session, "<commit/>")
    world.time.pass_(10_000)
    assert world.running() == stored(world) == "<name>new</name><interval>9</interval>"


def test_cancel_commit_takes_it_back_at_once() -> None:
    world, session = world_with_a_pending_commit()
    world.ok(session, "<cancel-commit/>")
    assert world.running() == world.candidate() == stored(world) == "<name>old</name>"
    assert world.error(session, "<cancel-commit/>").tag == "operation-failed"
    assert events(world) == [("start", "600"), ("cancel", "")]
    world.time.pass_(10_000)
    assert events(world) == [("start", "600"), ("cancel", "")]


@pytest.mark.parametrize("reason", list(TerminationReason))
def test_the_end_of_the_session_takes_it_back(reason: TerminationReason) -> None:
    world, session = world_with_a_pending_commit()
    bystander = world.open("root")
    world.end(bystander)
    assert world.running() == "<name>new</name>"
    world.end(session, reason)
    assert world.running() == "<name>old</name>"
    assert events(world) == [("start", "600"), ("cancel", "")]


def test_a_session_that_ends_in_the_middle_of_its_confirmed_commit_takes_it_back() -> None:
    world = World()
    session, other = world.open("root"), world.open("root")
    world.commit(session, "<name>old</name>")
    world.edit(session, "<name>new</name>")
    go_on = Event()
    seen: list[str] = []

    def wait() -> None:
        go_on.wait()
        world.parts[0].on_prepare = lambda: seen.append(world.running())

    world.parts[0].on_prepare = wait
    committing = gevent.spawn(world.ok, session, CONFIRMED)
    eventually(lambda: len(world.parts[0].done) == 3, "the commit is in the middle")
    ending = gevent.spawn(world.end, session)
    gevent.idle()
    assert not ending.dead
    go_on.set()
    committing.get()
    ending.get()
    assert seen == ["<name>new</name>"]
    assert world.running() == "<name>old</name>"
    world.ok(other, "<lock><target><running/></target></lock>")


def test_other_sessions_cannot_commit_cancel_or_lock_meanwhile() -> None:
    world, owner = world_with_a_pending_commit()
    other = world.open("root")
    world.edit(other, "<name>other</name>")
    for operation in ("<commit/>", CONFIRMED, "<cancel-commit/>"):
        error = world.error(other, operation)
        assert (error.tag, str(owner.session_id) in error.message) == ("in-use", True)
    error = world.error(other, "<lock><target><running/></target></lock>")
    assert (error.tag, error.info) == ("lock-denied", {"session-id": "0"})
    assert world.running() == "<name>new</name>"
    world.ok(owner, "<lock><target><running/></target></lock>")


def test_a_persistent_one_outlives_its_session_and_is_confirmed_by_its_token() -> None:
    world, session = world_with_a_pending_commit(confirmed(persist="q7"))
    world.end(session)
    assert world.running() == "<name>new</name>"
    other = world.open("root")
    assert world.error(other, "<commit/>").tag == "in-use"
    assert world.error(other, "<commit><persist-id>wrong</persist-id></commit>").tag == "invalid-value"
    error = world.error(other, "<lock><target><running/></target></lock>")
    assert (error.tag, error.info) == ("lock-denied", {"session-id": "0"})
    world.ok(other, "<commit><persist-id>q7</persist-id></commit>")
    world.time.pass_(10_000)
    assert world.running() == stored(world) == "<name>new</name>"


def test_a_persistent_one_is_taken_back_by_time() -> None:
    world, session = world_with_a_pending_commit(confirmed(persist="q7", confirm_timeout=20))
    world.end(session)
    world.time.pass_(20)
    assert world.running() == "<name>old</name>"


def test_a_persistent_one_needs_its_token_also_on_the_session_that_issued_it() -> None:
    world, session = world_with_a_pending_commit(confirmed(persist="q7"))
    assert world.error(session, "<commit/>").tag == "in-use"
    assert world.error(session, "<cancel-commit/>").tag == "invalid-value"
    assert world.error(session, "<cancel-commit><persist-id>x</persist-id></cancel-commit>").tag == "invalid-value"
    world.ok(session, "<cancel-commit><persist-id>q7</persist-id></cancel-commit>")
    assert world.running() == "<name>old</name>"


def test_a_follow_up_may_give_a_new_token_and_else_keeps_the_old_one() -> None:
    world, session = world_with_a_pending_commit(confirmed(persist="first"))
    other = world.open("root")
    world.ok(other, confirmed(persist_id="first"))
    world.end(other)
    assert world.running() == "<name>new</name>"
    world.ok(session, confirmed(persist="second", persist_id="first"))
    assert world.error(session, "<commit><persist-id>first</persist-id></commit>").tag == "invalid-value"
    world.ok(session, "<commit><persist-id>second</persist-id></commit>")


def test_a_token_without_a_pending_commit_is_wrong() -> None:
    world = World()
    session = world.open("root")
    assert world.error(session, "<commit><persist-id>q7</persist-id></commit>").tag == "invalid-value"


@pytest.mark.parametrize("parameter", ["<confirm-timeout>5</confirm-timeout>", "<persist>q7</persist>"])
def test_who_means_a_confirmed_commit_has_to_say_so(parameter: str) -> None:
    world = World()
    session = world.open("root")
    world.edit(session, "<name>A</name>")
    error = world.error(session, f"<commit>{parameter}</commit>")
    assert (error.tag, error.info) == ("missing-element", {"bad-element": "confirmed"})
    assert world.running() == ""


def test_cancelling_anothers_persistent_commit_does_not_break_into_a_lock() -> None:
    world, session = world_with_a_pending_commit(confirmed(persist="q7"))
    world.ok(session, "<lock><target><running/></target></lock>")
    other = world.open("root")
    error = world.error(other, "<cancel-commit><persist-id>q7</persist-id></cancel-commit>")
    assert error.tag == "in-use"
    assert world.running() == "<name>new</name>"


def test_taking_it_back_cannot_be_refused_and_happens_under_a_lock() -> None:
    world, session = world_with_a_pending_commit()
    world.ok(session, "<lock><target><running/></target></lock>")
    world.parts[0].refusal = RpcErrors([invalid_value("no")])
    world.parts[1].failure = ZeroDivisionError("a defect")
    world.time.pass_(600)
    assert world.running() == "<name>old</name>"
    assert world.parts[0].in_use is world.datastores.running


def test_a_confirmation_that_cannot_be_stored_fails_and_leaves_it_pending() -> None:
    world, session = world_with_a_pending_commit()
    world.storage.broken = FULL
    assert "No space left" in world.error(session, "<commit/>").message
    assert world.datastores.pending is not None
    world.storage.broken = None
    world.time.pass_(599)
    world.ok(session, "<commit/>")
    world.time.pass_(10_000)
    assert world.running() == stored(world) == "<name>new</name>"


def test_a_confirmation_without_changes_cannot_be_refused_by_a_component() -> None:
    world, session = world_with_a_pending_commit()
    world.parts[0].refusal = RpcErrors([invalid_value("the lamp has gone meanwhile")])
    world.ok(session, "<commit/>")
    assert stored(world) == "<name>new</name>"


def test_a_confirmed_commit_without_changes_waits_for_its_confirmation_too() -> None:
    world = World()
    session = world.open("root")
    world.commit(session, "<name>old</name>")
    world.ok(session, CONFIRMED)
    world.edit(session, "<name>new</name>")
    world.ok(session, CONFIRMED)
    world.time.pass_(600)
    assert world.running() == "<name>old</name>"
    assert events(world) == [("start", "600"), ("extend", "600"), ("timeout", "")]


def test_a_follow_up_that_is_refused_leaves_the_time_running() -> None:
    world, session = world_with_a_pending_commit()
    world.edit(session, "<name>newer</name>")
    world.parts[0].refusal = RpcErrors([invalid_value("no")])
    world.errors(session, confirmed(confirm_timeout=6000))
    world.time.pass_(600)
    assert world.running() == "<name>old</name>"
    assert world.candidate() == "<name>newer</name>"


def test_a_reload_ends_it() -> None:
    world, session = world_with_a_pending_commit()
    world.datastores.load()
    assert world.running() == "<name>old</name>"
    assert events(world) == [("start", "600"), ("cancel", "")]
    world.edit(session, "<name>newest</name>")
    world.ok(session, "<commit/>")
    world.time.pass_(10_000)
    assert world.running() == "<name>newest</name>"


def test_storage_errors_name_file_cause_and_remedy() -> None:
    assert isinstance(FULL, StorageError)
    assert str(FULL) == "/etc/plant.json: No space left on device; free some space on its file system"
