"""What holds for an address: the settings of all levels from the server down to its subnet or pool."""

from ipaddress import IPv4Network

from vppdhc.dhc4.config import Settings, Times
from vppdhc.dhc4.options import Upstream
from vppdhc.dhc4.parameters import Lifetimes, Parameters, lifetimes


class Terms:
    """On which terms a client has an address.

    settings: of all levels together.
    parameters: what the client is told about its network.
    """

    __slots__ = ("_lifetimes", "_times", "parameters", "settings")

    def __init__(self, settings: Settings, network: IPv4Network, router: int, upstream: Upstream) -> None:
        """Derive them; see Parameters for what router and upstream are."""
        self.settings = settings
        self.parameters = Parameters(network, router, settings.options, upstream)
        self._times = settings.times(None)
        self._lifetimes = lifetimes(self._times)

    def lifetimes(self, wish: int | None) -> tuple[Times, Lifetimes]:
        """Return the lifetimes for a client that wishes so many seconds (None: no wish), and the options."""
        if wish is None or wish >= self._times.lease:
            return self._times, self._lifetimes
        times = self.settings.times(wish)
        return times, lifetimes(times)
