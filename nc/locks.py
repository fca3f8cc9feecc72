"""Locks of whole datastores (RFC 6241, 7.5 and 7.6)."""

from dataclasses import dataclass

from nc.errors import in_use, lock_denied, operation_failed
from nc.session import Session


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that is held.

    session_id: who holds it.
    since: when it was granted, in seconds since 1970-01-01 UTC.
    """

    session_id: int
    since: float


class Locks:
    """Who has locked which datastore; no datastore has more than one lock."""

    def __init__(self) -> None:
        self._locks: dict[str, Lock] = {}

    def get(self, datastore: str) -> Lock | None:
        """Give the lock of a datastore; None where it is not locked."""
        return self._locks.get(datastore)

    def held_by(self, session: Session) -> list[str]:
        """Name the datastores that a session has locked."""
        return [name for name, lock in self._locks.items() if lock.session_id == session.session_id]

    def acquire(self, datastore: str, session: Session, now: float) -> None:
        """Lock a datastore; raises lock-denied where anybody has it, be it the same session."""
        self.check_free(datastore)
        self._locks[datastore] = Lock(session.session_id, now)

    def release(self, datastore: str, session: Session) -> None:
        """Unlock a datastore.

        Raises RpcError operation-failed where it is not locked, lock-denied where another session has locked it.
        """
        lock = self._locks.get(datastore)
        if lock is None:
            raise operation_failed(f"{datastore} is not locked", type_="protocol")
        if lock.session_id != session.session_id:
            raise lock_denied(lock.session_id, f"{datastore} is locked by session {lock.session_id}, not by this one")
        del self._locks[datastore]

    def check_free(self, datastore: str) -> None:
        """Raise lock-denied where a datastore is locked."""
        lock = self._locks.get(datastore)
        if lock is not None:
            raise lock_denied(lock.session_id, f"{datastore} is locked by session {lock.session_id}")

    def check_usable(self, datastore: str, session: Session | None) -> None:
        """Raise in-use where anybody but this session has locked a datastore; None is the server itself."""
        lock = self._locks.get(datastore)
        if lock is not None and (session is None or lock.session_id != session.session_id):
            raise in_use(f"{datastore} is locked by session {lock.session_id}")
