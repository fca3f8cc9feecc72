"""Brings VPP to what is wanted of it, whatever it has by now, and touches nothing that is not ours.

New addresses come before routes, new things before old ones go, and old routes go before old addresses. What is new
is in the ledger before VPP hears of it, what has gone leaves it afterwards. What VPP had already is somebody else's:
it is used, and never taken away.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Final

import structlog

from vppdhc.clock import Clock
from vppdhc.vpp import actions
from vppdhc.vpp.actions import Presence
from vppdhc.vpp.errors import VppArgumentError, VppCallError, VppMessageError, VppUnsupportedError
from vppdhc.vpp.goal import Goal
from vppdhc.vpp.interfaces import Calls, InterfaceTable
from vppdhc.vpp.items import InterfaceAddress, InterfaceMtu, Item, NptBinding, Route
from vppdhc.vpp.ledger import Key, Ledger, Run, Trace
from vppdhc.vpp.overlaps import is_overlap, peers, why_overlap
from vppdhc.vpp.refusals import Refusals, Refused, Tell, why

_REFUSED: Final = (VppCallError, VppUnsupportedError, VppArgumentError)
_TAKEN_AWAY: Final = "somebody took it away"
_PUT_LAST: Final = (InterfaceMtu, NptBinding, Route)
_TAKEN_FIRST: Final = (Route, NptBinding, InterfaceMtu, InterfaceAddress)


class Reconciler:
    """Knows what is in VPP of what is wanted. One pass at a time: whoever calls sees to that.

    Every pass reads back what VPP has and makes it right, so that one that was cut off is made good by the next.
    """

    def __init__(self, interfaces: InterfaceTable, ledger: Ledger, clock: Clock, tell: Tell) -> None:
        """Nothing is in VPP as far as we know, except what the ledger says."""
        self._interfaces = interfaces
        self._ledger = ledger
        self._clock = clock
        self._tell = tell
        self._refused = Refusals(clock, tell, "VPP refuses what a lease needs")
        self._stuck = Refusals(clock, tell, "VPP refuses to take away what we added")
        self._problems: dict[Item, str] = {}
        self._placed: dict[Item, int] = {}
        self._lost: set[Item] = set()
        self._gone: set[tuple[str, int]] = set()
        self._doubted: set[Key] = set()
        self._unsaved = ""
        self._log = structlog.get_logger()

    # --- what others ask and tell

    def problem(self, item: Item) -> str:
        """Return why an item is not in VPP; empty where it is, or nothing is known against it."""
        return self._problems.get(item, "") or self._refused.reason(item)

    @property
    def drift(self) -> list[tuple[Item, Refused, bool]]:
        """What VPP refuses, and whether it is to be there, and is not; else it is to be gone."""
        refused = ((item, one, True) for item, one in self._refused.items.items())
        return [*refused, *((item, one, False) for item, one in self._stuck.items.items())]

    def has(self, item: Item) -> bool:
        """Tell whether VPP had an item when it was last looked at."""
        return item in self._placed

    def is_due(self) -> bool:
        """Tell whether something that was refused is to be tried again, or an address seems to have gone."""
        return self._refused.any_due() or self._stuck.any_due() or any(map(self._seems_gone, self._placed))

    def _seems_gone(self, item: Item) -> bool:
        """Tell whether the table of interfaces lacks an address; for a moment, it lacks what was just added."""
        interface = self._interfaces.named(item.interface)
        if interface is None or not isinstance(item, InterfaceAddress):
            return False
        return item.address not in (*interface.addresses4, *interface.addresses6)

    def interface_gone(self, name: str, index: int) -> None:
        """Note that VPP has deleted an interface, even if one of the same name and index follows at once."""
        self._gone.add((name, index))

    def hurry(self) -> None:
        """Have what was refused tried again by the next pass."""
        self._refused.hurry()
        self._stuck.hurry()

    def forget(self) -> None:
        """Note that VPP has gone, and nothing is known of what it has."""
        self._placed.clear()
        self._problems.clear()

    # --- a connection begins

    def recognise(self, vpp: Calls) -> None:
        """Find out whether this VPP is the one of the ledger, and what cannot be known of it; raises VppError.

        Interfaces may have come and gone while nobody looked. An address of ours that is still there, or a translation,
        proves that its interface is the same; without that proof, routes and bindings may be dead, and are made anew
        when wanted.
        """
        self._ledger.begin(Run(self._clock.boot_id, vpp.call("control_ping").vpe_pid))
        self._placed.clear()
        self._gone.clear()
        proven = {(trace.item.interface, trace.index) for trace in self._ledger if self._is_proof(vpp, trace)}
        self._doubted = {
            trace.key
            for trace in self._ledger
            if _outlives(trace.item) and (trace.item.interface, trace.index) not in proven
        }

    @staticmethod
    def _is_present(vpp: Calls, trace: Trace) -> bool:
        try:
            return actions.look(vpp, trace.item, trace.index) is Presence.PRESENT
        except _REFUSED:
            return False

    @staticmethod
    def _is_proof(vpp: Calls, trace: Trace) -> bool:
        try:
            return actions.proves(vpp, trace.item, trace.index)
        except _REFUSED:
            return False

    # --- one pass

    def reconcile(self, vpp: Calls, goal: Goal, *, spared: Collection[Key], eager: Collection[Item]) -> None:
        """Bring VPP to a goal.

        spared: traces that are left alone although nobody wants them. eager: items that are tried even if they were
        refused only just now.
        Raises VppError where VPP does not answer: what was done then is found by the next pass.
        """
        self._lost.clear()
        self._bury()
        for trace in self._traces(dead=True):
            self._take_away_dead(vpp, trace)
        self._refused.keep(goal.indexes)
        self._stuck.keep({trace.item for trace in self._ledger})
        known = {trace.key for trace in self._ledger}
        missing = self._record(self._survey(vpp, goal, eager))
        for trace in _of(missing, InterfaceAddress):
            self._put_address(vpp, trace, goal)
        failed = [item for item in goal.indexes if isinstance(item, InterfaceAddress) and item not in self._placed]
        for route in goal.hold_routes(failed):
            self._placed.pop(route, None)
        for trace in _of(missing, *_PUT_LAST):
            if trace.item in goal.indexes:
                self._put(vpp, trace, again=trace.key in known)
            elif trace.key not in known:
                self._ledger.drop(trace)
        self._drop_replaced(goal)
        old = [trace for trace in self._unwanted(goal) if trace.key not in spared]
        for trace in _of(old, *_TAKEN_FIRST):
            self._take_away(vpp, trace)
        self._problems = goal.problems
        self._save()

    def _traces(self, *, dead: bool) -> list[Trace]:
        return [trace for trace in self._ledger if trace.dead is dead]

    def _unwanted(self, goal: Goal) -> list[Trace]:
        return [trace for trace in self._traces(dead=False) if goal.indexes.get(trace.item) != trace.index]

    # --- interfaces that have gone

    def _bury(self) -> None:
        """Note what has gone with its interface, and what has outlived it."""
        for trace in [trace for trace in self._traces(dead=False) if trace.item.interface]:
            name, index = trace.item.interface, trace.index
            interface = self._interfaces.named(name)
            exists = interface is not None and interface.index == index
            if exists and (name, index) not in self._gone:
                continue
            self._placed.pop(trace.item, None)
            if _outlives(trace.item):
                self._ledger.put(replace(trace, dead=True))
            elif not exists:
                self._ledger.drop(trace)
        self._gone.clear()

    def _take_away_dead(self, vpp: Calls, trace: Trace) -> None:
        """Take away what outlived its interface, before the next one with that index has to do with it."""
        if self._interfaces.get(trace.index) is not None:
            self._take_away(vpp, trace)
        elif isinstance(trace.item, Route):
            try:
                if actions.remove_stranded(vpp, trace.item, trace.index):
                    self._ledger.drop(trace)
            except _REFUSED as error:
                self._stuck.refuse(trace.item, _not_taken_away(error))

    # --- what is missing

    def _survey(self, vpp: Calls, goal: Goal, eager: Collection[Item]) -> list[Trace]:
        """Look what VPP has; returns what it lacks and is to get now."""
        missing = []
        for item, index in goal.indexes.items():
            try:
                if self._is_there(vpp, item, index):
                    self._placed[item] = index
                    self._refused.accept(item)
                    continue
                if self._placed.pop(item, None) == index:
                    self._lost.add(item)
                if item in eager or not self._refused.waits(item):
                    missing.append(self._trace(vpp, item, index))
            except _REFUSED as error:
                self._refused.refuse(item, why(item, error))
        return missing

    def _is_there(self, vpp: Calls, item: Item, index: int) -> bool:
        ours = self._ledger.get(item, index)
        if ours is not None and (ours.dead or ours.key in self._doubted):
            return False
        presence = actions.look(vpp, item, index)
        if presence is Presence.UNKNOWN:
            return self._placed.get(item) == index
        if presence is Presence.CHANGED and isinstance(item, Route):
            # Somebody else's path, which VPP would not change: it leads where ours would.
            return ours is None and not any(self._in_slot(item, index))
        return presence is Presence.PRESENT

    def _in_slot(self, item: Item, index: int) -> Iterator[Trace]:
        """Return what of ours has the place of an item that VPP can have only one of."""
        alike = self._ledger.in_slot(item.slot, index)
        return (trace for trace in alike if trace.item != item and not trace.dead)

    def _trace(self, vpp: Calls, item: Item, index: int) -> Trace:
        """Return the trace that an item is to leave."""
        ours = self._ledger.get(item, index)
        if ours is not None and not ours.dead:
            return ours
        if not isinstance(item, InterfaceMtu):
            return Trace(item, index)
        present = actions.ip4_mtu(vpp, index)
        displaced = self._in_slot(item, index)
        before = (old.previous for old in displaced if isinstance(old.item, InterfaceMtu) and old.item.mtu == present)
        return Trace(item, index, next(before, present))

    def _record(self, missing: list[Trace]) -> list[Trace]:
        """Write down what is about to be added; returns what may be: nothing that is not on disk."""
        new = [(trace, self._ledger.get(*trace.key)) for trace in missing]
        new = [(trace, before) for trace, before in new if before != trace]
        for trace, _ in new:
            self._ledger.put(trace)
        if self._save():
            return missing
        for trace, before in new:
            self._ledger.drop(trace)
            if before is not None:
                self._ledger.put(before)
            self._refused.refuse(trace.item, f"not put into VPP, as it cannot be written down: {self._unsaved}")
        return [trace for trace in missing if trace not in {unsaved for unsaved, _ in new}]

    def _save(self) -> bool:
        try:
            self._ledger.save()
        except OSError as error:
            reason = f"{error.strerror or error} ({self._ledger.path})"
            if reason != self._unsaved:
                self._log.error("what we put into VPP cannot be written down", reason=reason)
            self._unsaved = reason
            return False
        self._unsaved = ""
        return True

    # --- putting

    def _put(self, vpp: Calls, trace: Trace, *, again: bool) -> None:
        """Add anything but an address.

        again: it may be there, and dead or changed.
        """
        item = trace.item
        if isinstance(item, InterfaceMtu) and item.mtu > (most := actions.link_mtu(vpp, trace.index)):
            self._give_up(trace, f"{item.interface} carries no more than {most} octets")
            return
        rivals = list(self._in_slot(item, trace.index))
        try:
            if (again and isinstance(item, Route)) or any(one.key in self._doubted for one in (trace, *rivals)):
                actions.remove(vpp, trace)
            for rival in rivals if isinstance(item, Route) else ():
                self._take_away(vpp, rival)
            actions.add(vpp, item, trace.index)
        except _REFUSED as error:
            if again and isinstance(item, NptBinding):
                self._refused.refuse(item, why(item, error))  # the one of before may be in VPP still
            else:
                self._give_up(trace, why(item, error))
            return
        for rival in rivals:
            self._placed.pop(rival.item, None)
            self._doubted.discard(rival.key)
        self._done(vpp, trace)

    def _put_address(self, vpp: Calls, trace: Trace, goal: Goal) -> None:
        """Add an address; where VPP demands it, an old one goes before and not after."""
        item = trace.item
        assert isinstance(item, InterfaceAddress)
        for old in list(self._in_slot(item, trace.index)):
            self._take_away(vpp, old)
        error = self._try(vpp, trace)
        if is_overlap(error):
            if self._is_present(vpp, trace):
                self._ledger.drop(trace)  # somebody else was faster
                self._placed[item] = trace.index
                return
            if self._make_room(vpp, item, goal):
                error = self._try(vpp, trace)
        if error is None:
            self._done(vpp, trace)
        elif is_overlap(error):
            self._give_up(trace, why_overlap(vpp, self._interfaces, item))
        else:
            self._give_up(trace, why(item, error))

    @staticmethod
    def _try(vpp: Calls, trace: Trace) -> VppMessageError | None:
        try:
            actions.add(vpp, trace.item, trace.index)
        except _REFUSED as error:
            return error
        return None

    def _make_room(self, vpp: Calls, item: InterfaceAddress, goal: Goal) -> bool:
        """Take away what is ours, unwanted and in the way of an address, its routes first; returns whether any was."""
        near = {peer.name for peer in peers(self._interfaces, item)}
        unwanted = self._unwanted(goal)
        rivals = [
            trace
            for trace in unwanted
            if isinstance(trace.item, InterfaceAddress)
            and trace.item.interface in near
            and trace.item.address.version == item.address.version
            and trace.item.address.network.overlaps(item.address.network)
        ]
        interfaces = {trace.item.interface for trace in rivals}
        for trace in _of(unwanted, Route):
            if trace.item.interface in interfaces:
                self._take_away(vpp, trace)
        for trace in rivals:
            self._take_away(vpp, trace)
        return bool(rivals)

    def _give_up(self, trace: Trace, reason: str) -> None:
        """Note that something is not in VPP, by VPP's will."""
        self._ledger.drop(trace)
        self._refused.refuse(trace.item, reason)

    def _done(self, vpp: Calls, trace: Trace) -> None:
        """Note that something is in VPP now, and tell if it had been before."""
        self._doubted.discard(trace.key)
        self._placed[trace.item] = trace.index
        self._refused.accept(trace.item)
        # What a stronger source hides, as a connected network does a route, was never seen: nobody took it away.
        if trace.item in self._lost and self._is_present(vpp, trace):
            self._log.warning("put back what somebody took away from VPP", item=str(trace.item))
            self._tell(trace.item, _TAKEN_AWAY)
            self._tell(trace.item, "")

    # --- taking away

    def _drop_replaced(self, goal: Goal) -> None:
        """Forget what cannot be in VPP any more, as something else has its place: removing it would remove that."""
        taken = {(item.slot, index) for item, index in goal.indexes.items() if self._placed.get(item) == index}
        for trace in self._unwanted(goal):
            if (trace.item.slot, trace.index) in taken:
                self._ledger.drop(trace)

    def _take_away(self, vpp: Calls, trace: Trace) -> None:
        if self._stuck.waits(trace.item):
            return
        try:
            actions.remove(vpp, trace)
        except _REFUSED as error:
            self._stuck.refuse(trace.item, _not_taken_away(error))
            return
        self._stuck.accept(trace.item)
        self._ledger.drop(trace)
        if self._placed.get(trace.item) == trace.index:
            del self._placed[trace.item]


def _outlives(item: Item) -> bool:
    """Tell whether an item stays in VPP when its interface is deleted."""
    return isinstance(item, Route | NptBinding) and bool(item.interface)


def _of(traces: Iterable[Trace], *kinds: type[Item]) -> list[Trace]:
    """Return the traces of some kinds of items, in the order of the kinds."""
    return [trace for kind in kinds for trace in traces if isinstance(trace.item, kind)]


def _not_taken_away(error: VppMessageError) -> str:
    return f"cannot be taken away: {error}"
