"""The lease that the client has, everywhere it has to be known: on disk, in VPP, and by those who were told."""

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import Final

from vppdhc.clock import Clock
from vppdhc.dhc4client.binding import Binding
from vppdhc.dhc4client.config import ClientConfig
from vppdhc.dhc4client.journal import Journal, LostReason
from vppdhc.dhc4client.lease import Lease
from vppdhc.dhc4client.ports import LeaseStore, Link
from vppdhc.dhc4client.terms import Terms

_NOTHING: Final[Mapping[int, bytes]] = MappingProxyType({})


class Tenure:
    """Has a lease, or none.

    config: how the client behaves.
    lease: the one in use. earlier: one of before a reboot, not in use until a server, or its silence, confirms it.
    wish: address that the client would like to have again.
    """

    def __init__(
        self,
        config: ClientConfig,
        link: Link,
        store: LeaseStore,
        binding: Binding,
        journal: Journal,
        clock: Clock,
        on_learned: Callable[[Mapping[int, bytes]], object],
    ) -> None:
        """Have nothing before load(). on_learned: see DhcpClients; must not wait."""
        self.config = config
        self.lease: Lease | None = None
        self.earlier: Lease | None = None
        self.wish: IPv4Address | None = None
        self._link = link
        self._store = store
        self._binding = binding
        self._journal = journal
        self._clock = clock
        self._on_learned = on_learned
        self._told: Lease | None = None  # what others know that we have
        self._loaded = False
        self._unstored = ""

    @property
    def known(self) -> Lease | None:
        """The lease in use, else the earlier one."""
        return self.lease or self.earlier

    @property
    def learned(self) -> Mapping[int, bytes]:
        """What the lease tells about the network: options as they were sent, by code; empty without a lease."""
        return _NOTHING if self._told is None else self._told.terms.learned

    @property
    def programmed(self) -> bool:
        """Whether VPP has all that the lease needs."""
        return self._link.interface is not None and self._binding.complete

    def load(self) -> None:
        """Remember the lease of an earlier run, once.

        Within one boot the router has used it all the time, and goes on. Behind a reboot it may be somewhere else.
        """
        stored = None if self._loaded else self._store.load()
        self._loaded = True
        if stored is None:
            return
        lease = stored.content
        if self._clock.boottime() >= lease.expires:
            self.wish = lease.terms.address.ip
        elif stored.same_boot:
            self.lease = self._told = lease
            self._on_learned(self.learned)
        else:
            self.earlier = lease

    def adopt(self, lease: Lease, *, check: bool) -> None:
        """Have a lease from now on: on disk first, then in VPP, then told.

        check: whether to see that nobody else uses the address. Raises AddressConflictError.
        """
        self._save(lease)
        self.lease, self.earlier, self.wish = lease, None, None
        self.use(check=check)
        before, self._told = self._told, lease
        if before is None:
            self._journal.bound(lease)
        elif not _say_the_same(before.terms, lease.terms):
            self._journal.changed(lease, before)
        elif lease is not before:
            self._journal.note(f"renewed by {lease.terms.server} for {lease.terms.lease_time} s")
        if before is None or before.terms.learned != lease.terms.learned:
            self._on_learned(self.learned)

    def use(self, *, check: bool) -> None:
        """Bring the lease in use into VPP; while the link is away nothing happens.

        Raises AddressConflictError.
        """
        interface = self._link.interface
        if self.lease is None or interface is None:
            self._binding.wait()
            return
        self._binding.use(self.lease.terms, self.config, interface, check=check)
        problem = self._binding.problem or self._unstored
        if problem:
            self._journal.trouble(problem)
        else:
            self._journal.well()

    def upkeep(self) -> float:
        """Try again what VPP refused, if it is time; returns the CLOCK_BOOTTIME at which it is next.

        Raises AddressConflictError.
        """
        if self._clock.boottime() >= self._binding.retry_at:
            self.use(check=not self._binding.in_use)  # nobody is asked again and again (RFC 5227, 2.1)
        return self._binding.retry_at

    def rest(self) -> None:
        """Try nothing again before use(): the link is away."""
        self._binding.wait()

    def announce(self) -> None:
        """Tell the link who has the address now."""
        interface = self._link.interface
        if self.lease is not None and interface is not None:
            self._binding.announce(self.lease.terms, interface)

    def lose(self, reason: LostReason) -> None:
        """Have no lease any more. Its address remains a wish, unless its server or another host is against it."""
        lease = self.known
        self.lease = self.earlier = None
        self._binding.withdraw()
        if lease is None:
            return
        if reason in (LostReason.EXPIRED, LostReason.RELEASED):
            self.wish = lease.terms.address.ip
            self._save(lease.ended(self._clock.boottime()))
        else:
            self.wish = None
            self._forget()
        told, self._told = self._told, None
        if told is not None:
            self._journal.lost(told, reason)
            self._on_learned(_NOTHING)

    def withdraw(self) -> None:
        """Take the lease out of VPP, and keep it for the next start."""
        self._binding.withdraw()

    def note_clocks(self) -> None:
        """Store what the clocks show, from which on time is counted after a reboot."""
        if self.lease is not None:
            self._save(self.lease)

    def _save(self, lease: Lease) -> None:
        """Store a lease. One that cannot be stored is used all the same: a full disk must not cut the router off."""
        try:
            self._store.save(lease)
            self._unstored = ""
        except OSError as error:
            self._unstored = f"the lease cannot be stored ({error.strerror}): a restart will look for another one"

    def _forget(self) -> None:
        try:
            self._store.forget()
        except OSError as error:
            self._journal.note(f"the stored lease cannot be removed ({error.strerror})")


def _say_the_same(one: Terms, other: Terms) -> bool:
    """Whether two leases mean the same for everybody but the client itself."""
    return (one.address, one.routers, one.routes, one.mtu, one.learned) == (
        other.address,
        other.routers,
        other.routes,
        other.mtu,
        other.learned,
    )
