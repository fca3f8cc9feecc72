"""What the client has, everywhere it has to be known: on disk, in VPP, and by those who were told."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network

from vppdhc.clock import Clock
from vppdhc.dhc6pdclient.bindings import NOTHING, Bindings, IaKey
from vppdhc.dhc6pdclient.config import ClientConfig
from vppdhc.dhc6pdclient.demand import Flags, demand, everything
from vppdhc.dhc6pdclient.journal import Journal, LostReason
from vppdhc.dhc6pdclient.learned import read_learned
from vppdhc.dhc6pdclient.merging import with_key
from vppdhc.dhc6pdclient.ports import LeaseStore, Tenant
from vppdhc.dhc6pdclient.reconfigure import check_reconfigure
from vppdhc.dhc6pdclient.replies import Reply
from vppdhc.packet.dhcp6 import Message, MessageType
from vppdhc.packet.options6 import Option

Wishes = dict[IaKey, tuple[IPv6Network, ...]]


class DuplicateError(Exception):
    """Somebody else uses addresses of an IA_NA; they are in use nowhere here."""

    def __init__(self, addresses: frozenset[IPv6Address]) -> None:
        super().__init__(addresses)
        self.addresses = addresses


class Tenure:
    """Has bindings, which may be empty.

    config: how the client behaves.
    bindings: those in use. earlier: those of before a reboot, not in use until a server, or its silence, confirms them.
    last_server: DUID of the server that the client was with last; empty for none.
    refused: what servers do not grant of what is wanted, in words; empty where they grant everything.
    """

    def __init__(
        self,
        config: ClientConfig,
        store: LeaseStore,
        tenant: Tenant,
        journal: Journal,
        clock: Clock,
        on_learned: Callable[[Mapping[int, bytes]], object],
    ) -> None:
        """Have nothing before load().

        on_learned: is told the options of the provider that others may use, as they were sent, by code, whenever they
        are others than before; must not wait.
        """
        self.config = config
        self.bindings = NOTHING
        self.earlier = NOTHING
        self.last_server = b""
        self.refused = ""
        self._store = store
        self._tenant = tenant
        self._journal = journal
        self._clock = clock
        self._on_learned = on_learned
        self._told = NOTHING  # what others know that we have
        self._wishes: Wishes = {}
        self._loaded = False
        self._unstored = ""
        self._adopting = False
        self._said = ""  # of what keeps the bindings from being used

    @property
    def known(self) -> Bindings:
        """The bindings in use, else the earlier ones."""
        return self.bindings if self.bindings.leased or not self.earlier.leased else self.earlier

    @property
    def learned(self) -> Mapping[int, bytes]:
        """What the provider tells about the network: options as they were sent, by code."""
        return self._told.learned

    def load(self) -> None:
        """Remember the bindings of an earlier run, once.

        Within one boot the router has used them all the time, and goes on. Behind a reboot it may be somewhere else.
        """
        stored = None if self._loaded else self._store.load()
        self._loaded = True
        if stored is None:
            return
        bindings = stored.content.at(self._clock.boottime())
        self.last_server = bindings.server
        self._wish(stored.content, bindings)
        if not bindings.leased:
            return
        if stored.same_boot:
            self.bindings = self._told = bindings
            self._on_learned(self.learned)
        else:
            self.earlier = bindings

    def keys(self, flags: Flags | None) -> list[IaKey]:
        """Return the associations to ask for together: those that there are, and that are wanted (RFC 8415, 18.2.4).

        flags: of the provider's routers; None where none has been heard.
        """
        wanted = demand(self.config, flags) or everything(self.config)
        return list(dict.fromkeys((*self.known.keys, *wanted.keys)))

    def wanted(self, keys: Collection[IaKey]) -> Wishes:
        """Return associations with what they have; where they have nothing, with what the client would like.

        That is what the configuration says, where it says so by a prefix, else what there was before.
        """
        wanted: Wishes = {}
        for key in keys:
            hints = self.config.hints(key)
            by_prefix = any(int(hint.network_address) for hint in hints)
            wish = hints if by_prefix else self._wishes.get(key, hints)
            wanted[key] = self.known.get(key).prefixes or wish
        return wanted

    def held(self, keys: Collection[IaKey]) -> Wishes:
        """Return associations with what they have, for a message that extends leases.

        Of a wish it may have the length alone (RFC 8415, 18.2.4 and 18.2.5).
        """
        return {
            key: self.known.get(key).prefixes or tuple(one for one in wish if not int(one.network_address))
            for key, wish in self.wanted(keys).items()
        }

    def adopt(self, bindings: Bindings, reason: LostReason) -> None:
        """Have these bindings from now on: on disk first, then where they are used, then told.

        reason: why what is not in them any more has gone.
        Raises DuplicateError.
        """
        if not bindings.leased:
            bindings = NOTHING
        self._save(bindings, reason)
        if reason in (LostReason.EXPIRED, LostReason.RELEASED):
            self._wish(self.known, bindings)
        self.last_server = bindings.server or self.last_server
        self.bindings, self.earlier = bindings, NOTHING
        self._use(reason)

    def use(self) -> None:
        """Have the bindings in use be used where they are, as the link or the configuration is another one.

        Where there are none, LANs hear that what they had has gone; but those that may be confirmed are waited for.
        Raises DuplicateError.
        """
        if self.bindings.leased:
            self._use(LostReason.RELEASED)
        elif not self.earlier.leased:
            self._tenant.adopt(self.bindings)

    def inform(self, reply: Reply) -> None:
        """Take what a Reply to an Information-request tells; with leases it takes the place of what they told.

        Raises DuplicateError.
        """
        bindings = with_key(replace(self.bindings, learned=read_learned(reply.message)), reply)
        if bindings.leased:
            self.adopt(bindings, LostReason.EXPIRED)
            return
        duid, address = reply.message.get(Option.CLIENTID) or b"", IPv6Address(reply.message.source)
        bindings = replace(bindings, duid=duid, server=reply.server, server_address=address)
        self.bindings, before, self._told = bindings, self._told, bindings
        self._journal.informed(before, bindings)
        self._journal.well()
        self._tell_learned(before)

    def part_with(self, keys: Collection[IaKey], reason: LostReason) -> None:
        """Have some associations no longer. Raises DuplicateError."""
        known = self.known
        left = known.only([key for key in known.keys if key not in keys])
        if known is self.earlier:
            self._save(left, reason)
            self.earlier = left
        elif len(left.associations) != len(known.associations):
            self.adopt(left, reason)

    def decline(self, declined: Bindings, later: float) -> None:
        """Have addresses no longer that somebody else uses. Raises DuplicateError.

        declined: the associations with them alone. later: CLOCK_BOOTTIME at which one that has nothing else is asked
        for again.
        """
        for key, lease in declined.leases:
            self._journal.conflict(self.bindings.get(key), lease)
        addresses = ", ".join(str(lease.address) for _, lease in declined.leases)
        self.refused = f"other hosts use {addresses}: tell the provider"
        left = self.bindings.without([lease.prefix for _, lease in declined.leases])
        again = (replace(one, renewal=one.renewal if one.leases else later) for one in left.associations)
        self.adopt(replace(left, associations=tuple(again)), LostReason.DECLINED)

    def reconfigured(self, message: Message) -> MessageType:
        """Return which message a Reconfigure asks for; it cannot be used again, also not behind a restart.

        Raises DropError where it is not to be believed.
        """
        wanted, key = check_reconfigure(message, self.bindings.duid, self.bindings.key)
        self.bindings = replace(self.bindings, key=key)
        self.note_clocks()
        return wanted

    def upkeep(self) -> float:
        """Part with what has ended; returns the CLOCK_BOOTTIME at which something ends next. Raises DuplicateError."""
        now = self._clock.boottime()
        if now >= self.bindings.next_expiry:
            self.adopt(self.bindings.at(now), LostReason.EXPIRED)
        return self.bindings.next_expiry

    def look_again(self) -> None:
        """Say what keeps the bindings from being used now: VPP may think otherwise than when they were adopted."""
        problem = self._tenant.problem or self._unstored or self.refused
        if self._adopting or problem == self._said:
            return
        if problem:
            self._journal.trouble(problem)
        elif self._journal.problem == self._said:
            self._journal.well()
        self._said = problem

    def withdraw(self) -> None:
        """Take out of VPP what came from the bindings, and keep them for the next start."""
        self._tenant.withdraw()

    def note_clocks(self) -> None:
        """Store what the clocks show, from which on time is counted after a reboot."""
        if self.bindings.leased:
            self._save(self.bindings, LostReason.EXPIRED)

    def _use(self, reason: LostReason) -> None:
        self._adopting = True
        try:
            outcome = self._tenant.adopt(self.bindings)
        finally:
            self._adopting = False
        used = self.bindings
        if outcome.duplicates:
            used = used.without([IPv6Network(address) for address in outcome.duplicates])
            reason = LostReason.DECLINED
        before, self._told = self._told, used
        self._journal.compared(before, used, reason)
        self._said = outcome.problem or self._unstored or self.refused
        if self._said:
            self._journal.trouble(self._said)
        else:
            self._journal.well()
        self._tell_learned(before)
        if outcome.duplicates:
            raise DuplicateError(outcome.duplicates)

    def _tell_learned(self, before: Bindings) -> None:
        if before.learned != self.learned:
            self._on_learned(self.learned)

    def _wish(self, before: Bindings, after: Bindings) -> None:
        """Remember what associations had that have nothing any more."""
        for association in before.associations:
            if association.leases and not after.get(association.key).leases:
                self._wishes[association.key] = association.prefixes

    def _save(self, bindings: Bindings, reason: LostReason) -> None:
        """Store bindings. Those that cannot be stored are used all the same: a full disk must not cut the router off.

        What has ended stays in its file, as a wish of the next start; anything else that has gone must not come back.
        """
        try:
            if bindings.leased:
                self._store.save(bindings)
                self._unstored = ""
            elif reason is not LostReason.EXPIRED:
                self._store.forget()
        except OSError as error:
            self._unstored = f"the lease cannot be stored ({error.strerror}): a restart will look for another one"
