"""What else the server decides (RFC 2131, 4.2 to 4.3.5), and what it does not answer."""

from math import inf

import pytest

from tests.dhc4.clients import (
    TWO_LANS,
    Lan,
    decline,
    dropped,
    interface,
    kinds,
    mac,
    message,
    number,
    reboot,
    release,
    renew,
    see,
    text,
)
from vppdhc.dhc4.config import INFINITE, ServerConfig
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.request import Drop
from vppdhc.dhc4.server import client_key
from vppdhc.leases.lease import LeaseState
from vppdhc.packet.dhcp4 import Message

# DECLINE, RELEASE, INFORM


def test_a_declined_address_is_nobodys_for_a_day(lan: Lan) -> None:
    address = lan.bind()
    outcome = lan.hear(decline(1, address))
    assert outcome.replies == []
    assert outcome.drop is None
    assert kinds(outcome) == [EventKind.DECLINED]
    lease = outcome.changes[0].new
    assert lease is not None
    assert (lease.state, lease.client, lease.expires) == (LeaseState.DECLINED, b"", lan.now + 86_400)
    assert lease.hardware == b"\x01\x02\0\0\0\0\x01"
    assert lan.book.active == {"tap0": 0}
    lan.now += 86_000
    lan.expire()
    assert lan.bind() != address
    assert lan.ask(reboot(2, address)).type == "nak"
    lan.now += 500
    lan.expire()
    assert lan.book.get(0, number(address)) is None
    assert (0, number(address)) not in lan.stored
    assert lan.ask(reboot(2, address)).type == "ack"


def test_an_offer_can_be_declined(lan: Lan) -> None:
    address = lan.ask(message("discover")).bootp.yiaddr
    assert kinds(lan.hear(decline(1, address))) == [EventKind.DECLINED]
    assert lan.ask(message("discover")).bootp.yiaddr != address


def test_probation_can_be_for_ever() -> None:
    lan = Lan(probation_time=INFINITE)
    address = lan.bind()
    lan.hear(decline(1, address))
    lan.now += 1e9
    lan.expire()
    assert lan.ask(reboot(2, address)).type == "nak"
    assert lan.book.next_expiry() == inf


def test_declining_what_one_does_not_have(lan: Lan) -> None:
    address = lan.bind()
    offered = lan.ask(message("discover", 3)).bootp.yiaddr
    assert dropped(lan.hear(decline(2, address)), Drop.NO_LEASE)
    assert dropped(lan.hear(decline(2, offered)), Drop.NO_LEASE)
    assert dropped(lan.hear(decline(2, "192.168.1.200")), Drop.NO_LEASE)
    assert dropped(lan.hear(decline(1, address, server="192.168.1.9")), Drop.OTHER_SERVER)
    assert dropped(lan.hear(message("decline")), Drop.MALFORMED)
    assert lan.ask(renew(1, address)).type == "ack"


def test_release(lan: Lan) -> None:
    address = lan.bind()
    lan.now += 10
    outcome = lan.hear(release(1, address, ("server_id", "192.168.1.1")))
    assert (outcome.replies, outcome.drop, kinds(outcome)) == ([], None, [EventKind.RELEASED])
    (change,) = outcome.changes
    assert change.new is not None
    assert change.old is not None
    assert change.new == change.old._replace(state=LeaseState.RELEASED, expires=1010.0)
    assert lan.book.active == {"tap0": 0}
    assert lan.ask(reboot(2, address)).type == "ack"


def test_releasing_what_one_does_not_have(lan: Lan) -> None:
    address = lan.bind()
    assert dropped(lan.hear(release(2, address)), Drop.NO_LEASE)
    assert dropped(lan.hear(release(1, "192.168.1.200")), Drop.NO_LEASE)
    assert dropped(lan.hear(release(1, address, ("server_id", "192.168.1.9"))), Drop.OTHER_SERVER)
    assert dropped(lan.hear(message("release")), Drop.MALFORMED)
    lan.hear(release(1, address))
    assert dropped(lan.hear(release(1, address)), Drop.NO_LEASE)


