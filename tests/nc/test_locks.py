"""Locks (RFC 6241, 7.5, 7.6 and 8.3.5.2)."""

import pytest

from tests.nc.world import PLANT, World, edit

NMDA_LOCK = (
    '<{0}><target><datastore xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"'
    ' xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">ds:{1}</datastore></target></{0}>'
)


def lock(datastore: str) -> str:
    return f"<lock><target><{datastore}/></target></lock>"


def unlock(datastore: str) -> str:
    return f"<unlock><target><{datastore}/></target></unlock>"


@pytest.mark.parametrize("datastore", ["running", "candidate"])
def test_a_lock_is_exclusive_and_names_its_holder(datastore: str) -> None:
    world = World()
    holder, other = world.open("root"), world.open("root")
    world.ok(holder, lock(datastore))
    for session in (other, holder):
        error = world.error(session, lock(datastore))
        assert (error.tag, error.type) == ("lock-denied", "protocol")
        assert error.info == {"session-id": str(holder.session_id)}
    error = world.error(other, unlock(datastore))
    assert (error.tag, error.info) == ("lock-denied", {"session-id": str(holder.session_id)})
    world.ok(holder, unlock(datastore))
    assert world.error(holder, unlock(datastore)).tag == "operation-failed"
    world.ok(other, lock(datastore))


def test_locks_of_running_and_candidate_have_nothing_to_do_with_each_other() -> None:
    world = World()
    one, other = world.open("root"), world.open("root")
    world.ok(one, lock("running"))
    world.ok(other, lock("candidate"))


def test_a_modified_candidate_cannot_be_locked() -> None:
    world = World()
    one, other = world.open("root"), world.open("root")
    world.edit(one, "<name>A</name>")
    for session in (one, other):
        error = world.error(session, lock("candidate"))
        assert (error.tag, error.info) == ("lock-denied", {"session-id": "0"})
    world.ok(other, "<discard-changes/>")
    world.ok(other, lock("candidate"))
    world.ok(other, unlock("candidate"))
    world.commit(one, "<name>B</name>")
    world.ok(one, lock("candidate"))


def test_a_candidate_copied_from_running_is_not_modified() -> None:
    world = World()
    session = world.open("root")
    world.commit(session, "<name>A</name>")
    world.edit(session, "<name>B</name>")
    source_running = "<copy-config><target><candidate/></target><source><running/></source></copy-config>"
    world.ok(session, source_running)
    world.ok(session, lock("candidate"))


@pytest.mark.parametrize(
    "operation",
    [
        edit("<name>B</name>"),
        "<discard-changes/>",
        "<commit/>",
        "<copy-config><target><candidate/></target><source><running/></source></copy-config>",
        '<edit-data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"'
        ' xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores"><datastore>ds:candidate</datastore>'
        f'<config><plant xmlns="{PLANT}"><name>C</name></plant></config></edit-data>',
    ],
)
def test_a_candidate_that_another_session_has_locked_cannot_be_changed_or_committed(operation: str) -> None:
    world = World()
    holder, other = world.open("root"), world.open("root")
    world.ok(holder, lock("candidate"))
    world.edit(holder, "<name>A</name>")
    error = world.error(other, operation)
    assert error.tag == "in-use"
    assert str(holder.session_id) in error.message
    assert (world.candidate(), world.running()) == ("<name>A</name>", "")
    world.ok(holder, "<commit/>")


def test_nothing_is_committed_to_a_running_that_another_session_has_locked() -> None:
    world = World()
    holder, other = world.open("root"), world.open("root")
    world.ok(holder, lock("running"))
    world.edit(other, "<name>A</name>")
    assert world.error(other, "<commit/>").tag == "in-use"
    assert world.running() == ""
    world.ok(holder, unlock("running"))
    world.ok(other, "<commit/>")


def test_unlocking_the_candidate_discards_what_is_not_committed() -> None:
    world = World()
    session = world.open("root")
    world.ok(session, lock("candidate"))
    world.edit(session, "<name>A</name>")
    world.ok(session, unlock("candidate"))
    assert world.candidate() == ""


def test_the_end_of_a_session_releases_its_locks_and_discards_the_candidate_it_had_locked() -> None:
    world = World()
    holder, other = world.open("root"), world.open("root")
    world.ok(holder, lock("candidate"))
    world.ok(holder, lock("running"))
    world.edit(holder, "<name>A</name>")
    world.end(holder)
    assert world.candidate() == ""
    world.ok(other, lock("candidate"))
    world.ok(other, lock("running"))


def test_the_end_of_a_session_without_the_lock_leaves_the_shared_candidate_alone() -> None:
    world = World()
    session = world.open("root")
    world.edit(session, "<name>A</name>")
    world.end(session)
    assert world.candidate() == "<name>A</name>"


def test_killing_the_holder_frees_the_lock() -> None:
    world = World()
    holder, killer = world.open("root"), world.open("root")
    world.ok(holder, lock("running"))
    holder.ended.set()
    world.ok(killer, f"<kill-session><session-id>{holder.session_id}</session-id></kill-session>")
    assert holder.termination is not None
    assert (holder.termination.reason.value, holder.termination.killed_by) == ("killed", killer.session_id)
    world.end(holder)
    world.ok(killer, lock("running"))


@pytest.mark.parametrize("datastore", ["intended", "operational", "startup"])
@pytest.mark.parametrize("operation", ["lock", "unlock"])
def test_only_datastores_that_can_be_written_can_be_locked(operation: str, datastore: str) -> None:
    world = World()
    session = world.open("root")
    assert world.error(session, NMDA_LOCK.format(operation, datastore)).tag == "invalid-value"


@pytest.mark.parametrize("datastore", ["running", "candidate"])
def test_a_datastore_of_nmda_is_locked_like_the_one_of_the_same_name(datastore: str) -> None:
    world = World()
    holder, other = world.open("root"), world.open("root")
    world.ok(holder, NMDA_LOCK.format("lock", datastore))
    assert world.error(other, lock(datastore)).tag == "lock-denied"
    world.ok(holder, NMDA_LOCK.format("unlock", datastore))
    world.ok(other, lock(datastore))


def test_startup_does_not_exist() -> None:
    world = World()
    assert world.errors(world.open("root"), lock("startup"))[0].tag == "unknown-element"
