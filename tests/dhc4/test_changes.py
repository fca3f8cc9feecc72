"""Interfaces and a configuration that change under the leases, and commits that fail."""

from tests.dhc4.clients import (
    TWO_LANS,
    Lan,
    decline,
    dropped,
    interface,
    message,
    number,
    reboot,
    release,
    renew,
    text,
)
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.config import Overrides, ServerConfig, Settings
from vppdhc.dhc4.request import Drop
from vppdhc.dhc4.server import Server, client_key
from vppdhc.leases.lease import Change

# Interfaces and configuration that change


def test_a_network_that_comes_back_finds_clients_with_newer_leases() -> None:
    old, new = interface("192.168.1.1/24"), interface("172.16.0.1/24")
    lan = Lan(old)
    first = lan.bind()
    lan.server.interface_changed(old, new)
    lan.now += 10
    second = lan.bind()
    both = interface("192.168.1.1/24", "172.16.0.1/24")
    lan.server.interface_changed(new, both)
    assert lan.ask(renew(1, second), both).type == "ack", "it may keep what it uses"
    assert lan.book.get(0, number(first)) is None, "and has one address on the link"
    assert lan.ask(message("discover"), both).bootp.yiaddr == second


def test_of_two_leases_on_a_link_the_one_in_force_counts() -> None:
    old, new = interface("192.168.1.1/24"), interface("172.16.0.1/24")
    lan = Lan(old)
    lan.bind()
    lan.server.interface_changed(old, new)
    lan.now += 3000
    second = lan.bind()
    lan.now += 1000  # the first one has ended, the second has not
    both = interface("192.168.1.1/24", "172.16.0.1/24")
    lan.server.interface_changed(new, both)
    assert lan.ask(message("discover"), both).bootp.yiaddr == second


def test_a_client_that_goes_to_and_fro_has_an_address_on_each_link() -> None:
    lan = Lan(*TWO_LANS)
    here = lan.bind()
    there = lan.ask(message("discover"), TWO_LANS[1]).bootp.yiaddr
    assert lan.ask(lan.select(1, there, server="192.168.2.1"), TWO_LANS[1]).type == "ack"
    assert lan.book.active == {"tap0": 1, "tap1": 1}
    assert lan.ask(reboot(1, here)).type == "ack"
    assert lan.ask(reboot(1, there), TWO_LANS[1]).type == "ack"
    assert lan.ask(reboot(1, there)).type == "nak"


def test_leases_outlive_their_network() -> None:
    lan = Lan()
    address = lan.bind()
    moved = interface("172.16.0.1/24")
    lan.server.interface_changed(lan.interfaces[0], moved)
    assert lan.ask(renew(1, address), moved).type == "nak"
    lan.server.interface_changed(moved, lan.interfaces[0])
    assert lan.ask(renew(1, address)).type == "ack"


def test_a_removed_interface_is_not_served(lan: Lan) -> None:
    lan.server.interface_changed(lan.interfaces[0], None)
    assert dropped(lan.hear(message("discover")), Drop.NOT_SERVED)
    lan.server.interface_changed(None, lan.interfaces[0])
    assert lan.ask(message("discover")).type == "offer"


def test_a_renamed_interface(lan: Lan) -> None:
    renamed = interface("192.168.1.1/24", name="lan")
    lan.server.interface_changed(lan.interfaces[0], renamed)
    assert dropped(lan.hear(message("discover")), Drop.NOT_SERVED)
    assert lan.ask(message("discover"), renamed).type == "offer"


def test_pools_are_made_anew_only_for_networks_that_changed() -> None:
    lan = Lan(interface("192.168.1.1/24", "172.16.0.1/24"))
    served = lan.server.networks.served("tap0")
    assert served is not None
    before = served.subnets
    lan.server.interface_changed(lan.interfaces[0], interface("192.168.1.1/24", "172.16.0.200/24"))
    served = lan.server.networks.served("tap0")
    assert served is not None
    assert served.subnets[0] is before[0]
    assert served.subnets[1].pools[0].pool is not before[1].pools[0].pool


def test_a_new_configuration_holds_at_once(lan: Lan) -> None:
    address = lan.bind()
    lan.server.configure(ServerConfig(per_interface={"tap0": Overrides(lease_time=600)}))
    assert lan.ask(renew(1, address)).options["lease_time"] == 600
    lan.server.configure(ServerConfig(interfaces=("tap9",)))
    assert dropped(lan.hear(renew(1, address)), Drop.NOT_SERVED)


def test_a_network_that_moves_to_another_interface_takes_its_leases_along() -> None:
    lan = Lan(*TWO_LANS)
    address = lan.bind()
    moved = interface("192.168.2.1/24", "192.168.1.1/24", name="tap1", index=2)
    lan.server.interface_changed(TWO_LANS[1], moved)  # seen there before it is seen gone here
    lan.server.interface_changed(TWO_LANS[0], interface())
    assert lan.ask(renew(1, address), moved).type == "ack"
    assert lan.book.active == {"tap0": 0, "tap1": 1}
    assert lan.ask(message("discover", 2, giaddr="192.168.1.9"), moved).options["server_id"] == "192.168.1.1"


