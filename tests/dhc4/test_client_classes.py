"""Clients of a kind, and how clients boot: options 60, 77 (RFC 3004), 66 and 67, siaddr and file."""

from collections import Counter
from typing import Any

import pytest

from tests.dhc4.clients import Lan, look, message, number, octets, options, renew, reservation
from vppdhc.dhc4.classes import ClientClass, ClientClasses
from vppdhc.dhc4.config import ServerConfig, Settings
from vppdhc.dhc4.reply import encode

IPXE = ClientClass("ipxe", user_classes=(b"iPXE",), options=options(boot_file_name="http://boot/menu.ipxe"))
UEFI = ClientClass(
    "uefi",
    vendor_classes=(b"PXEClient:Arch:00007*",),
    options=options(boot_file_name="ipxe.efi", next_server="192.168.1.5", vendor_class_identifier="PXEClient"),
)
PHONE = ClientClass("phone", (b"phone",), (b"office", b"home"), options(time_offset=3600))
PXE_ROM = b"PXEClient:Arch:00007:UNDI:003016"
WANTED = ("param_req_list", [1, 3])


def lan(**settings: Any) -> Lan:
    return Lan(config=ServerConfig(Settings(**settings), classes=ClientClasses([IPXE, UEFI, PHONE])))


@pytest.mark.parametrize(
    ("said", "file"),
    [
        ([(60, PXE_ROM)], b"ipxe.efi"),
        ([(60, PXE_ROM), (77, b"iPXE")], b"http://boot/menu.ipxe"),  # as iPXE sends it
        ([(60, PXE_ROM), (77, b"\4iPXE")], b"http://boot/menu.ipxe"),  # as RFC 3004 has it
        ([(60, PXE_ROM), (77, b"\5other\4iPXE")], b"http://boot/menu.ipxe"),
        ([(60, PXE_ROM), (77, b"\0")], b"ipxe.efi"),
        ([(60, b"PXEClient:Arch:00000:UNDI:002001")], None),
        ([(60, b"")], None),
        ([], None),
    ],
)
def test_classes_by_vendor_and_user_class(said: list[Any], file: bytes | None) -> None:
    seen = lan().ask(message("discover", 1, *said))
    assert seen.options.get("boot-file-name") == file


def test_where_there_are_both_both_have_to_match() -> None:
    for said, matches in (
        ([(60, b"phone"), (77, b"\4home")], True),
        ([(60, b"phone")], False),
        ([(77, b"\4home")], False),
    ):
        assert ("time_zone" in lan().ask(message("discover", 1, *said)).options) == matches


def test_options_of_a_class_are_in_every_answer_asked_for_or_not() -> None:
    served = lan()
    rom = (60, PXE_ROM)
    address = served.bind(1, rom, WANTED)
    for asked in (
        message("discover", 1, rom, WANTED),
        renew(1, address, rom, WANTED),
        message("inform", 1, rom, WANTED, ciaddr="192.168.1.77"),
    ):
        seen = served.ask(asked)
        assert seen.options["boot-file-name"] == b"ipxe.efi"
        assert seen.options["vendor_class_id"] == b"PXEClient"
        assert seen.bootp.siaddr == "192.168.1.5"


def test_a_reservation_goes_before_the_class() -> None:
    served = lan()
    served.reserve(reservation(1, options=options(boot_file_name="own.efi")))
    seen = served.ask(message("discover", 1, (60, PXE_ROM)))
    assert (seen.options["boot-file-name"], seen.bootp.siaddr) == (b"own.efi", "192.168.1.5")


# siaddr and file


def test_next_server_is_siaddr() -> None:
    served = lan(options=options(next_server="192.168.1.9"))
    assert served.ask(message("discover")).bootp.siaddr == "192.168.1.9"
    assert served.ask(message("discover", 1, (60, PXE_ROM))).bootp.siaddr == "192.168.1.5"
    refused = served.ask(message("request", 1, ("requested_addr", "10.0.0.1")))
    assert (refused.type, refused.bootp.siaddr, refused.bootp.file) == ("nak", "0.0.0.0", bytes(128))


