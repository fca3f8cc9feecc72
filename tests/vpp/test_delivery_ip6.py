"""IPv6 is on where it is wanted and VPP does not advertise itself there; both are undone where that is known."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.vpp.conftest import VirtualClock
from tests.vppsim.rig import Rig, make_rig
from vppdhc.vpp.api import ApiClient
from vppdhc.vpp.delivery import Delivery, Ip6Enabled, Item, NoOwnAdvertisements
from vppdhc.vpp.errors import VppCallError
from vppdhc.vpp.interfaces import InterfaceTable

ADDRESS = "2001:db8::1/64"


class Router:
    """A router, either one, with what the daemon keeps in it. told: what the listener of drift heard."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.told: list[tuple[Item, str]] = []
        self._clients: list[ApiClient] = []
        self.connect()
        self.start()
        self.name = rig.loopback()
        self.ctl(f"set interface state {self.name} up")
        self.read()

    def connect(self) -> None:
        """Connect to the router's API."""
        self.vpp = ApiClient(str(self.rig.run_dir / "api.sock"))
        self._clients.append(self.vpp)
        self.vpp.connect()

    def start(self) -> None:
        """Start the daemon, which knows nothing of an earlier one."""
        self.table = InterfaceTable()
        self.delivery = Delivery(self.table.named, VirtualClock())
        self.delivery.on_drift(lambda item, reason: self.told.append((item, reason)))
        self.table.on_change(self.delivery.interface_changed)
        self.read()

    def read(self) -> None:
        """Do what the link does every second."""
        self.table.read(self.vpp)
        self.delivery.place(self.vpp)

    def lose(self) -> None:
        """Do what the link does when the connection has gone."""
        self.delivery.forget()
        self.table.clear()

    def want(self, *kinds: type[Ip6Enabled | NoOwnAdvertisements], owner: str = "") -> None:
        """Want items of these kinds on the interface, and of the others none."""
        for kind in (Ip6Enabled, NoOwnAdvertisements):
            self.delivery.want(kind, {kind(self.name)} if kind in kinds else (), owner=owner)
        self.read()

    def ctl(self, line: str) -> None:
        """Do what an operator does."""
        assert self.rig.ctl(line) == ""

    def switch(self, *, on: bool) -> None:
        """Do what another client of the API does with IPv6."""
        self.vpp.call("sw_interface_ip6_enable_disable", sw_if_index=self.rig.index(self.name), enable=on)

    def advertise(self, **settings: int) -> None:
        """Have VPP advertise itself, as another client of the API does."""
        self.vpp.call("sw_interface_ip6nd_ra_config", sw_if_index=self.rig.index(self.name), **settings)

    @property
    def has_ip6(self) -> bool:
        """Whether IPv6 is on on the interface."""
        try:
            self.vpp.call("sw_interface_ip6_get_link_local_address", sw_if_index=self.rig.index(self.name))
        except VppCallError:
            return False
        return True

    @property
    def own(self) -> list[Any]:
        """How VPP advertises itself on the interface."""
        return self.vpp.dump("sw_interface_ip6nd_ra_dump", sw_if_index=self.rig.index(self.name))

    @property
    def sends(self) -> bool:
        """Whether VPP advertises itself on the interface."""
        return any(details.send_radv for details in self.own)

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.rig.close()


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    made = Router(make_rig(tmp_path))
    try:
        yield made
    finally:
        made.close()


def test_ip6_is_on_while_wanted(router: Router) -> None:
    assert not router.has_ip6
    router.want(Ip6Enabled)
    assert router.has_ip6
    router.want()
    assert not router.has_ip6


@pytest.mark.parametrize("how", ["address", "request"])
def test_ip6_that_others_want_stays_on(router: Router, how: str) -> None:
    if how == "address":
        router.ctl(f"set interface ip address {router.name} {ADDRESS}")
    else:
        router.switch(on=True)
    router.want(Ip6Enabled)
    for _ in range(3):
        router.delivery.place(router.vpp, again=True)
    router.want()
    assert router.has_ip6
    if how == "address":
        router.ctl(f"set interface ip address del {router.name} {ADDRESS}")
    else:
        router.switch(on=False)
    assert not router.has_ip6, "nothing of ours was left"


def test_ip6_stays_on_when_the_last_address_goes(router: Router) -> None:
    """A LAN whose delegated prefix changes has no address for a moment."""
    router.ctl(f"set interface ip address {router.name} {ADDRESS}")
    router.want(Ip6Enabled)
    router.ctl(f"set interface ip address del {router.name} {ADDRESS}")
    assert router.has_ip6


@pytest.mark.parametrize("again", [True, False])
def test_ip6_that_somebody_switched_off_is_on_again(router: Router, again: bool) -> None:
    """That is seen when the interfaces are read, and whenever everything is put in place again."""
    router.want(Ip6Enabled)
    router.read()
    router.switch(on=False)
    assert not router.has_ip6
    if again:
        router.delivery.place(router.vpp, again=True)
    else:
        router.read()
    assert router.has_ip6
    router.want()
    assert not router.has_ip6


def test_ip6_is_on_as_long_as_one_of_two_wants_it(router: Router) -> None:
    router.want(Ip6Enabled, owner="clients")
    router.want(Ip6Enabled, owner="advertisements")
    router.want(owner="clients")
    assert router.has_ip6
    router.want(owner="advertisements")
    assert not router.has_ip6