def test_several_networks_on_one_interface() -> None:
    lan = Lan(interface("10.0.0.1/30", "192.168.1.1/24"))
    assert lan.bind(1) == "10.0.0.2"
    second = lan.bind(2)
    assert second.startswith("192.168.1.")
    assert lan.ask(message("discover", 2)).options["server_id"] == "192.168.1.1"
    assert lan.ask(reboot(2, second)).options["subnet_mask"] == "255.255.255.0"


def test_a_network_within_another_of_the_interface_is_part_of_it() -> None:
    lan = Lan(interface("192.168.1.129/25", "192.168.1.1/24"))
    served = lan.server.networks.served("tap0")
    assert served is not None
    (subnet,) = served.subnets
    assert [text(address) for address in subnet.own] == ["192.168.1.129", "192.168.1.1"]
    assert subnet.pool_of(number("192.168.1.129")) is None


def test_the_same_network_in_two_tables() -> None:
    lan = Lan(TWO_LANS[0], interface("192.168.1.1/24", name="blue", index=2, table=7))
    assert lan.bind(1) == lan.ask(message("discover", 1), lan.interfaces[1]).bootp.yiaddr
    lan.hear(lan.select(1, text(lan.book.of_client(client_key(message("discover")))[0].address)), lan.interfaces[1])
    assert sorted(table for table, _ in lan.stored) == [0, 7]
    assert len(lan.book.of_client(client_key(message("discover")))) == 2


# Commits that fail


def test_a_lease_that_was_not_stored_is_taken_back(lan: Lan) -> None:
    offered = lan.ask(message("discover")).bootp.yiaddr
    outcome = lan.server.handle(lan.select(1, offered), lan.interfaces[0], lan.now)
    lan.book.take_back(outcome.changes[::-1])
    assert (len(lan.book), lan.book.active) == (0, {"tap0": 0})
    assert lan.ask(lan.select(1, offered)).type == "ack"


def test_so_are_a_renewal_and_what_came_with_it(lan: Lan) -> None:
    address = lan.bind()
    before = lan.book.get(0, number(address))
    lan.now += 5
    first = lan.server.handle(renew(1, address), lan.interfaces[0], lan.now)
    second = lan.server.handle(lan.select(1, "192.168.1.200"), lan.interfaces[0], lan.now)
    third = lan.server.handle(release(1, "192.168.1.200"), lan.interfaces[0], lan.now)
    lan.book.take_back([*first.changes, *second.changes, *third.changes][::-1])
    assert list(lan.book) == [before]
    assert list(lan.book.of_client(client_key(message("discover")))) == [before]
    assert lan.book.active == {"tap0": 1}


def test_so_is_an_address_that_went_to_another_client_in_the_same_commit(lan: Lan) -> None:
    address = lan.bind(1)
    first = lan.server.handle(release(1, address), lan.interfaces[0], lan.now)
    second = lan.server.handle(reboot(2, address), lan.interfaces[0], lan.now)
    third = lan.server.handle(decline(2, address), lan.interfaces[0], lan.now)
    lan.book.take_back([*first.changes, *second.changes, *third.changes][::-1])
    assert {(lease.table, lease.address): lease for lease in lan.book} == lan.stored
    assert lan.ask(renew(1, address)).type == "ack"
    assert lan.ask(reboot(2, address)).type == "nak"


def test_what_was_refused_at_once_leaves_what_still_waits(lan: Lan) -> None:
    address = lan.bind(1)
    waiting = lan.server.handle(release(1, address), lan.interfaces[0], lan.now)
    refused = lan.server.handle(reboot(2, address), lan.interfaces[0], lan.now)
    lan.book.take_back(refused.changes[::-1])
    assert list(lan.book) == [waiting.changes[0].new]
    assert lan.ask(message("discover", 1)).bootp.yiaddr == address


def test_what_was_replaced_meanwhile_is_left_alone(lan: Lan) -> None:
    address = lan.bind()
    failed = lan.server.handle(renew(1, address), lan.interfaces[0], lan.now + 1)
    lan.now += 2
    assert lan.ask(renew(1, address)).type == "ack"
    stands = lan.book.get(0, number(address))
    lan.book.take_back(failed.changes)
    assert lan.book.get(0, number(address)) is stands


def test_unrelated_servers_share_nothing() -> None:
    books = LeaseBook(), LeaseBook()
    servers = [Server(ServerConfig(Settings()), book) for book in books]
    for server in servers:
        server.interface_changed(None, TWO_LANS[0])
    servers[0].handle(reboot(1, "192.168.1.200"), TWO_LANS[0], 1.0)
    assert [len(book) for book in books] == [1, 0]
    books[0].apply(Change(next(iter(books[0])), None))
    assert len(books[0]) == 0
