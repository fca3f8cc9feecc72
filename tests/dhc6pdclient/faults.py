"""What can go wrong for a client, at random, and how everything is well again."""

from collections.abc import Callable
from random import Random

from tests.dhc6pdclient.world import NA, PD, PD2, World, has
from tests.fuzz.mutations import mutated
from vppdhc.clients.wake import Wake
from vppdhc.dhc6pdclient.bindings import IaKey
from vppdhc.dhc6pdclient.demand import Flags
from vppdhc.dhc6pdclient.states import State
from vppdhc.packet.dhcp6 import MessageType, StatusCode

KEYS = (PD, PD2, NA)
STATUSES = (
    StatusCode.UNSPEC_FAIL,
    StatusCode.NO_ADDRS_AVAIL,
    StatusCode.NO_BINDING,
    StatusCode.NOT_ON_LINK,
    StatusCode.USE_MULTICAST,
    StatusCode.NO_PREFIX_AVAIL,
)


class Faults:
    """Lets one fault after the other happen."""

    def __init__(self, world: World, seed: int) -> None:
        self.happened: list[str] = []
        self._world = world
        self._rng = Random(seed)
        self._kinds: list[Callable[[], None]] = [
            self._link_flaps,
            self._packets_lost,
            self._status_of_everything,
            self._status_of_one,
            self._one_is_missing,
            self._renumbering,
            self._renumbering_without_a_word,
            self._server_forgets,
            self._garbage,
            self._old_answers,
            self._conflict,
            self._silence,
            self._operator,
            self._daemon_restarts,
            self._machine_restarts,
            self._times_change,
            self._routers,
            self._reconfigure,
            self._disk_full,
        ]

    def one(self) -> None:
        """Let something go wrong, and time pass."""
        kind = self._rng.choice(self._kinds)
        self.happened.append(kind.__name__)
        kind()
        self._pass(0, 20)

    def well_again(self) -> None:
        """Have everything be well, and wait until the client has noticed."""
        world, server = self._world, self._world.server
        world.lose = lambda _: False
        world.tenant.taken.clear()
        server.silent = server.forgot = False
        server.status = None
        server.statuses.clear()
        server.unknown.clear()
        server.zero = {}
        server.preferred, server.valid, server.t1, server.t2 = 3600, 7200, 1800, 2880
        world.wire.flags = Flags(managed=True, other=True)
        if world.wire.current is None:
            world.link_up()
        world.wake(Wake.RENEW)
        world.run(15_000)
        assert world.state is State.BOUND, f"{world.state} behind {self.happened[-5:]}: {world.journal.problem}"

    def compare(self) -> None:
        """See that everybody has exactly what the server gives."""
        world = self._world
        for key in KEYS:
            given = world.server.gives[key]
            assert [str(p) if key is not NA else str(p.network_address) for p in world.bindings.get(key).prefixes] == (
                given
            ), f"behind {self.happened[-5:]}"
        assert world.tenant.has == has(world.bindings)
        assert world.store.bindings == world.bindings
        assert world.learned[-1] == world.tenure.learned == world.bindings.learned
        assert world.journal.problem == ""

    def _pass(self, least: float, most: float) -> None:
        self._world.run(self._rng.uniform(least, most))

    def _key(self) -> IaKey:
        return self._rng.choice(KEYS)

    def _link_flaps(self) -> None:
        self._world.link_down()
        self._pass(0, 100)
        self._world.link_up()

    def _packets_lost(self) -> None:
        share = self._rng.random()
        self._world.lose = lambda _: self._rng.random() < share
        self._pass(0, 2000)
        self._world.lose = lambda _: False

    def _status_of_everything(self) -> None:
        self._world.server.status = self._rng.choice(STATUSES)
        self._pass(0, 4000)
        self._world.server.status = None

    def _status_of_one(self) -> None:
        self._world.server.statuses = {self._key(): self._rng.choice(STATUSES)}
        self._pass(0, 4000)
        self._world.server.statuses = {}

    def _one_is_missing(self) -> None:
        self._world.server.unknown = {self._key()}
        self._pass(0, 4000)
        self._world.server.unknown = set()

    def _renumbering(self) -> None:
        key, gives = self._key(), self._world.server.gives
        old = gives[key]
        self._renumber(key)
        self._world.server.zero = {key: old}
        self._pass(0, 4000)
        self._world.server.zero = {}

    def _renumbering_without_a_word(self) -> None:
        self._renumber(self._key())

    def _renumber(self, key: IaKey) -> None:
        number = self._rng.randint(1, 0xFF)
        text = {PD: f"2001:db8:{number:x}00::/56", PD2: f"2001:db8:1:{number:x}0::/60", NA: f"2001:db8::{number:x}"}
        self._world.server.gives[key] = [text[key]]

    def _server_forgets(self) -> None:
        self._world.server.forgot = True
        self._pass(0, 3000)

    def _garbage(self) -> None:
        world = self._world
        if world.heard:
            good = world.server.datagram(world.heard[-1], MessageType.REPLY, [])
            for _ in range(10):
                world.deliver(mutated(self._rng, good, [good], start=62))

    def _old_answers(self) -> None:
        for heard in self._world.heard[-5:]:
            self._world.server.answer(heard, self._rng.choice([MessageType.REPLY, MessageType.ADVERTISE]))

    def _conflict(self) -> None:
        self._world.tenant.taken = {self._world.server.gives[NA][0]}
        self._world.wake(Wake.UP)
        self._pass(0, 500)
        self._world.tenant.taken = set()

    def _silence(self) -> None:
        self._world.server.silent = True
        self._pass(0, 9000)
        self._world.server.silent = False

    def _operator(self) -> None:
        self._world.wake(self._rng.choice([Wake.RENEW, Wake.REBIND, Wake.RELEASE]))
        self._pass(0, 10)

    def _daemon_restarts(self) -> None:
        self._world.restart()

    def _machine_restarts(self) -> None:
        self._world.tenant.withdraw()
        self._world.store.same_boot = False
        self._world.restart()
        self._pass(0, 5)
        self._world.store.same_boot = True

    def _times_change(self) -> None:
        server, rng = self._world.server, self._rng
        server.valid = rng.choice([0, 1, 100, 5000, 0xFFFFFFFF, rng.getrandbits(32)])
        server.preferred = rng.choice([0, server.valid, server.valid // 2, rng.getrandbits(32)])
        server.t1, server.t2 = rng.choice([(0, 0), (1, 2), (2, 1), (50, 80), (0xFFFFFFFF, 0xFFFFFFFF)])
        self._pass(0, 200)
        server.preferred, server.valid, server.t1, server.t2 = 3600, 7200, 1800, 2880
        self._world.wake(Wake.REBIND)

    def _routers(self) -> None:
        flags = Flags(managed=self._rng.random() < 0.5, other=self._rng.random() < 0.5)
        self._world.routers_say(self._rng.choice([None, flags]))
        self._pass(0, 100)

    def _reconfigure(self) -> None:
        world = self._world
        if world.heard:
            world.server.key = bytes(16)
            wanted = [MessageType.RENEW, MessageType.REBIND, MessageType.INFORMATION_REQUEST]
            world.deliver(world.server.reconfigure(self._rng.choice(wanted)))

    def _disk_full(self) -> None:
        self._world.store.error = OSError(28, "No space left on device")
        self._pass(0, 4000)
        self._world.store.error = None
