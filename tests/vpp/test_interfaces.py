"""The interface table: what it reads, and that it has nothing that VPP has not."""

from ipaddress import IPv4Interface, IPv6Interface

import pytest

from tests.vpp.conftest import until
from tests.vppsim.rig import SimulatorRig
from vppdhc.interface import Interface, Vlan
from vppdhc.vpp.api import ApiClient
from vppdhc.vpp.errors import VppError
from vppdhc.vpp.interfaces import InterfaceTable


@pytest.fixture
def table() -> InterfaceTable:
    return InterfaceTable()


class Changes:
    """Replays changes, and checks that each fits what was there."""

    def __init__(self, table: InterfaceTable) -> None:
        self.now: dict[str, Interface] = {}
        self.count = 0
        table.on_change(self._changed)

    def _changed(self, old: Interface | None, new: Interface | None) -> None:
        self.count += 1
        present = old or new
        assert present is not None
        assert self.now.get(present.name) == old
        if new is None:
            del self.now[present.name]
        else:
            self.now[new.name] = new


def by_name(table: InterfaceTable) -> dict[str, Interface]:
    return {interface.name: interface for interface in table}


def test_an_interface_is_read_whole(rig: SimulatorRig, vpp: ApiClient, table: InterfaceTable) -> None:
    rig.ctl("create sim-interface tap1 hw-addr 02:00:00:00:00:11")
    rig.ctl("set interface state tap1 up")
    rig.ctl("ip table add 7")
    rig.ctl("set interface ip table tap1 7")
    rig.ctl("set interface ip address tap1 192.168.1.1/24")
    rig.ctl("set interface ip address tap1 2001:db8::1/64")
    table.read(vpp)
    read = table.named("tap1")
    assert read is not None
    assert (read.index, read.mac, read.up) == (rig.index("tap1"), bytes.fromhex("020000000011"), True)
    assert read.addresses4 == (IPv4Interface("192.168.1.1/24"),)
    assert read.addresses6 == (IPv6Interface("2001:db8::1/64"),)
    assert read.link_local is not None
    assert read.link_local.is_link_local
    assert (read.table4, read.table6) == (7, 0)
    assert table.get(read.index) is read


def test_an_interface_that_is_down_and_without_addresses(
    rig: SimulatorRig, vpp: ApiClient, table: InterfaceTable
) -> None:
    rig.ctl("create sim-interface tap1")
    table.read(vpp)
    read = table.named("tap1")
    assert read is not None
    assert (read.admin_up, read.up, read.addresses4, read.addresses6, read.link_local) == (False, False, (), (), None)


def test_names_are_exact(rig: SimulatorRig, vpp: ApiClient, table: InterfaceTable) -> None:
    rig.ctl("create sim-interface tap10")
    table.read(vpp)
    assert table.named("tap1") is None
    assert table.named("tap10") is not None


@pytest.mark.parametrize(
    ("words", "vlans"),
    [
        ("100", (Vlan(0x8100, 100),)),
        ("7 dot1ad 200", (Vlan(0x88A8, 200),)),
        ("8 dot1q 300 inner-dot1q 400", (Vlan(0x8100, 300), Vlan(0x8100, 400))),
        ("9 dot1ad 500 inner-dot1q 600", (Vlan(0x88A8, 500), Vlan(0x8100, 600))),
    ],
)
def test_a_sub_interface_has_its_tags_and_its_parents_mac(
    rig: SimulatorRig, vpp: ApiClient, table: InterfaceTable, words: str, vlans: tuple[Vlan, ...]
) -> None:
    rig.ctl("create sim-interface tap1 hw-addr 02:00:00:00:00:11")
    suffix = "" if words == "100" else " exact-match"
    assert rig.ctl(f"create sub-interfaces tap1 {words}{suffix}") == f"tap1.{words.split(maxsplit=1)[0]}"
    table.read(vpp)
    read = table.named(f"tap1.{words.split(maxsplit=1)[0]}")
    assert read is not None
    assert (read.vlans, read.mac) == (vlans, bytes.fromhex("020000000011"))


def test_changes_make_the_table_what_it_is(rig: SimulatorRig, vpp: ApiClient, table: InterfaceTable) -> None:
    changes = Changes(table)
    for line in (
        "create sim-interface tap1",
        "set interface state tap1 up",
        "set interface ip address tap1 192.168.1.1/24",
        "create sim-interface tap2",
        "delete sim-interface tap1",
        "create sim-interface tap3",  # gets the index of tap1
        "create sim-interface tap1",
        "set interface ip address del tap1 all",
    ):
        rig.ctl(line)
        table.read(vpp)
        assert changes.now == by_name(table)
        assert {interface.index: interface for interface in table} == {
            interface.index: table.get(interface.index) for interface in table
        }
    count = changes.count
    table.read(vpp)
    assert changes.count == count, "what has not changed is not told"
    table.clear()
    assert changes.now == {}
    assert len(table) == 0


def test_a_listener_that_fails_keeps_nothing_from_the_others(
    rig: SimulatorRig, vpp: ApiClient, table: InterfaceTable
) -> None:
    table.on_change(lambda *_: 1 / 0)
    changes = Changes(table)
    rig.ctl("create sim-interface tap1")
    table.read(vpp)
    assert "tap1" in changes.now


def test_what_is_deleted_while_the_table_is_read_does_not_come_back(
    rig: SimulatorRig, vpp: ApiClient, table: InterfaceTable
) -> None:
    """The event overtakes the rest of a reading that began before it."""
    rig.ctl("create sim-interface tap1")
    rig.ctl("create sim-interface tap2")
    table.read(vpp)
    index = rig.index("tap1")

    class Overtaken:
        def call(self, name: str, /, **arguments: object) -> object:
            return vpp.call(name, **arguments)

        def dump(self, name: str, /, **arguments: object) -> list[object]:
            if name == "ip_address_dump" and arguments["sw_if_index"] == rig.index("tap2"):
                table.deleted(index)
            return vpp.dump(name, **arguments)

    table.read(Overtaken())
    assert table.named("tap1") is None
    assert table.get(index) is None


def test_an_interface_that_vanishes_between_two_calls_is_not_there(
    rig: SimulatorRig, vpp: ApiClient, table: InterfaceTable
) -> None:
    rig.ctl("create sim-interface tap1")

    class Vanishing:
        def call(self, name: str, /, **arguments: object) -> object:
            return vpp.call(name, **arguments)

        def dump(self, name: str, /, **arguments: object) -> list[object]:
            found = vpp.dump(name, **arguments)
            if name == "sw_interface_dump":
                rig.ctl("delete sim-interface tap1")
            return found

    table.read(Vanishing())
    assert table.named("tap1") is None


def test_a_table_that_cannot_be_read_is_left_as_it_was(
    rig: SimulatorRig, vpp: ApiClient, table: InterfaceTable
) -> None:
    rig.ctl("create sim-interface tap1")
    table.read(vpp)
    before = by_name(table)
    rig.process.kill()
    until(vpp.closed.is_set, "the connection has ended")
    with pytest.raises(VppError):
        table.read(vpp)
    assert by_name(table) == before
