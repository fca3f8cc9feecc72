"""A thousand random changes and faults: each time, the router has exactly what the lease and the routers say."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network
from random import Random

import pytest

from tests.dhc6pdclient.delegated import lease
from tests.dhc6pdclient.tenancy import INTERNAL, advertisement, has, prefix
from tests.dhc6pdclient.tenanted import LAN0, LAN1, LANS, NPT, WAN, Tenanted, lan_addresses, reject, wan_address, way
from tests.vpp.programmed import CHANGES
from vppdhc.dhc6pdclient.config import ClientConfig
from vppdhc.packet.nd_options import Preference
from vppdhc.vpp.errors import VppError
from vppdhc.vpp.items import InterfaceAddress, Item, NptBinding, Route

STEPS = 250
DELEGATED = [f"2001:db8:{number:x}::/48" for number in range(1, 7)]
SLAAC = "2001:db8:f0::/64"
MESSAGES = (*sorted(CHANGES), "ip_route_lookup", "ip_address_dump", "cli_inband")
LIFETIME = 3000
RANKS = {Preference.HIGH: 2, Preference.MEDIUM: 1, Preference.LOW: 0}


@dataclass
class Model:
    """What there has to be, in the words of the lease and not in those of the daemon.

    delegated: prefixes and until when they are valid, the newest first. addresses: those of the IA_NA, likewise.
    routers: until when each is one, and its preference. autonomous: until when there is an address of the prefix.
    """

    delegated: dict[str, float] = field(default_factory=dict)
    addresses: dict[str, float] = field(default_factory=dict)
    routers: dict[str, tuple[float, Preference]] = field(default_factory=dict)
    autonomous: float = 0.0


class Storm:
    """Deeds at random, and what the router has to have by them."""

    def __init__(self, made: Tenanted, random: Random) -> None:
        self.made = made
        self.random = random
        self.model = Model()
        self.counts = dict.fromkeys(("vanished", "refused", "unanswered", "duplicate", "expired"), 0)

    @property
    def now(self) -> float:
        return self.made.clock.now

    # --- what the provider does

    def adopt(self) -> None:
        """Have the tenant use what the model says."""
        valid = {**self.model.delegated, **self.model.addresses}
        leases = {
            text: lease(text, preferred=LIFETIME // 2, valid=LIFETIME, granted_at=until - LIFETIME)
            for text, until in valid.items()
        }
        before = len(self.made.duplicates.asked)
        self.made.adopt(
            has(
                *(leases[text] for text in self.model.delegated),
                addresses=[leases[text] for text in self.model.addresses],
            )
        )
        if len(self.made.duplicates.asked) > before:
            taken = {str(address) for address in self.made.duplicates.users}
            for text in [text for text in self.model.addresses if text.removesuffix("/128") in taken]:
                self.counts["duplicate"] += 1
                del self.model.addresses[text]

    def renumber(self) -> None:
        """Give another prefix; the one before goes at once, or keeps its time."""
        self.made.clock.now += 1  # what a server gave before that is not what it gives now
        old = {} if self.random.random() < 0.6 else dict(list(self.model.delegated.items())[:1])
        free = [text for text in DELEGATED if text not in old]
        self.model.delegated = {self.random.choice(free): self.now + LIFETIME, **old}
        self.adopt()

    def renew(self) -> None:
        """Give more time to all that there is."""
        self.model.delegated = dict.fromkeys(self.model.delegated, self.now + LIFETIME)
        self.model.addresses = dict.fromkeys(self.model.addresses, self.now + LIFETIME)
        self.adopt()

    def take_all(self) -> None:
        self.model.delegated, self.model.addresses = {}, {}
        self.adopt()

    def give_addresses(self) -> None:
        """Give other addresses, of which somebody else uses some."""
        hosts = [f"2001:db8:ff::{self.random.randrange(1, 9)}/128" for _ in range(self.random.randrange(3))]
        taken = [IPv6Address(f"2001:db8:ff::{number}") for number in range(1, 9) if self.random.random() < 0.2]
        self.made.duplicates.users = set(taken)
        self.model.addresses = dict.fromkeys(hosts, self.now + LIFETIME)
        self.adopt()

    def router_speaks(self) -> None:
        router, lifetime = f"fe80::{self.random.randrange(1, 4)}", self.random.choice([0, 300, 1800, 9000])
        preference = self.random.choice(list(Preference))
        said = advertisement(router, lifetime, preference=preference)
        if self.random.random() < 0.3:
            said = advertisement(router, lifetime, prefix(SLAAC, preferred=100, valid=8000), preference=preference)
            self.model.autonomous = max(self.model.autonomous, self.now + 8000)
        self.model.routers[router] = self.now + lifetime, preference
        self.made.hear(said)

    def time_passes(self) -> None:
        self.made.later(self.random.choice([1, 60, 1000, 4000]))
        for leases in (self.model.delegated, self.model.addresses):
            for text in [text for text, until in leases.items() if until <= self.now]:
                self.counts["expired"] += 1
                del leases[text]

    # --- what goes wrong

    def anything(self) -> None:
        """Have the provider do something."""
        self.random.choice([self.renumber, self.renumber, self.renew, self.give_addresses, self.router_speaks])()

    def vpp_goes_meanwhile(self) -> None:
        faults = self.made.bench.faults
        faults.vanish_at = self.random.randrange(6)
        self.anything()
        self.counts["vanished"] += faults.vanish_at < 0
        self.made.bench.restart_router()
        self.made.furnish()

    def vpp_is_away(self) -> None:
        self.made.bench.lose()
        self.anything()
        self.counts["vanished"] += 1
        self.made.bench.table.read(self.made.bench.vpp)
        self.made.bench.place(again=True)
        self.adopt()  # as the client does whenever packets pass again

    def replies_get_lost(self) -> None:
        faults = self.made.bench.faults
        for name in self.random.sample(MESSAGES, 2):
            self.random.choice((faults.silent, faults.lost)).add(name)
        before = faults.unanswered
        self.anything()
        with suppress(VppError):
            self.made.bench.place()
        self.counts["unanswered"] += faults.unanswered > before
        faults.silent.clear()
        faults.lost.clear()
        if self.random.random() < 0.5:
            self.made.bench.reconnect()

    def vpp_refuses(self) -> None:
        faults = self.made.bench.faults
        faults.refusals[self.random.choice([name for name in MESSAGES if not name.endswith("dump")])] = -1
        self.anything()
        self.counts["refused"] += bool(self.made.tenant.problem)
        faults.refusals.clear()

    def daemon_starts_again(self) -> None:
        self.made.start_again()

    def somebody_takes_ours_away(self) -> None:
        bench = self.made.bench
        there = sorted(self.expected() & self.made.present(*DELEGATED), key=str)
        for item in self.random.sample(there, len(there) // 2):
            if isinstance(item, Route):
                bench.other_route(item, add=False)
            elif isinstance(item, InterfaceAddress):
                bench.other_address(item, add=False)
        bench.place(again=self.random.random() < 0.5)

    def interfaces_go_and_come(self) -> None:
        away = self.random.random() < 0.3
        if away:
            self.made.bench.lose()
        for name in self.random.sample([WAN, LAN0, LAN1], self.random.randrange(1, 4)):
            self.made.bench.delete(name)
        self.made.furnish()
        self.adopt()

    # --- what comes of it

    def expected(self) -> set[Item]:
        """Return what the router has to have."""
        model, found = self.model, set[Item]()
        found |= {wan_address(text.removesuffix("/128")) for text in model.addresses}
        if self.made.config.slaac and model.autonomous > self.now:
            found |= {wan_address(one.address) for one in self.made.tenant.slaac}
            assert [one.address in IPv6Network(SLAAC) for one in self.made.tenant.slaac] == [True]
        live = {router: one for router, (until, one) in model.routers.items() if until > self.now}
        best = max((RANKS[one] for one in live.values()), default=0)
        found |= {way(router) for router, one in live.items() if RANKS[one] == best}
        if self.made.config.npt66:
            found.add(reject(INTERNAL))
            for number, text in enumerate(model.delegated):
                found.add(NptBinding(WAN, INTERNAL, IPv6Network(text)) if number == 0 else reject(text))
        else:
            for text in model.delegated:
                found |= {*lan_addresses(text), reject(text)}
        return found

    def check(self) -> None:
        """Let the faults be over, and compare."""
        self.made.bench.later()
        self.made.tenant.work()
        self.made.bench.place(again=True)
        assert self.made.present(*DELEGATED) == self.expected()
        assert self.made.tenant.problem == ""
        if self.made.config.npt66 and self.model.delegated:
            assert "npt66-input" in self.made.bench.rig.ctl(f"show interface features {WAN}")

    def deeds(self) -> list[Callable[[], None]]:
        """Return what can happen."""
        return [
            *[self.renumber] * 3,
            self.renew,
            self.take_all,
            *[self.give_addresses] * 2,
            *[self.router_speaks] * 3,
            *[self.time_passes] * 3,
            self.vpp_goes_meanwhile,
            self.vpp_is_away,
            *[self.replies_get_lost] * 3,
            *[self.vpp_refuses] * 2,
            self.daemon_starts_again,
            self.somebody_takes_ours_away,
            self.interfaces_go_and_come,
        ]


@pytest.mark.parametrize(
    ("seed", "config"),
    [
        (0, NPT),
        (1, LANS),
        (2, ClientConfig(npt66=True, internal_prefix=INTERNAL, slaac=True)),
        (3, ClientConfig(lans=LANS.lans, slaac=True)),
    ],
)
def test_behind_random_faults_the_router_has_what_the_lease_says(
    on_router: Callable[[ClientConfig], Tenanted], seed: int, config: ClientConfig
) -> None:
    random = Random(seed)
    storm = Storm(on_router(config), random)
    done: list[str] = []
    for step in range(STEPS):
        deed = random.choice(storm.deeds())
        done.append(deed.__name__)
        deed()
        if step % 5 == 0:
            try:
                storm.check()
            except AssertionError as error:
                raise AssertionError(f"step {step}, behind {done[-6:]}: {error}") from error
    storm.check()
    storm.made.tenant.withdraw()
    assert storm.made.present(*DELEGATED) == set()
    assert all(storm.counts.values()), storm.counts
