"""A store that anything happens to, against a dict: commits, crashes, reboots, and a wall clock that steps."""

import math
import tempfile
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.leases.support import FOR_EVER, FakeClock, lease
from vppdhc.leases.errors import LeaseStoreError
from vppdhc.leases.lease import Change, Lease, LeaseState
from vppdhc.leases.store import LeaseStore

NOTED_EVERY = 60
STATES = st.sampled_from([LeaseState.ACTIVE, LeaseState.RELEASED, LeaseState.DECLINED])
LIFETIMES = st.sampled_from([1, 60, 3600, 86400, FOR_EVER - 1, FOR_EVER])
KEYS = st.tuples(st.sampled_from([0, 7]), st.integers(0, 12))
CHANGES = st.lists(st.tuples(KEYS, st.none() | st.tuples(STATES, LIFETIMES)), max_size=20)
SECONDS = st.sampled_from([1, 30, 59, 60, 61, 3000, 100_000])
STEPS = st.sampled_from([-2_000_000_000, -3600, -2, 2, 3600, 2_000_000_000])


class Kept(NamedTuple):
    """A lease, and the seconds that it may have left: exactly known but for a reboot into the past."""

    lease: Lease
    least: float
    most: float


class Store(RuleBasedStateMachine):
    """The model knows of time only how long it was, never when: seconds left, not instants.

    furthest: what the wall clock would show, as far as the store got to see it, had it never stepped back.
    behind: by how much the store may think less of it, as it did not hear of the time right before a crash.
    """

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "leases.db"
        self.clock = FakeClock()
        self.store = LeaseStore(self.path, self.clock)
        self.model: dict[tuple[int, int], Kept] = {}
        self.furthest = self.clock.wall()
        self.behind = 0.0
        self.unseen = 0.0
        self.version = 0

    @rule(changes=CHANGES, fails=st.booleans())
    def commit(self, changes: list[tuple[tuple[int, int], tuple[LeaseState, int] | None]], fails: bool) -> None:
        group = []
        model = dict(self.model)
        for (table, address), granted in changes:
            old = model.pop((table, address), None)
            self.version += 1
            new = None
            if granted is not None:
                state, seconds = granted
                new = lease(address, self.clock, seconds, state=state, table=table, version=self.version)
                left = new.expires - self.clock.boottime()
                model[table, address] = Kept(new, left, left)
            group.append(Change(None if old is None else old.lease, new))
        if fails:
            try:
                self.store.commit([*group, Change(None, lease(99, self.clock)._replace(granted=-1))])
            except LeaseStoreError:
                return
            raise AssertionError("this cannot be stored")
        self.store.commit(group)
        self.model = model
        if any(change != (None, None) for change in group):
            self.see()

    @rule(seconds=SECONDS)
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.furthest += seconds
        self.unseen += seconds
        self.pass_for_all(seconds, seconds)

    @rule(step=STEPS)
    def step(self, step: int) -> None:
        self.clock.step_wall(step)

    @rule(clean=st.booleans())
    def restart(self, clean: bool) -> None:
        self.end(clean)
        self.store = LeaseStore(self.path, self.clock)
        self.see()

    @rule(clean=st.booleans(), wall_passed=st.sampled_from([0, 5, 600, 10_000]) | STEPS, boottime=st.integers(0, 10**7))
    def reboot(self, clean: bool, wall_passed: int, boottime: int) -> None:
        self.end(clean)
        self.clock.reboot(wall_passed, float(boottime))
        passed = self.clock.wall() - self.furthest
        # Into the past: the time that the store heard of last counts, which is a while ago.
        late = self.unseen + NOTED_EVERY if passed < 0 else 0.0
        self.pass_for_all(max(0.0, passed), max(0.0, passed + self.behind), late)
        self.behind += late
        self.see()
        self.store = LeaseStore(self.path, self.clock)

    def end(self, clean: bool) -> None:
        if clean:
            self.store.close()
            self.see()
        else:
            self.store._opened.close()

    def see(self) -> None:
        """The store looked at the clocks."""
        if self.clock.wall() >= self.furthest:
            self.furthest = self.clock.wall()
            self.behind = 0.0
        self.unseen = 0.0

    def pass_for_all(self, least: float, most: float, late: float = 0.0) -> None:
        """Let time pass; late: how much of the time before that may never have been, for the store."""
        self.model = {
            key: Kept(kept.lease, kept.least - most, kept.most - least + late) for key, kept in self.model.items()
        }

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        now = self.clock.boottime()
        loaded = list(self.store.load())
        assert [(one.table, one.address) for one in loaded] == sorted(self.model)
        for one in loaded:
            kept = self.model[one.table, one.address]
            assert one._replace(since=0, renewed=0, expires=0) == kept.lease._replace(since=0, renewed=0, expires=0)
            assert kept.least <= one.expires - now <= kept.most
            assert one.expires == math.inf or one.expires - now <= one.granted
            assert one.since <= one.renewed <= now

    def teardown(self) -> None:
        self.store.close()
        self.directory.cleanup()


TestStore = Store.TestCase
TestStore.settings = settings(
    max_examples=100, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