@pytest.mark.parametrize(
    ("wanted", "option"), [([1, 3], None), ([1, 3, 67], b"boot/loader.bin"), (None, b"boot/loader.bin")]
)
def test_a_boot_file_is_in_the_field_and_in_the_option_for_who_asks(
    wanted: list[int] | None, option: bytes | None
) -> None:
    """Old boot loaders ask for option 67, and then read the field alone."""
    served = lan(options=options(boot_file_name="boot/loader.bin"))
    seen = served.ask(message("discover", 1, *([("param_req_list", wanted)] if wanted else [])))
    assert (seen.bootp.file.rstrip(b"\0"), seen.options.get("boot-file-name")) == (b"boot/loader.bin", option)


NAMED = b"boot/loader.bin"
LONG_E = b"\x12\x64" + b"e" * 100  # option 18


@pytest.mark.parametrize(
    ("root", "extensions", "wanted", "file", "sname", "left_out"),
    [
        (200, 0, None, NAMED, b"", []),
        (200, 100, None, LONG_E, b"", []),  # which needs the field; option 67 is in its place
        (250, 250, None, NAMED, b"\x43\x0f" + NAMED, [18]),  # nor would there be room in the field
        (200, 100, [17, 18], NAMED, b"", [18]),  # nothing else names the boot file
    ],
    ids=["room", "no room", "no room either way", "not asked for"],
)
def test_the_field_gives_way_to_options_where_the_option_names_the_boot_file(
    root: int, extensions: int, wanted: list[int] | None, file: bytes, sname: bytes, left_out: list[int]
) -> None:
    told = {"root_path": "r" * root, "boot_file_name": NAMED.decode()}
    if extensions:
        told["extensions_path"] = "e" * extensions
    served = lan(options=options(**told))
    (reply,) = served.hear(message("discover", 1, *([("param_req_list", wanted)] if wanted else []))).replies
    omitted: Counter[int] = Counter()
    seen = look(*encode(reply, served.interfaces[0], omitted))
    assert (seen.bootp.file.rstrip(b"\0\xff"), seen.bootp.sname.rstrip(b"\0\xff")) == (file, sname)
    assert seen.options["root_disk_path"] == b"r" * root
    assert seen.options.get("boot-file-name") == (NAMED if wanted is None and not sname else None)
    assert list(omitted) == left_out
    assert seen.size <= 548


def test_a_boot_file_that_does_not_fit_into_the_field() -> None:
    served = lan(options=options(boot_file_name="b" * 128))
    assert served.ask(message("discover", 1, WANTED)).bootp.file == bytes(128)
    assert served.ask(message("discover", 2, ("param_req_list", [67]))).options["boot-file-name"] == b"b" * 128
    fits = lan(options=options(boot_file_name="b" * 127))
    assert fits.ask(message("discover", 1, WANTED)).bootp.file == b"b" * 127 + b"\0"


# What finds no room


def test_options_without_room_are_counted() -> None:
    told = options(root_path="r" * 250, extensions_path="e" * 250, merit_dump="m" * 250)
    served = lan(options=told)
    omitted: Counter[int] = Counter()
    for station, size in ((1, 576), (2, 1500)):
        asked = message("discover", station, (57, size.to_bytes(2, "big")))
        encode(served.hear(asked).replies[0], served.interfaces[0], omitted)
    assert omitted == {17: 1, 18: 1}, "the first one found room in the small message, all of them in the large one"
    assert "root_disk_path" in served.ask(message("discover", 2, (57, b"\x05\xdc"))).options


def test_a_preview_knows_of_classes_and_relay_agents() -> None:
    served = lan()
    served.reserve(reservation(2, "192.168.1.7")._replace(client=b"", circuit_id=b"port1", remote_id=b"switch"))
    client = b"\1" + octets("02:00:00:00:00:01")
    arguments = client, client, served.interfaces[0], 0, served.now
    plain = served.server.preview(*arguments)
    assert (plain.client_class, 67 in plain.options) == ("", False)
    classy = served.server.preview(*arguments, vendor_class=PXE_ROM, user_class=b"iPXE")
    assert (classy.client_class, classy.options[67]) == ("ipxe", b"http://boot/menu.ipxe")
    reserved = served.server.preview(*arguments, circuit_id=b"port1", remote_id=b"switch")
    assert (reserved.address, reserved.why) == (number("192.168.1.7"), "reservation")
    assert served.asked == []
    assert list(served.book.offers()) == []
