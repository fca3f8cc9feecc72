"""When VPP holds what all earlier leases need, and the rest of what an earlier run put there may go."""

from collections.abc import Callable


class Settling:
    """Waits for everybody who may have a lease of before the start."""

    def __init__(self, settled: Callable[[], object]) -> None:
        """Wait for nobody yet. settled: is called once, when the last of those who are expected has begun."""
        self._settled = settled
        self._expected: set[str] = set()

    def expect(self, who: str) -> Callable[[], None]:
        """Wait for somebody as well; returns what he is to call, which may wait, once VPP holds what he needs."""
        self._expected.add(who)

        def begun() -> None:
            self._expected.discard(who)
            if not self._expected:
                self._settled()

        return begun