def test_inform_gets_the_rest(lan: Lan) -> None:
    asked = message("inform", 1, ciaddr="192.168.1.9", source="192.168.1.9")
    outcome = lan.hear(asked)
    seen = see(outcome, lan.interfaces[0])
    assert (seen.type, seen.bootp.yiaddr, seen.bootp.ciaddr) == ("ack", "0.0.0.0", "192.168.1.9")
    assert seen.options["subnet_mask"] == "255.255.255.0"
    assert not {"lease_time", "renewal_time", "rebinding_time"} & set(seen.options)
    assert (outcome.changes, outcome.events, len(lan.book)) == ([], [], 0)


def test_inform_from_nowhere(lan: Lan) -> None:
    assert dropped(lan.hear(message("inform")), Drop.NO_SUBNET)
    assert dropped(lan.hear(message("inform", ciaddr="192.168.7.7")), Drop.NO_SUBNET)


def test_inform_that_came_through_a_router() -> None:
    lan = Lan(*TWO_LANS)
    asked = message(
        "inform", ciaddr="192.168.1.9", source="192.168.1.9", destination="192.168.2.1", frame_source=mac(77)
    )
    seen = lan.ask(asked, TWO_LANS[1])
    assert (seen.type, seen.options["router"], seen.frame_destination) == ("ack", "192.168.1.1", mac(77))


def test_inform_that_leaves_ciaddr_out(lan: Lan) -> None:
    seen = lan.ask(message("inform", source="192.168.1.9", frame_source="02:00:00:00:00:77"))
    assert (seen.destination, seen.frame_destination) == ("192.168.1.9", "02:00:00:00:00:77")


# Who a client is


def test_a_client_id_is_the_client_whatever_its_hardware(lan: Lan) -> None:
    address = lan.bind(1, client_id=b"\xff1234567")
    assert lan.ask(message("discover", 2, client_id=b"\xff1234567")).bootp.yiaddr == address
    assert lan.ask(message("discover", 1)).bootp.yiaddr != address
    lease = lan.book.get(0, number(address))
    assert lease is not None
    assert (lease.client_id, lease.hardware) == (b"\xff1234567", b"\x01\x02\0\0\0\0\x01")


def test_a_client_id_cannot_pass_for_hardware() -> None:
    by_hardware = client_key(message("discover", 1))
    assert by_hardware == b"\x01\x02\0\0\0\0\x01"
    for forged in (by_hardware, by_hardware[1:], b"\0" + by_hardware):
        assert client_key(message("discover", 2, client_id=forged)) != by_hardware


def test_an_empty_client_id_is_none(lan: Lan) -> None:
    assert client_key(message("discover", 1, client_id=b"")) == client_key(message("discover", 1))


def test_a_client_without_hardware_address(lan: Lan) -> None:
    asked = message("discover", hardware=b"", htype=32, client_id=b"\xffinfiniband")
    seen = lan.ask(asked)
    assert (seen.type, seen.frame_destination) == ("offer", "ff:ff:ff:ff:ff:ff")


def test_host_names_are_for_people(lan: Lan) -> None:
    address = lan.bind(1, ("hostname", b"pr\x1b[2Jin\xffter\0"))
    lease = lan.book.get(0, number(address))
    assert lease is not None
    assert lease.hostname == "pr\ufffd[2Jin\ufffdter"
    lan.ask(renew(1, address))
    assert lan.book.of_client(lease.client)[0].hostname == lease.hostname
    lan.ask(renew(1, address, ("hostname", "other")))
    assert lan.book.of_client(lease.client)[0].hostname == "other"


