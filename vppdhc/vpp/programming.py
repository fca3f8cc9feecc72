"""The one place that puts into VPP what the leases of the router's own need, and keeps it there."""

from collections.abc import Callable, Collection, Mapping, Sequence

import structlog
from gevent.lock import BoundedSemaphore

from vppdhc.clock import Clock
from vppdhc.interface import Interface
from vppdhc.vpp.errors import VppError
from vppdhc.vpp.goal import Goal
from vppdhc.vpp.interfaces import Calls, InterfaceTable
from vppdhc.vpp.items import Item
from vppdhc.vpp.ledger import Ledger
from vppdhc.vpp.reconciler import Reconciler
from vppdhc.vpp.refusals import Refused


class Programming:
    """Addresses, routes, MTUs and prefix translations of everybody who has a lease, by owner.

    An owner says what it wants, whole, each time. What two of them want alike is there once, and as long as one of
    them wants it. What others have put into VPP is used as it is and never taken away. What somebody takes away is
    put back; what VPP refuses is tried again. All that is ours is known from the ledger, also after a restart of the
    daemon; a VPP that was restarted gets everything anew.

    VPP is told apart by its process id. One that runs in a process namespace of its own may have the same id after a
    restart; everything is put there anew then, too, as it is missing.
    """

    def __init__(self, interfaces: InterfaceTable, ledger: Ledger, clock: Clock) -> None:
        """Nothing is wanted at first, and nothing is done before place()."""
        self._interfaces = interfaces
        self._wanted: dict[str, tuple[Item, ...]] = {}
        self._reconciler = Reconciler(interfaces, ledger, clock, self._drifted)
        self._inherited = {trace.key for trace in ledger}
        self._vpp: Calls | None = None
        self._connection = 0
        self._recognised = -1
        self._unsettled = True
        self._lock = BoundedSemaphore(1)
        self._listeners: list[Callable[[Item, str], object]] = []
        self._log = structlog.get_logger()
        interfaces.on_change(self._interface_changed)

    def on_drift(self, listener: Callable[[Item, str], object]) -> None:
        """Have a listener told of what is not in VPP as it should be, with the reason, and with none when it is again.

        It must not wait.
        """
        self._listeners.append(listener)

    def want(self, owner: str, items: Sequence[Item]) -> Mapping[Item, str]:
        """Say all that an owner wants from now on, and wait until VPP has it.

        owner: who wants it, in words for people ("dhc4client tap0").
        Returns what is not there, with the reason: see problems(). While there is no VPP, and where VPP does not
        answer, it is done as soon as VPP does.
        """
        if items:
            self._wanted[owner] = tuple(dict.fromkeys(items))
        else:
            self._wanted.pop(owner, None)
        self._unsettled = True
        self._try_to_settle(frozenset(items))
        return self.problems(owner)

    def withdraw(self, owner: str) -> None:
        """Say that an owner wants nothing any more, and wait until it has gone from VPP; see want()."""
        self.want(owner, ())

    def problems(self, owner: str) -> Mapping[Item, str]:
        """Return what an owner wants and VPP has not, with the reason in words; nothing while there is no VPP."""
        if self._vpp is None:
            return {}
        reasons = {item: self._reconciler.problem(item) for item in self._wanted.get(owner, ())}
        return {item: reason for item, reason in reasons.items() if reason}

    def in_place(self, owner: str) -> Collection[Item]:
        """Return what an owner wants and VPP had when it was last looked at."""
        return [item for item in self._wanted.get(owner, ()) if self._reconciler.has(item)]

    @property
    def missing(self) -> Mapping[Item, str]:
        """What anybody wants and VPP has not, with the reason."""
        return {item: reason for owner in self._wanted for item, reason in self.problems(owner).items()}

    @property
    def drift(self) -> list[tuple[str, Item, Refused, bool]]:
        """What VPP refuses: an owner that wants it, the item, and whether it is to be there; else it is to be gone."""
        owners = {item: owner for owner, items in self._wanted.items() for item in items}
        return [(owners.get(item, ""), item, refused, wanted) for item, refused, wanted in self._reconciler.drift]

    def hurry(self) -> None:
        """Have what VPP refused tried again by the next place(), and not only when it is due."""
        self._reconciler.hurry()

    def settled(self) -> None:
        """Say that everybody who was to want something has said so, and wait until the rest has gone from VPP.

        What an earlier run of the daemon left in VPP stays until then, unless it is in the way.
        """
        self._inherited.clear()
        self._unsettled = True
        self._try_to_settle(frozenset())

    def place(self, vpp: Calls, *, again: bool = False) -> None:
        """Bring VPP to what is wanted, where something is to be done.

        again: look also where nothing is known to be wrong.
        Raises VppError when VPP does not answer.
        """
        self._vpp = vpp
        if again or self._unsettled or self._recognised != self._connection or self._reconciler.is_due():
            self._settle(vpp, frozenset())

    def forget(self) -> None:
        """Note that VPP has gone."""
        self._vpp = None
        self._connection += 1
        self._reconciler.forget()

    def _try_to_settle(self, eager: Collection[Item]) -> None:
        vpp = self._vpp
        if vpp is None:
            return
        try:
            self._settle(vpp, eager)
        except VppError as error:
            self._log.warning("VPP does not do what a lease needs, trying again", reason=str(error))

    def _settle(self, vpp: Calls, eager: Collection[Item]) -> None:
        """Do one pass; one that ends early leaves everything marked as unsettled."""
        connection = self._connection
        with self._lock:
            if self._recognised != connection:
                self._reconciler.recognise(vpp)
                self._recognised = connection
            if connection != self._connection:
                return  # the table of interfaces is not this VPP's any more: it would seem that all of them have gone
            self._unsettled = False
            try:
                goal = Goal(self._wanted, self._interfaces.named)
                self._inherited.difference_update(goal.indexes.items())
                self._reconciler.reconcile(vpp, goal, spared=self._inherited, eager=eager)
            except BaseException:
                self._unsettled = True
                raise

    def _interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        if self._vpp is None:
            return
        if old is not None and (new is None or new.index != old.index):
            self._reconciler.interface_gone(old.name, old.index)
        if old is None or new is None or _seat(old) != _seat(new):
            self._reconciler.hurry()
            self._unsettled = True

    def _drifted(self, item: Item, reason: str) -> None:
        for listener in self._listeners:
            listener(item, reason)


def _seat(interface: Interface) -> tuple[object, ...]:
    """Return what decides over whether VPP takes an item."""
    return interface.index, interface.addresses4, interface.addresses6, interface.table4, interface.table6
