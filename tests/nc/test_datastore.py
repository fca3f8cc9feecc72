"""Candidate, running and commit: what is put into effect, in which order, and that a refusal changes nothing at all."""

from pathlib import Path

import gevent
import pytest

from nc.component import ConfigWarning
from nc.errors import RpcError, RpcErrors, invalid_value
from nc.history import StorageError
from tests.nc.world import World, edit, eventually, plant_of, schema

FULL = StorageError(Path("/etc/plant.json"), "No space left on device", "free some space on its file system")


def names(world: World) -> list[list[str]]:
    return [list(part.done) for part in world.parts]


def test_a_commit_validates_prepares_persists_applies_and_then_is_running() -> None:
    world = World()
    session = world.open("root")
    world.edit(session, "<name>A</name>")
    seen: list[object] = []
    world.storage.before_save = lambda: seen.extend([names(world), world.running()])
    world.ok(session, "<commit/>")
    assert seen == [[["prepare strictly"], ["prepare strictly"]], ""]
    assert names(world) == [["prepare strictly", "apply"]] * 2
    assert world.running() == "<name>A</name>"
    assert [part.in_use for part in world.parts] == [world.datastores.running] * 2
    assert world.storage.content is not None
    assert plant_of(schema().from_json(world.storage.content)) == "<name>A</name>"
    (version,) = world.datastores.versions()
    assert (version.record.who, version.record.how) == ("root", "commit")
    assert version.record.when.startswith("2027-01-15T08:00:00")


def test_what_is_not_valid_is_refused_before_anybody_is_asked() -> None:
    world = World()
    session = world.open("root")
    world.edit(session, "<bed><name>a</name><neighbour>nobody</neighbour></bed>")
    error = world.error(session, "<commit/>")
    assert error.tag == "data-missing"
    assert error.app_tag == "instance-required"
    assert error.path is not None
    assert error.path.endswith("/p:neighbour")
    assert names(world) == [[], []]
    assert world.running() == ""
    assert world.storage.content is None


def test_every_refusal_is_reported_and_the_others_are_abandoned() -> None:
    world = World()
    session = world.open("root")
    world.edit(session, "<name>A</name>")
    accepting, refusing = world.parts
    refusing.refusal = RpcErrors([invalid_value("no such lamp"), invalid_value("no such colour")])
    assert [error.message for error in world.errors(session, "<commit/>")] == ["no such lamp", "no such colour"]
    assert accepting.done == ["prepare strictly", "abandon"]
    assert (world.running(), world.candidate()) == ("", "<name>A</name>")
    assert world.storage.content is None
    refusing.refusal = None
    world.ok(session, "<commit/>")
    assert world.running() == "<name>A</name>"


def test_a_component_that_crashes_refuses() -> None:
    world = World()
    session = world.open("root")
    world.edit(session, "<name>A</name>")
    world.parts[1].failure = ZeroDivisionError("a defect")
    error = world.error(session, "<commit/>")
    assert error.tag == "operation-failed"
    assert "lamps failed to check" in error.message
    assert world.parts[0].done == ["prepare strictly", "abandon"]
    assert world.running() == ""


def test_what_cannot_be_stored_is_refused_with_the_remedy() -> None:
    world = World()
    session = world.open("root")
    world.edit(session, "<name>A</name>")
    world.storage.broken = FULL
    error = world.error(session, "<commit/>")
    assert error.tag == "operation-failed"
    assert "/etc/plant.json: No space left on device; free some space" in error.message
    assert names(world) == [["prepare strictly", "abandon"]] * 2
    assert (world.running(), world.candidate()) == ("", "<name>A</name>")
    world.storage.broken = None
    world.ok(session, "<commit/>")


def test_a_version_that_is_not_kept_does_not_refuse_the_commit() -> None:
    world = World()
    session = world.open("root")
    world.storage.faults = [FULL]
    world.commit(session, "<name>A</name>")
    assert world.running() == "<name>A</name>"


def test_a_component_that_fails_to_apply_does_not_hold_up_the_others() -> None:
    world = World()
    session = world.open("root")
    world.parts[0].failure_to_apply = ZeroDivisionError("a defect")
    world.commit(session, "<name>A</name>")
    assert world.running() == "<name>A</name>"
    assert world.parts[1].in_use is world.datastores.running


def test_one_commit_at_a_time_while_the_candidate_can_be_edited() -> None:
    world = World()
    one, other = world.open("root"), world.open("root")
    world.edit(one, "<name>A</name>")
    go_on = gevent.event.Event()

    def wait() -> None:
        go_on.wait()

    world.parts[0].on_prepare = wait
    committing = gevent.spawn(world.ok, one, "<commit/>")
    eventually(lambda: world.parts[0].done == ["prepare strictly"], "the first commit is in the middle")
    world.edit(other, "<interval>7</interval>")
    second = gevent.spawn(world.ok, other, "<commit/>")
    gevent.idle()
    assert world.parts[0].done == ["prepare strictly"]
    assert world.data(other, "<get-config><source><running/></source></get-config>") is not None
    go_on.set()
    gevent.joinall([committing, second], raise_error=True)
    assert world.parts[0].done == ["prepare strictly", "apply"] * 2
    assert plant_of(schema().from_json(world.storage.kept[0][1])) == "<name>A</name>"
    assert world.running() == "<name>A</name><interval>7</interval>"


