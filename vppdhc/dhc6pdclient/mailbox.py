"""Where the world reaches the greenlet of a DHCPv6 client: also what the provider's routers say."""

from collections import Counter
from collections.abc import Callable

from vppdhc.clients import mailbox
from vppdhc.clock import Clock
from vppdhc.dhc6pdclient.demand import Flags
from vppdhc.interface import Interface


class Mailbox(mailbox.Mailbox):
    """The link of one client, see ports.Link."""

    def __init__(
        self,
        interface: Callable[[], Interface | None],
        flags: Callable[[], Flags | None],
        send: Callable[[int, int, bytes], object],
        clock: Clock,
        drops: Counter[str],
    ) -> None:
        """flags: gives those of the provider's routers, None where none has been heard; for the rest see the base."""
        super().__init__(interface, send, clock, drops)
        self._flags = flags

    @property
    def flags(self) -> Flags | None:
        """The flags of the provider's routers; None where none has been heard."""
        return self._flags()