def test_ip6_is_rather_left_on_after_a_lost_connection(router: Router) -> None:
    """Whether VPP still counts our first request is not known: VPP may have been another one."""
    router.want(Ip6Enabled)
    router.lose()
    router.read()
    router.want()
    assert router.has_ip6


def test_the_next_interface_of_the_name_gets_the_same(router: Router) -> None:
    """VPP gives it the same index as well."""
    router.want(Ip6Enabled, NoOwnAdvertisements)
    index = router.rig.index(router.name)
    router.ctl(f"delete loopback interface intfc {router.name}")
    router.table.deleted(index)
    assert router.rig.loopback() == router.name
    assert router.rig.index(router.name) == index
    assert not router.has_ip6
    router.read()
    assert router.has_ip6


def test_vpp_advertises_itself_no_more_while_wanted(router: Router) -> None:
    router.switch(on=True)
    router.advertise(managed=1, max_interval=40, min_interval=30)
    (before,) = router.own
    assert before.send_radv
    with capture_logs() as logs:
        router.want(NoOwnAdvertisements)
    assert [entry["event"] for entry in logs] == ["VPP's own router advertisements switched off"]
    assert router.told == []
    (now,) = router.own
    assert not now.send_radv
    router.want()
    (after,) = router.own
    assert (after.send_radv, after.adv_managed_flag, after.max_radv_interval, after.min_radv_interval) == (
        True,
        True,
        before.max_radv_interval,
        before.min_radv_interval,
    )


@pytest.mark.parametrize("with_ip6", [True, False])
def test_vpp_that_did_not_advertise_itself_does_not_begin(router: Router, with_ip6: bool) -> None:
    if with_ip6:
        router.switch(on=True)
    router.want(NoOwnAdvertisements)
    router.want()
    assert not router.sends
    assert router.has_ip6 == with_ip6
    assert router.delivery.refused == {}


def test_what_somebody_switches_on_is_drift_and_put_right(router: Router) -> None:
    router.want(Ip6Enabled, NoOwnAdvertisements)
    router.advertise(other=1)
    with capture_logs() as logs:
        router.delivery.place(router.vpp, again=True)
    assert not router.sends
    assert [entry["log_level"] for entry in logs] == ["warning"]
    item = NoOwnAdvertisements(router.name)
    assert router.told == [(item, "somebody had switched VPP's own router advertisements on"), (item, "")]


def test_it_is_known_over_a_lost_connection_that_vpp_advertised_itself(router: Router) -> None:
    router.switch(on=True)
    router.advertise(managed=1)
    router.want(NoOwnAdvertisements)
    router.lose()
    router.connect()
    router.read()
    router.delivery.remove(router.vpp)
    assert router.sends


def test_a_killed_daemon_leaves_vpp_silent(router: Router) -> None:
    router.switch(on=True)
    router.advertise(managed=1)
    router.want(NoOwnAdvertisements)
    router.start()
    router.want(NoOwnAdvertisements)
    router.want()
    assert not router.sends


@pytest.mark.parametrize("between", ["the interface goes", "IPv6 goes"])
def test_what_vpp_has_forgotten_is_not_put_back(router: Router, between: str) -> None:
    router.switch(on=True)
    router.advertise(managed=1)
    router.want(NoOwnAdvertisements)
    if between == "IPv6 goes":
        router.switch(on=False)
    else:
        index = router.rig.index(router.name)
        router.ctl(f"delete loopback interface intfc {router.name}")
        router.table.deleted(index)
        assert router.rig.loopback() == router.name
    router.read()
    router.switch(on=True)
    router.read()
    router.want()
    assert not router.sends


def test_both_are_undone_on_a_clean_stop(router: Router) -> None:
    router.want(Ip6Enabled, NoOwnAdvertisements)
    router.delivery.remove(router.vpp)
    assert not router.has_ip6
    assert not router.sends


def test_what_is_to_stay_stays_when_the_daemon_ends(router: Router) -> None:
    router.want(Ip6Enabled, NoOwnAdvertisements)
    router.delivery.leave({Ip6Enabled(router.name)})
    router.delivery.place(router.vpp)
    router.delivery.remove(router.vpp)
    assert router.has_ip6
    assert not router.sends


class Refusing:
    """A VPP that refuses to enable IPv6."""

    def __init__(self, vpp: ApiClient) -> None:
        self._vpp = vpp

    def call(self, name: str, /, **arguments: Any) -> Any:
        if name == "sw_interface_ip6_enable_disable":
            raise VppCallError(name, arguments, -9)
        return self._vpp.call(name, **arguments)

    def dump(self, name: str, /, **arguments: Any) -> list[Any]:
        return self._vpp.dump(name, **arguments)


def test_what_vpp_refuses_is_drift(router: Router) -> None:
    item = Ip6Enabled(router.name)
    router.delivery.want(Ip6Enabled, {item})
    router.delivery.place(Refusing(router.vpp))
    assert "UNIMPLEMENTED" in router.delivery.refused[item].reason
    router.delivery.place(router.vpp)
    assert router.delivery.refused == {}
    assert [reason for _, reason in router.told][1:] == [""]