def test_discard_changes_makes_the_candidate_what_running_is() -> None:
    world = World()
    session = world.open("root")
    world.commit(session, "<name>A</name>")
    world.edit(session, "<name>B</name>")
    world.ok(session, "<discard-changes/>")
    assert world.candidate() == "<name>A</name>"
    assert world.datastores.candidate is world.datastores.running


def test_an_edit_that_fails_leaves_the_candidate_as_it_was() -> None:
    world = World()
    session = world.open("root")
    world.edit(session, "<name>A</name>")
    before = world.datastores.candidate
    world.errors(session, edit("<name>B</name><bed nc:operation='delete'><name>none</name></bed>"))
    assert world.datastores.candidate is before


def test_at_start_what_is_stored_is_running_and_nobody_can_refuse_it() -> None:
    world = World()
    world.storage.content = '{"plant:plant": {"name": "from the file"}}'
    world.parts[0].refusal = RpcErrors([invalid_value("not now")])
    world.parts[1].complaints = [ConfigWarning(None, "there is no lamp")]
    assert [warning.message for warning in world.datastores.load()] == ["there is no lamp"]
    assert names(world) == [["prepare", "apply"]] * 2
    assert world.running() == world.candidate() == "<name>from the file</name>"
    (version,) = world.datastores.versions()
    assert (version.record.who, version.record.how) == ("", "file")


def test_at_start_without_a_file_running_is_empty() -> None:
    world = World()
    assert world.datastores.load() == []
    assert world.running() == ""
    assert names(world) == [["prepare", "apply"]] * 2
    assert world.datastores.versions() == []


@pytest.mark.parametrize(
    "text", ['{"plant:plant": {"nam": "x"}}', "{", '{"plant:plant": {"bed": [{"name": "a", "neighbour": "b"}]}}']
)
def test_a_stored_configuration_that_is_not_valid_changes_nothing(text: str) -> None:
    world = World()
    session = world.open("root")
    world.commit(session, "<name>A</name>")
    world.storage.content = text
    with pytest.raises(RpcErrors):
        world.datastores.load()
    assert world.running() == "<name>A</name>"
    assert names(world) == [["prepare strictly", "apply"]] * 2


def test_a_reload_does_not_break_into_a_lock() -> None:
    world = World()
    session = world.open("root")
    world.ok(session, "<lock><target><running/></target></lock>")
    with pytest.raises(RpcError, match="locked by session") as caught:
        world.datastores.load()
    assert caught.value.tag == "in-use"
    world.ok(session, "<unlock><target><running/></target></unlock>")
    world.datastores.load()


def test_rollback_fetches_an_older_version_into_the_candidate() -> None:
    world = World()
    session = world.open("root")
    for name in ("A", "B", "C"):
        world.commit(session, f"<name>{name}</name>")
    assert [version.serial for version in world.datastores.versions()] == [3, 2, 1]
    world.datastores.rollback(session, 1, lambda old, new: None)
    assert (world.candidate(), world.running()) == ("<name>A</name>", "<name>C</name>")
    world.ok(session, "<commit/>")
    assert world.running() == "<name>A</name>"
    assert len(world.datastores.versions()) == 4
    with pytest.raises(RpcError, match="there is no version 9"):
        world.datastores.rollback(session, 9, lambda old, new: None)


def test_a_candidate_that_was_edited_survives_a_change_of_running_below_it() -> None:
    world = World()
    session = world.open("root")
    world.edit(session, "<name>A</name>")
    world.storage.content = '{"plant:plant": {"interval": 5}}'
    world.datastores.load()
    assert (world.running(), world.candidate()) == ("<interval>5</interval>", "<name>A</name>")


def test_a_commit_without_changes_writes_nothing_and_asks_nobody() -> None:
    world = World()
    session = world.open("root")
    world.commit(session, "<name>A</name>")
    before = world.datastores.running
    world.edit(session, "<name>B</name>")
    world.edit(session, "<name>A</name>")
    for _ in range(3):
        world.ok(session, "<commit/>")
    assert len(world.datastores.versions()) == 1
    assert names(world) == [["prepare strictly", "apply"]] * 2
    assert world.datastores.candidate is world.datastores.running is before


def test_a_reload_of_the_same_file_changes_nothing() -> None:
    world = World()
    session = world.open("root")
    world.commit(session, "<name>A</name>")
    before = world.datastores.running
    world.datastores.load()
    assert world.datastores.running is before
    assert len(world.datastores.versions()) == 1
