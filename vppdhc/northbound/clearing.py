"""Having leases forgotten, as operators of either server want it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from gevent.event import Event

from nc.errors import operation_failed
from vppdhc.leases.committer import Work
from vppdhc.leases.lease6 import AnyChange

_AT_ONCE: Final = 500
"""Leases that are cleared in one commit."""
_STORE_SECONDS: Final = 30.0

LeaseT = TypeVar("LeaseT")


class Submit(Protocol):
    """The committer, as far as it is needed here."""

    def submit(self, work: Work) -> bool:
        """Queue a work; False where it was refused."""


class Cleared(NamedTuple):
    """What was forgotten in the book.

    changes: to be made durable. number: of leases and offers.
    finish: to be called once it is durable.
    """

    changes: Sequence[AnyChange]
    number: int
    finish: Callable[[], object]


class Clearing(Generic[LeaseT]):
    """Forgets leases.

    clear: has the server forget some.
    """

    def __init__(self, clear: Callable[[list[LeaseT]], Cleared], committer: Submit) -> None:
        self._clear = clear
        self._committer = committer

    def forget(self, leases: Iterable[LeaseT]) -> int:
        """Forget leases, and return how many there were once that is durable.

        Raises RpcError where the store takes no changes, which says how many are forgotten all the same.
        """
        batch: list[LeaseT] = []
        cleared = 0
        for lease in leases:
            batch.append(lease)
            if len(batch) >= _AT_ONCE:
                cleared += self._forget(batch, cleared)
                batch = []
        return cleared + self._forget(batch, cleared)

    def _forget(self, leases: list[LeaseT], before: int) -> int:
        """Forget some; before: how many were forgotten before."""
        cleared = self._clear(leases)
        durable = Event()

        def finish() -> None:
            cleared.finish()
            durable.set()

        if not self._committer.submit(Work(cleared.changes, finish)) or not durable.wait(_STORE_SECONDS):
            why = "the lease store takes no changes now, see system/lease-store/alarm"
            raise operation_failed(f"{before} leases were cleared, the others were not: {why}")
        return cleared.number