# What is not answered


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (message("discover", op=2), Drop.NOT_A_REQUEST),
        (message("discover", hops=17), Drop.TOO_MANY_HOPS),
        (message(None), Drop.BOOTP),
        (message("offer"), Drop.MESSAGE_TYPE),
        (message("ack"), Drop.MESSAGE_TYPE),
        (message("nak"), Drop.MESSAGE_TYPE),
        (message(10), Drop.MESSAGE_TYPE),
        (message(255), Drop.MESSAGE_TYPE),
        (message("discover", hardware=b""), Drop.IDENTITY),
        (message("discover", htype=0), Drop.IDENTITY),
        (message("discover", 1, (61, b"x" * 200), (61, b"x" * 100)), Drop.MALFORMED),
        (message("discover", hardware=bytes(6)), Drop.HARDWARE),
        (message("discover", hardware=b"\xff" * 6), Drop.HARDWARE),
        (message("discover", hardware=b"\2" * 8), Drop.HARDWARE),
        (message("discover", giaddr="172.16.0.1"), Drop.NO_SUBNET),
        (message("discover", 1, (50, b"\1\2\3")), Drop.MALFORMED),
        (message("discover", 1, (51, b"\1\2\3\4\5")), Drop.MALFORMED),
        (message("request", 1, (54, b"")), Drop.MALFORMED),
    ],
)
def test_drops(lan: Lan, asked: Message, reason: Drop) -> None:
    assert dropped(lan.hear(asked), reason)
    assert lan.ask(message("discover", 9)).type == "offer"


def test_sixteen_hops_are_not_too_many(lan: Lan) -> None:
    assert lan.ask(message("discover", hops=16)).type == "offer"


def test_interfaces_that_are_not_served() -> None:
    wan = interface("192.0.2.7/24", name="wan", index=3)
    bare = interface(name="bare", index=4)
    lan = Lan(*TWO_LANS, wan, bare, config=ServerConfig(client_interfaces=frozenset({"wan"})))
    assert dropped(lan.hear(message("discover"), wan), Drop.NOT_SERVED)
    assert dropped(lan.hear(message("discover"), bare), Drop.NOT_SERVED)
    assert lan.ask(message("discover"), TWO_LANS[1]).type == "offer"


@pytest.mark.parametrize("network", ["10.0.0.0/31", "10.0.0.1/32"])
def test_networks_without_a_pool(network: str) -> None:
    lan = Lan(interface(network))
    assert dropped(lan.hear(message("discover")), Drop.NO_ADDRESS)
    assert lan.ask(reboot(1, "10.0.0.1")).type == "nak"


# Lifetimes


def test_a_shorter_lease_is_granted_on_request(lan: Lan) -> None:
    offered = lan.ask(message("discover", 1, ("lease_time", 600)))
    assert [offered.options[name] for name in ("lease_time", "renewal_time", "rebinding_time")] == [600, 300, 525]
    acked = lan.ask(lan.select(1, offered.bootp.yiaddr, ("lease_time", 1)))
    assert [acked.options[name] for name in ("lease_time", "renewal_time", "rebinding_time")] == [120, 60, 105]
    lan.now += 122
    assert [event.kind for event in lan.expire()] == [EventKind.EXPIRED]


def test_a_longer_one_is_not(lan: Lan) -> None:
    assert lan.ask(message("discover", 1, ("lease_time", 7200))).options["lease_time"] == 3600


def test_leases_end_at_whole_seconds_and_never_too_early(lan: Lan) -> None:
    lan.now = 1000.25
    address = lan.bind()
    lease = lan.book.get(0, number(address))
    assert lease is not None
    assert (lease.since, lease.renewed, lease.expires) == (1000.0, 1000.0, 4601.0)
    lan.now = 4600.25
    assert lan.ask(reboot(2, address)).type == "nak"
    other = lan.book.get(0, number(lan.bind(3)))
    assert other is not None
    assert lan.ask(renew(3, text(other.address))).type == "ack"


def test_a_lease_for_ever() -> None:
    lan = Lan(lease_time=INFINITE)
    address = lan.bind()
    lan.now += 1e9
    assert lan.expire() == []
    outcome = lan.hear(renew(1, address))
    assert kinds(outcome) == [EventKind.RENEWED]
    seen = see(outcome, lan.interfaces[0])
    assert seen.options["lease_time"] == INFINITE
    assert not {"renewal_time", "rebinding_time"} & set(seen.options)
