"""The leases that the servers give: in memory, on disk, and in the state of the daemon."""

import structlog

from nc.state import StateSource
from vppdhc.clock import Clock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.leases.committer import Committer
from vppdhc.leases.errors import LeaseStoreError
from vppdhc.leases.store import LeaseStore
from vppdhc.northbound.notices import Notices
from vppdhc.northbound.state_system import StoreState
from vppdhc.places import Places
from vppdhc.supervisor import Supervisor

_FLUSH_SECONDS = 10.0
"""How long a clean stop waits for the last leases to become durable."""


class LeasesPart:
    """The lease book, its store, and the committer between them.

    alarm: why leases cannot be stored; empty when they can.
    """

    def __init__(self, places: Places, clock: Clock, supervisor: Supervisor, notices: Notices) -> None:
        """Read the leases; raises LeaseStoreError."""
        self.alarm = ""
        self._alarm_since = 0.0
        self._path = places.leases
        self._clock = clock
        self._supervisor = supervisor
        self._notices = notices
        self._log = structlog.get_logger()
        self._store = LeaseStore(places.leases, clock)
        self.book = LeaseBook()
        self.book.load(self._store.load(), clock.boottime())
        self.committer = Committer(
            self._store, clock, self.book.take_back, alarm=self._commits_fail, cleared=self._commits_succeed
        )

    def sources(self) -> list[StateSource]:
        """Return what tells of it."""
        return [*StoreState(self._path, self.committer, lambda: len(self.book), lambda: self.alarm).sources()]

    def start(self) -> None:
        """Make durable what comes."""
        self._log.info("leases read", count=len(self.book))
        self._supervisor.start("committer", self.committer.run)

    def end(self) -> None:
        """Make the last leases durable, and close the store."""
        if not self.committer.stop(_FLUSH_SECONDS):
            self._log.error("some leases could not be made durable; their clients have had no answer")
            return
        try:
            self._store.close()
        except LeaseStoreError as error:
            self._log.error("lease store not closed properly", reason=str(error))

    def _commits_fail(self, error: Exception) -> None:
        if not self.alarm:
            self._alarm_since = self._clock.boottime()
        self.alarm = str(error)
        self._log.error("leases cannot be stored, clients get no answer", error=str(error))
        self._notices.storage_alarm(str(error))

    def _commits_succeed(self) -> None:
        self.alarm = ""
        self._log.info("leases can be stored again")
        self._notices.storage_restored(self._clock.boottime() - self._alarm_since)
