"""What VPP holds of a lease: all of it, or nothing."""

import math
from collections.abc import Mapping
from typing import Final

from vppdhc.clock import Clock
from vppdhc.dhc4client.config import ClientConfig, ConflictDetection
from vppdhc.dhc4client.needs import address_of, needs
from vppdhc.dhc4client.ports import ConflictCheck, Programmer
from vppdhc.dhc4client.terms import Terms
from vppdhc.interface import Interface
from vppdhc.vpp.items import InterfaceAddress, Item

_RETRY_FIRST: Final = 10.0
_RETRY_MOST: Final = 600.0
"""Seconds until what VPP refused is tried again: doubled from the first to the last."""


class AddressConflictError(Exception):
    """Somebody else uses the address of the lease; VPP has it no longer."""


class Binding:
    """Brings leases of one client into VPP.

    problem: what VPP refuses of the lease, and why; empty where it refuses nothing.
    retry_at: CLOCK_BOOTTIME at which that is to be tried again; infinity where there is nothing to try.
    """

    def __init__(self, interface: str, programmer: Programmer, check: ConflictCheck, clock: Clock) -> None:
        """Ask nothing of VPP yet. interface: its name."""
        self.problem = ""
        self.retry_at = math.inf
        self._owner = f"dhc4client {interface}"
        self._programmer = programmer
        self._check = check
        self._clock = clock
        self._held: list[Item] = []
        self._retry_after = _RETRY_FIRST

    @property
    def in_use(self) -> bool:
        """Whether VPP has the address, and nobody else was found to use it."""
        return bool(self._held)

    @property
    def complete(self) -> bool:
        """Whether VPP has all that the lease needs."""
        return bool(self._held) and not self.problem

    def use(self, terms: Terms, config: ClientConfig, interface: Interface, *, check: bool) -> None:
        """Have VPP hold what a lease needs, and of an earlier lease only what this one needs too.

        Where VPP refuses the address, it holds nothing.

        check: whether to ask if somebody else uses the address. VPP can do so only once it has the address: a new one
        is added first, beside the earlier one, and nothing is routed by it before nobody has answered.
        Raises AddressConflictError, and InterruptError as ConflictCheck does: VPP may have the address by then.
        """
        address, wanted = address_of(terms, interface), needs(terms, config, interface)
        probe = check and config.conflict_detection is ConflictDetection.PROBE
        first = [*self._held, address] if probe and not self._holds(terms) else wanted
        refused = self._programmer.want(self._owner, first)
        if address in refused and self._held and first is not wanted:
            # The earlier address is in the way, as where one network contains the other: VPP wants that removed first.
            refused = self._programmer.want(self._owner, [address])
        if address in refused:
            self._take_away()
            self._refused({address: refused[address]})
            return
        if probe and self._check.conflict(interface.name, terms.address.ip):
            self.withdraw()
            raise AddressConflictError
        if first is not wanted:
            refused = self._programmer.want(self._owner, wanted)
        self._held = wanted
        if refused:
            self._refused(refused)
        else:
            self._settled()

    def announce(self, terms: Terms, interface: Interface) -> None:
        """Tell the link who has the address now, if VPP has it."""
        if address_of(terms, interface) in self._held:
            self._check.announce(interface.name, terms.address.ip)

    def withdraw(self) -> None:
        """Have VPP hold nothing."""
        self._take_away()
        self._settled()

    def wait(self) -> None:
        """Try nothing again before use(): the interface is away."""
        self.retry_at = math.inf

    def _holds(self, terms: Terms) -> bool:
        """Whether VPP has the address, of whatever prefix length."""
        held = (item.address.ip for item in self._held if isinstance(item, InterfaceAddress))
        return terms.address.ip in held

    def _take_away(self) -> None:
        self._programmer.withdraw(self._owner)
        self._held = []

    def _settled(self) -> None:
        self.problem = ""
        self.retry_at = math.inf
        self._retry_after = _RETRY_FIRST

    def _refused(self, refused: Mapping[Item, str]) -> None:
        reasons = "; ".join(f"{item}: {reason}" for item, reason in refused.items())
        self.problem = f"VPP refuses what the lease needs: {reasons}"
        self.retry_at = self._clock.boottime() + self._retry_after
        self._retry_after = min(2 * self._retry_after, _RETRY_MOST)
