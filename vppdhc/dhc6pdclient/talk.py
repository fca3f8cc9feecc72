"""What the client says, what it hears, and how it waits."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from vppdhc.clients.journal import Counters
from vppdhc.clock import Clock
from vppdhc.dhc6pdclient import messages
from vppdhc.dhc6pdclient.bindings import Bindings, lasting
from vppdhc.dhc6pdclient.config import ClientConfig
from vppdhc.dhc6pdclient.drops import Drop, DropError
from vppdhc.dhc6pdclient.messages import Heading, Wanted
from vppdhc.dhc6pdclient.ports import Link
from vppdhc.dhc6pdclient.replies import Reply, read_reply
from vppdhc.dhc6pdclient.retransmission import PARAMETERS, Parameters, next_wait
from vppdhc.packet.dhcp6 import Message, MessageType, receive
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options6 import Option

_BURST: Final = 20
"""Messages that may be sent in a row; one more each second (RFC 8415, 14.1)."""
IRT_DEFAULT: Final = 86_400.0
_IRT_MINIMUM: Final = 600.0
"""RFC 8415, 7.6."""
_DEFAULT_MAX_RT: Final = 3600.0
"""SOL_MAX_RT and INF_MAX_RT where no server says otherwise (RFC 8415, 7.6)."""


@dataclass(slots=True)
class Limits:
    """Seconds that servers set.

    sol_max_rt, inf_max_rt: the longest waits between Solicit and between Information-request messages.
    info_refresh_time: after which information without a lease is asked for anew; infinity for never.
    """

    sol_max_rt: float = _DEFAULT_MAX_RT
    inf_max_rt: float = _DEFAULT_MAX_RT
    info_refresh_time: float = IRT_DEFAULT


class Talk:
    """The voice of one client.

    config, duid: how it behaves and by what servers know it; set before anything is said.
    limits: what servers have set.
    """

    def __init__(
        self,
        link: Link,
        clock: Clock,
        counters: Counters,
        random: Random,
        upkeep: Callable[[], float],
        believe: Callable[[Message], MessageType],
    ) -> None:
        """Say nothing yet.

        upkeep: is called while waiting, and returns when it is to be called again.
        believe: returns which message a Reconfigure asks for; raises DropError where it is not to be believed.
        """
        self.config = ClientConfig()
        self.duid = b""
        self.limits = Limits()
        self._link = link
        self._clock = clock
        self._counters = counters
        self._random = random
        self._upkeep = upkeep
        self._believe = believe
        self._told: dict[Option, set[float]] = {}  # limits that servers set in this exchange
        self._permits = float(_BURST)
        self._permits_at = clock.boottime()

    def ask(
        self,
        message_type: MessageType,
        wanted: Wanted,
        *,
        server: bytes = b"",
        parameters: Parameters | None = None,
        until: float = math.inf,
    ) -> Iterator[Reply | None]:
        """Send a message again and again (RFC 8415, 15), and give each reply to it as it comes.

        None is given whenever the wait behind a transmission is over. The caller stops when he has what he wants; when
        nothing more is given, the exchange has failed.

        wanted: identity associations of the message. server: DUID of the only one that may answer; empty for any.
        parameters: those of the message type where not given. until: CLOCK_BOOTTIME at which it fails in any case.
        Raises InterruptError, and what upkeep raises.
        """
        parameters = parameters or PARAMETERS[message_type]
        if parameters.max_delay:
            self.pause(self._clock.boottime() + self._random.uniform(0, parameters.max_delay))
        heading = Heading(message_type, self._random.getrandbits(24), self.duid, server)
        self._permit()
        began = self._clock.boottime()
        if parameters.mrd:
            until = min(until, began + parameters.mrd)
        wait, sent = 0.0, 0
        self._told.clear()
        while not parameters.mrc or sent < parameters.mrc:
            if sent:
                self._permit()
            now = self._clock.boottime()
            if now >= until:
                return
            self._send(messages.build(heading, self.config, wanted, now - began))
            sent += 1
            wait = next_wait(self._limited(message_type, parameters), wait, self._random)
            while (reply := self._hear(heading, min(now + wait, until))) is not None:
                yield reply
            yield None

    def give_up(self, message_type: MessageType, given: Bindings) -> None:
        """Tell servers that what they gave is not used any more; whatever they answer, that is all (18.2.10.2).

        message_type: RELEASE or DECLINE. Raises InterruptError, and what upkeep raises.
        """
        for server in dict.fromkeys(one.server for one in given.associations if one.leases):
            wanted = {one.key: one.prefixes for one in given.associations if one.leases and one.server == server}
            for reply in self.ask(message_type, wanted, server=server):
                if reply is not None:
                    break

    def rest(self, until: float) -> MessageType | None:
        """Wait until a CLOCK_BOOTTIME, or until a Reconfigure that is believed; returns which message that asks for.

        Whatever else comes is counted and forgotten. Raises InterruptError, and what upkeep raises.
        """
        while (message := self._next(until)) is not None:
            try:
                if message.type != MessageType.RECONFIGURE:
                    raise DropError(Drop.UNEXPECTED)
                wanted = self._believe(message)
            except DropError as error:
                self._counters.drops[error.reason] += 1
            else:
                self._count(message)
                return wanted
        return None

    def pause(self, until: float) -> None:
        """Wait for nothing but the time; raises as rest() does."""
        while self._next(until) is not None:
            self._counters.drops[Drop.UNEXPECTED] += 1

    def drop(self, reason: Drop) -> None:
        """Count a message as one that says nothing useful."""
        self._counters.drops[reason] += 1

    def _hear(self, heading: Heading, until: float) -> Reply | None:
        """Wait for a reply until a CLOCK_BOOTTIME; a Reconfigure does not count meanwhile (RFC 8415, 18.2.11)."""
        while (message := self._next(until)) is not None:
            try:
                reply = read_reply(message, heading.duid, heading.xid)
                self._check(reply, heading)
            except DropError as error:
                self._counters.drops[error.reason] += 1
            else:
                self._count(message)
                self._counters.drops.update(reply.faults)
                self._take_limits(reply)
                return reply
        return None

    def _check(self, reply: Reply, heading: Heading) -> None:
        """See that it is the kind of answer that the message can have; raises DropError."""
        soliciting = heading.type is MessageType.SOLICIT
        if reply.type is MessageType.ADVERTISE and not soliciting:
            raise DropError(Drop.UNEXPECTED)
        if reply.type is MessageType.REPLY and soliciting and not (self.config.rapid_commit and reply.rapid):
            raise DropError(Drop.NOT_RAPID)
        if heading.server and reply.server != heading.server:
            raise DropError(Drop.WRONG_SERVER)

    def _next(self, until: float) -> Message | None:
        """Wait for a message until a CLOCK_BOOTTIME; None where there was none."""
        while True:
            again = self._upkeep()
            now = self._clock.boottime()
            if now >= until:
                return None
            if again <= now:
                continue
            datagram = self._link.receive(min(until, again) - now)
            if datagram is None:
                continue
            try:
                return receive(datagram)
            except DecodeError as error:
                self._counters.drops[error.kind] += 1

    def _send(self, message: Message) -> None:
        interface = self._link.interface
        if interface is not None:  # else the next wait finds out
            self._link.send(messages.frame(message, interface))
            self._count(message)

    def _count(self, message: Message) -> None:
        self._counters.messages[MessageType(message.type).name.lower().replace("_", "-")] += 1

    def _permit(self) -> None:
        """Wait until one more message may be sent (RFC 8415, 14.1)."""
        now = self._refilled()
        if self._permits < 1:
            self.pause(now + 1 - self._permits)
            self._refilled()
        self._permits -= 1

    def _refilled(self) -> float:
        """Have as many permits as the time gives; returns CLOCK_BOOTTIME."""
        now = self._clock.boottime()
        self._permits = min(_BURST, self._permits + now - self._permits_at)
        self._permits_at = now
        return now

    def _limited(self, message_type: MessageType, parameters: Parameters) -> Parameters:
        if message_type is MessageType.SOLICIT:
            return replace(parameters, mrt=self.limits.sol_max_rt)
        if message_type is MessageType.INFORMATION_REQUEST:
            return replace(parameters, mrt=self.limits.inf_max_rt)
        return parameters

    def _take_limits(self, reply: Reply) -> None:
        """Take SOL_MAX_RT and INF_MAX_RT also from a message that has nothing else for us (RFC 8415, 18.2.9)."""
        self.limits.sol_max_rt = self._agreed(reply, Option.SOLMAX_RT, self.limits.sol_max_rt)
        self.limits.inf_max_rt = self._agreed(reply, Option.INF_MAX_RT, self.limits.inf_max_rt)

    def _agreed(self, reply: Reply, option: Option, limit: float) -> float:
        """Return what a limit is behind a reply: the default where servers do not agree (RFC 8415, 18.2.9)."""
        seconds = reply.max_rt(option)
        if seconds is None:
            return limit
        told = self._told.setdefault(option, set())
        told.add(seconds)
        return seconds if len(told) == 1 else _DEFAULT_MAX_RT

    def take_refresh_time(self, reply: Reply) -> None:
        """Take the information refresh time of a Reply to an Information-request (RFC 8415, 21.23)."""
        seconds = reply.seconds(Option.INFORMATION_REFRESH_TIME)
        self.limits.info_refresh_time = IRT_DEFAULT if seconds is None else max(_IRT_MINIMUM, lasting(seconds))
