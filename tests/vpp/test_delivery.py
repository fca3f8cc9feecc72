"""What VPP is told so that packets arrive: put in place once, kept there, taken away."""

import pytest
from structlog.testing import capture_logs

from tests.vpp.conftest import VirtualClock
from tests.vppsim.rig import SimulatorRig
from vppdhc.vpp.api import ApiClient
from vppdhc.vpp.delivery import TO_ALL_SERVERS, TO_SERVERS, BroadcastRoute, ClientDetection, Delivery, MulticastRoute
from vppdhc.vpp.interfaces import InterfaceTable


@pytest.fixture
def table() -> InterfaceTable:
    return InterfaceTable()


@pytest.fixture
def delivery(table: InterfaceTable) -> Delivery:
    return Delivery(table.named, VirtualClock())


def takes_broadcasts(rig: SimulatorRig, table: int = 0) -> bool:
    return "dpo-receive" in rig.ctl(f"show ip fib table {table} 255.255.255.255/32")


def takes_multicasts(vpp: ApiClient, group: str = "ff02::1:2") -> bool:
    groups = vpp.dump("ip_mroute_dump", table={"table_id": 0, "is_ip6": True})
    return group in {str(entry.route.prefix.grp_address.ip6) for entry in groups}


def test_a_table_takes_broadcasts_while_wanted(rig: SimulatorRig, vpp: ApiClient, delivery: Delivery) -> None:
    rig.ctl("ip table add 7")
    assert delivery.want(BroadcastRoute, {BroadcastRoute(0), BroadcastRoute(7)})
    assert not delivery.want(BroadcastRoute, {BroadcastRoute(0), BroadcastRoute(7)})
    assert not takes_broadcasts(rig)
    delivery.place(vpp)
    assert takes_broadcasts(rig)
    assert takes_broadcasts(rig, 7)
    delivery.want(BroadcastRoute, {BroadcastRoute(7)})
    delivery.place(vpp)
    assert not takes_broadcasts(rig)
    assert takes_broadcasts(rig, 7)
    delivery.remove(vpp)
    assert not takes_broadcasts(rig, 7)


def test_multicasts_to_dhcp_servers_are_taken_while_wanted(vpp: ApiClient, delivery: Delivery) -> None:
    delivery.want(MulticastRoute, {MulticastRoute(0)})
    delivery.place(vpp)
    assert takes_multicasts(vpp)
    delivery.remove(vpp)
    assert not takes_multicasts(vpp)


def test_each_group_is_for_itself(vpp: ApiClient, delivery: Delivery) -> None:
    delivery.want(MulticastRoute, {MulticastRoute(0, TO_SERVERS), MulticastRoute(0, TO_ALL_SERVERS)})
    delivery.place(vpp)
    assert takes_multicasts(vpp)
    assert takes_multicasts(vpp, "ff05::1:3")
    delivery.want(MulticastRoute, {MulticastRoute(0, TO_ALL_SERVERS)})
    delivery.place(vpp)
    assert not takes_multicasts(vpp)
    assert takes_multicasts(vpp, "ff05::1:3")
    assert str(MulticastRoute(7, TO_ALL_SERVERS)) == "ff05::1:3/128 in IPv6 table 7"
    delivery.remove(vpp)
    assert not takes_multicasts(vpp, "ff05::1:3")


def test_one_kind_is_not_taken_for_another(rig: SimulatorRig, vpp: ApiClient, delivery: Delivery) -> None:
    delivery.want(BroadcastRoute, {BroadcastRoute(0)})
    delivery.want(MulticastRoute, {MulticastRoute(0)})
    delivery.place(vpp)
    assert takes_broadcasts(rig)
    assert takes_multicasts(vpp)
    delivery.want(MulticastRoute, ())
    delivery.place(vpp)
    assert takes_broadcasts(rig)
    assert not takes_multicasts(vpp)


def test_what_somebody_took_away_is_put_back(rig: SimulatorRig, vpp: ApiClient, delivery: Delivery) -> None:
    delivery.want(BroadcastRoute, {BroadcastRoute(0)})
    delivery.place(vpp)
    other = Delivery(InterfaceTable().named, VirtualClock())
    other.want(BroadcastRoute, {BroadcastRoute(0)})
    other.place(vpp)
    other.remove(vpp)
    assert not takes_broadcasts(rig)
    delivery.place(vpp, again=True)
    assert takes_broadcasts(rig)


def test_what_vpp_refuses_is_said_once_and_tried_again(rig: SimulatorRig, vpp: ApiClient, delivery: Delivery) -> None:
    delivery.want(BroadcastRoute, {BroadcastRoute(7)})
    with capture_logs() as logs:
        delivery.place(vpp)
        delivery.place(vpp)
    assert len(logs) == 1
    refusal = delivery.refused[BroadcastRoute(7)]
    assert "NO_SUCH_FIB" in refusal.reason
    assert refusal.attempts == 2
    rig.ctl("ip table add 7")
    delivery.place(vpp)
    assert takes_broadcasts(rig, 7)
    assert delivery.refused == {}


class Detections:
    """Writes down what is asked of VPP about client detection."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, bool]] = []

    def call(self, name: str, /, **arguments: object) -> None:
        assert name == "dhcp_client_detect_enable_disable"
        self.calls.append((int(str(arguments["sw_if_index"])), bool(arguments["enable"])))

    def dump(self, name: str, /, **arguments: object) -> list[object]:
        raise AssertionError(name)


def test_client_detection_follows_the_interface(
    rig: SimulatorRig, vpp: ApiClient, table: InterfaceTable, delivery: Delivery
) -> None:
    """An index is given again to the next interface: what counts is the name."""
    asked = Detections()
    delivery.want(ClientDetection, {ClientDetection("tap0")})
    delivery.place(asked)
    assert asked.calls == []
    rig.ctl("create sim-interface tap0")
    table.read(vpp)
    delivery.place(asked)
    delivery.place(asked)
    first = rig.index("tap0")
    assert asked.calls == [(first, True)]
    rig.ctl("delete sim-interface tap0")
    rig.ctl("create sim-interface tap1")
    rig.ctl("create sim-interface tap0")
    table.read(vpp)
    delivery.place(asked)
    assert asked.calls[1:] == [(rig.index("tap0"), True)]
    delivery.remove(asked)
    assert asked.calls[2:] == [(rig.index("tap0"), False)]
    assert rig.index("tap1") == first


def test_client_detection_works(rig: SimulatorRig, vpp: ApiClient, table: InterfaceTable, delivery: Delivery) -> None:
    rig.ctl("create sim-interface tap0")
    table.read(vpp)
    delivery.want(ClientDetection, {ClientDetection("tap0")})
    delivery.place(vpp)
    delivery.want(ClientDetection, ())
    delivery.place(vpp)
    assert delivery.refused == {}


def test_nothing_is_taken_away_that_went_with_vpp(vpp: ApiClient, delivery: Delivery) -> None:
    asked = Detections()
    delivery.want(BroadcastRoute, {BroadcastRoute(0)})
    delivery.place(vpp)
    delivery.forget()
    delivery.remove(asked)
    assert asked.calls == []
