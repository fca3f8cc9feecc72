"""The datastores running and candidate (RFC 6241), how one becomes the other, and how that is taken back.

A published tree is never changed: an edit makes a new one. So the candidate is unmodified exactly when it is the same
object as running, and a commit works on what was the candidate when it began, whatever is edited meanwhile.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

import structlog
from gevent.lock import BoundedSemaphore
from gevent.threadpool import ThreadPool

from nc.clock import Clock, Timers, date_and_time
from nc.component import Component, ConfigWarning, Preparation, prepare_all
from nc.confirm import Confirmation, ConfirmEvent, Pending, check_cancel, check_follow_up
from nc.diff import differences
from nc.errors import RpcErrors, invalid_value, lock_denied, operation_failed
from nc.history import Record, StorageError, Version
from nc.locks import Lock, Locks
from nc.schema import Schema
from nc.session import Session
from nc.xml import Element, new_data

T = TypeVar("T")

RUNNING: Final = "running"
CANDIDATE: Final = "candidate"


class Storage(Protocol):
    """Where the running configuration outlives the process; nc.history.History is one. Called in a native thread."""

    def read(self) -> str | None:
        """Give the stored configuration; None where there is none. Raises StorageError."""

    def save(self, text: str, record: Record) -> list[StorageError]:
        """Make a text the stored configuration, for good, or raise StorageError with nothing changed."""

    def found(self, text: str, record: Record) -> None:
        """Know what was read, in canonical form. Raises StorageError."""

    def versions(self) -> list[Version]:
        """List what was stored, the newest first. Raises StorageError."""

    def text(self, serial: int) -> str:
        """Give the text of a version. Raises KeyError, StorageError."""


class Listener(Protocol):
    """Who wants to know what happens to running; it waits for nothing but its turn."""

    def running_changed(self, old: Element, new: Element, by: Session | None) -> None:
        """Know of a new running configuration; by is None where the server itself changed it."""

    def confirmed_commit(self, event: ConfirmEvent, by: Session | None, timeout: int) -> None:
        """Know what became of a confirmed commit; timeout in seconds, of start and extend."""


class Datastores:
    """Running and candidate, their locks, and the way to change them.

    schema: validates and converts configurations.
    components: put running into effect; called in this order.
    storage: keeps running.
    listener: is told of changes.
    parse: makes a data tree of a stored text; raises RpcErrors.

    All of it may be called by any greenlet; one commit runs at a time, and so does one edit of the candidate.
    """

    def __init__(
        self,
        schema: Schema,
        components: Sequence[Component],
        storage: Storage,
        clock: Clock,
        timers: Timers,
        listener: Listener,
        parse: Callable[[str], Element],
    ) -> None:
        """Both datastores are empty until load()."""
        self._schema = schema
        self._components = tuple(components)
        self._storage = storage
        self._clock = clock
        self._timers = timers
        self._listener = listener
        self._parse = parse
        self._running = new_data()
        self._candidate = self._running
        self._locks = Locks()
        self._pending: Pending | None = None
        self._committing = BoundedSemaphore(1)
        self._editing = BoundedSemaphore(1)
        self._disk = ThreadPool(1)
        self._log = structlog.get_logger()

    @property
    def running(self) -> Element:
        """The running configuration, not to be changed."""
        return self._running

    @property
    def candidate(self) -> Element:
        """The candidate configuration, not to be changed."""
        return self._candidate

    @property
    def pending(self) -> Pending | None:
        """The confirmed commit that waits for its confirmation, if there is one."""
        return self._pending

    def lock_of(self, datastore: str) -> Lock | None:
        """Give the lock of a datastore; None where it is not locked."""
        return self._locks.get(datastore)

    # Start and reload

    def load(self) -> list[ConfigWarning]:
        """Make what is stored the running configuration: at start, and again when the file was written by hand.

        Components cannot refuse it, only warn. A confirmed commit that is pending ends with it.

        Raises RpcErrors where it is not valid, StorageError where it cannot be read, RpcError in-use where a session
        has locked running. Nothing has changed then.
        """
        with self._committing:
            self._locks.check_usable(RUNNING, None)
            text = self._on_disk(self._storage.read)
            new = new_data() if text is None else self._parse(text)
            self._check_valid(new)
            if text is not None:
                self._record_found(self._schema.to_json(new))
            if not self._differ(self._running, new):
                new = self._running
            preparation = prepare_all(self._components, self._running, new, strict=False)
            pending = self._drop_pending()
            self._change_over(preparation, new, None)
            if pending is not None:
                self._tell_confirmation(ConfirmEvent.CANCEL, pending.session)
            return preparation.warnings

    # Locks

    def lock(self, datastore: str, session: Session) -> None:
        """Lock a datastore for a session (RFC 6241, 7.5 and 8.3.5.2).

        Raises RpcError lock-denied: with the holder's session-id, or with 0 where no session has the lock but the
        candidate is modified, or where somebody else's confirmed commit is pending.
        """
        if datastore == CANDIDATE:
            self._locks.check_free(CANDIDATE)
            if self._candidate is not self._running:
                raise lock_denied(0, "the candidate is modified; commit or discard the changes first")
            self._locks.acquire(CANDIDATE, session, self._clock.wall())
            return
        with self._committing:
            self._locks.check_free(RUNNING)
            if self._pending is not None and self._pending.session is not session:
                raise lock_denied(0, "a confirmed commit of another session is pending")
            self._locks.acquire(RUNNING, session, self._clock.wall())

    def unlock(self, datastore: str, session: Session) -> None:
        """Unlock a datastore; what is not committed of a candidate is discarded with its lock (RFC 6241, 8.3.5.2).

        Raises RpcError where the session does not hold the lock.
        """
        self._locks.release(datastore, session)
        if datastore == CANDIDATE:
            self._candidate = self._running

    # The candidate

    def edit_candidate(
        self, session: Session, edit: Callable[[Element], Element], authorise: Callable[[Element, Element], None]
    ) -> None:
        """Replace the candidate by an edited one.

        edit: makes a new tree of the present one, which it leaves as it is.
        authorise: gets the old and the new tree, and raises what forbids the change.

        Raises RpcError in-use where another session has locked it, and what edit and authorise raise.
        """
        with self._editing:
            self._locks.check_usable(CANDIDATE, session)
            old = self._candidate
            new = edit(old)
            authorise(old, new)
            self._locks.check_usable(CANDIDATE, session)
            self._candidate = new

    def discard_changes(self, session: Session) -> None:
        """Make the candidate what running is (RFC 6241, 8.3.4.2).

        Raises RpcError in-use where another session has locked it.
        """
        with self._editing:
            self._locks.check_usable(CANDIDATE, session)
            self._candidate = self._running

    def rollback(self, session: Session, serial: int, authorise: Callable[[Element, Element], None]) -> None:
        """Make the candidate what running was in a version; a commit then puts it into effect.

        serial: of one of versions().
        Raises RpcError invalid-value where there is no such version, and what edit_candidate and the parser raise.
        """
        try:
            text = self._on_disk(lambda: self._storage.text(serial))
        except KeyError:
            raise invalid_value(f"there is no version {serial} of the configuration") from None
        except StorageError as error:
            raise operation_failed(str(error)) from error
        tree = self._parse(text)
        self.edit_candidate(session, lambda _: tree, authorise)

    def versions(self) -> list[Version]:
        """List the stored versions of running, the newest first. Raises StorageError."""
        return self._on_disk(self._storage.versions)

    def check(self, tree: Element) -> list[ConfigWarning]:
        """See whether a configuration could be committed now, without changing anything.

        Raises RpcErrors with everything that is wrong with it.
        """
        with self._committing:
            self._check_valid(tree)
            preparation = prepare_all(self._components, self._running, tree, strict=True)
            preparation.abandon()
            return preparation.warnings

    # Commit

    def commit(
        self,
        session: Session,
        authorise: Callable[[Element, Element], None],
        *,
        confirmation: Confirmation | None = None,
        persist_id: str | None = None,
        how: str = "commit",
        comment: str = "",
    ) -> list[ConfigWarning]:
        """Make the candidate running (RFC 6241, 8.3.4.1 and 8.4).

        Where nothing differs nobody is asked and nothing is written: a commit that only confirms the pending one cannot
        be refused by a component.

        authorise: gets the old and the new running, and raises what forbids the change.
        confirmation: makes it a confirmed commit. Without, it also confirms the one that is pending.
        persist_id: token of the pending confirmed commit, where it has one.
        how, comment: for the history.

        Returns what components do not like. Raises RpcError or RpcErrors; nothing has changed then.
        """
        with self._committing:
            self._locks.check_usable(RUNNING, session)
            self._locks.check_usable(CANDIDATE, session)
            check_follow_up(self._pending, session, persist_id)
            old, candidate = self._running, self._candidate
            new = candidate if self._differ(old, candidate) else old
            preparation = self._prepare(old, new, authorise)
            if confirmation is None and (new is not old or self._pending is not None):
                self._persist_or_abandon(preparation, new, session, how, comment)
            pending = self._drop_pending()
            if self._candidate is candidate:
                self._candidate = old
            self._change_over(preparation, new, session)
            if confirmation is not None:
                self._await_confirmation(confirmation, session, old, pending)
            elif pending is not None:
                self._tell_confirmation(ConfirmEvent.COMPLETE, session)
            return preparation.warnings

    def cancel_commit(self, session: Session, persist_id: str | None) -> None:
        """Take back the pending confirmed commit (RFC 6241, 8.4.4.1).

        Raises what check_cancel raises, and RpcError in-use where another session has locked running.
        """
        with self._committing:
            self._locks.check_usable(RUNNING, session)
            pending = check_cancel(self._pending, session, persist_id)
            self._take_back(pending, ConfirmEvent.CANCEL, session)

    def session_closed(self, session: Session) -> None:
        """Release what a session held: take back its confirmed commit unless that persists, then release its locks.

        What it had in a candidate that it had locked is discarded.
        """
        with self._committing:
            pending = self._pending
            if pending is not None and pending.ends_with(session):
                self._take_back(pending, ConfirmEvent.CANCEL, session)
            for datastore in self._locks.held_by(session):
                self.unlock(datastore, session)

    def _differ(self, old: Element, new: Element) -> bool:
        return next(differences(self._schema, old, new), None) is not None

    def _prepare(self, old: Element, new: Element, authorise: Callable[[Element, Element], None]) -> Preparation:
        """Check a new running in every way and have all components ready for it."""
        if new is old:
            return Preparation([])
        authorise(old, new)
        self._check_valid(new)
        return prepare_all(self._components, old, new, strict=True)

    def _await_confirmation(
        self, confirmation: Confirmation, session: Session, old: Element, before: Pending | None
    ) -> None:
        """Start, or start again, to wait for the confirmation.

        before: the confirmed commit that this one follows. Its backup stays the one to return to, and its token stays
        valid unless there is a new one: only time or cancel-commit ends a persistent one (RFC 6241, appendix C).
        """
        cancel = self._timers.after(confirmation.timeout, lambda: self._time_out(pending))
        pending = Pending(
            backup=old if before is None else before.backup,
            session=session,
            persist=before.persist if before is not None and confirmation.persist is None else confirmation.persist,
            cancel_timer=cancel,
        )
        self._pending = pending
        event = ConfirmEvent.START if before is None else ConfirmEvent.EXTEND
        self._tell_confirmation(event, session, confirmation.timeout)

    def _time_out(self, pending: Pending) -> None:
        with self._committing:
            if self._pending is pending:
                self._take_back(pending, ConfirmEvent.TIMEOUT, None)

    def _take_back(self, pending: Pending, event: ConfirmEvent, by: Session | None) -> None:
        """Return to the backup. The file never had anything else."""
        preparation = prepare_all(self._components, self._running, pending.backup, strict=False)
        for warning in preparation.warnings:
            self._log.warning("rollback of a confirmed commit", path=str(warning.path or "/"), reason=warning.message)
        self._drop_pending()
        self._change_over(preparation, pending.backup, by)
        self._tell_confirmation(event, by)

    def _drop_pending(self) -> Pending | None:
        pending = self._pending
        if pending is not None:
            pending.cancel_timer()
        self._pending = None
        return pending

    def _change_over(self, preparation: Preparation, new: Element, by: Session | None) -> None:
        """Make a configuration running; a candidate that nobody has modified goes along."""
        old = self._running
        preparation.apply()
        if self._candidate is old:
            self._candidate = new
        self._running = new
        if new is not old:
            try:
                self._listener.running_changed(old, new, by)
            except Exception:
                self._log.exception("change of the configuration not announced")

    def _tell_confirmation(self, event: ConfirmEvent, by: Session | None, timeout: int = 0) -> None:
        try:
            self._listener.confirmed_commit(event, by, timeout)
        except Exception:
            self._log.exception("confirmed commit not announced", confirm_event=event.value)

    def _check_valid(self, tree: Element) -> None:
        errors = self._schema.validate(tree)
        if errors:
            raise RpcErrors(errors)

    # Storage

    def _persist_or_abandon(
        self, preparation: Preparation, new: Element, session: Session, how: str, comment: str
    ) -> None:
        record = Record(session.username, date_and_time(self._clock.wall()), how, comment)
        try:
            text = self._schema.to_json(new)
            faults = self._on_disk(lambda: self._storage.save(text, record))
        except StorageError as error:
            preparation.abandon()
            raise operation_failed(f"not committed, as it cannot be stored: {error}") from error
        except BaseException:
            preparation.abandon()
            raise
        for fault in faults:
            self._log.warning("version of the configuration not kept", reason=str(fault))

    def _record_found(self, text: str) -> None:
        record = Record("", date_and_time(self._clock.wall()), "file")
        try:
            self._on_disk(lambda: self._storage.found(text, record))
        except StorageError as error:
            self._log.warning("version of the configuration not kept", reason=str(error))

    def _on_disk(self, work: Callable[[], T]) -> T:
        """Do something in the native thread of the storage, while the hub goes on."""
        results: list[T] = []
        error = self._disk.spawn(_error_of, lambda: results.append(work())).get()
        if error is not None:
            raise error
        return results[0]


def _error_of(work: Callable[[], object]) -> Exception | None:
    """Return what a function raises: gevent prints what is raised in its threads."""
    try:
        work()
    except Exception as error:
        return error
    return None
