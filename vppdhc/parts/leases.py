"""The leases that the servers give: in memory, on disk, and in the state of the daemon."""

from collections.abc import Sequence

import structlog

from nc.state import StateSource
from vppdhc.clock import Clock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc6.book import LeaseBook6
from vppdhc.leases.committer import Committer
from vppdhc.leases.errors import LeaseStoreError
from vppdhc.leases.lease6 import AnyChange, by_version
from vppdhc.leases.store import LeaseStore
from vppdhc.northbound.notices import Notices
from vppdhc.northbound.state_system import StoreState
from vppdhc.places import Places
from vppdhc.supervisor import Supervisor

_FLUSH_SECONDS = 10.0
"""How long a clean stop waits for the last leases to become durable."""


class LeasesPart:
    """The lease books of both versions of DHCP, their store, and the committer between them.

    book, book6: the leases of the DHCPv4 and of the DHCPv6 server.
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
        self.book6 = LeaseBook6()
        self.book6.load(self._store.load6(), clock.boottime())
        self.committer = Committer(
            self._store, clock, self._take_back, alarm=self._commits_fail, cleared=self._commits_succeed
        )

    def sources(self) -> list[StateSource]:
        """Return what tells of it."""
        return [*StoreState(self._path, self.committer, self._count, lambda: self.alarm).sources()]

    def start(self) -> None:
        """Make durable what comes."""
        self._log.info("leases read", count=self._count())
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

    def _count(self) -> int:
        return len(self.book) + len(self.book6)

    def _take_back(self, changes: Sequence[AnyChange]) -> None:
        """Undo changes in memory that will not become durable, the newest first."""
        changes4, changes6 = by_version(changes)
        self.book.take_back(changes4)
        self.book6.take_back(changes6)

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
