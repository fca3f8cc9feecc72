"""Client classes: who belongs to which."""

import pytest

from vppdhc.dhc4.classes import ClientClass, ClientClasses
from vppdhc.dhc4.options import OptionSet

PXE = ClientClass("pxe", (b"PXEClient*", b"HTTPClient"))
IPXE = ClientClass("ipxe", (b"PXEClient*",), (b"iPXE",))
PHONES = ClientClass("phones", user_classes=(b"phone*",))


@pytest.mark.parametrize(
    ("vendor", "users", "expected"),
    [
        (b"PXEClient:Arch:00007", (), "pxe"),
        (b"PXEClient", (), "pxe"),
        (b"PXEClien", (), None),
        (b"HTTPClient", (), "pxe"),
        (b"HTTPClient:Arch", (), None),
        (b"HTTPClient\0", (), "pxe"),
        (b"PXEClient:Arch:00007", (b"iPXE",), "ipxe"),
        (b"PXEClient:Arch:00007", (b"other", b"iPXE\0"), "ipxe"),
        (b"other", (b"iPXE",), None),
        (None, (b"iPXE",), None),
        (None, (b"phone-3",), "phones"),
        (b"PXEClient", (b"phone-3",), "pxe"),
        (b"", (), None),
        (None, (), None),
    ],
)
def test_the_first_that_matches(vendor: bytes | None, users: tuple[bytes, ...], expected: str | None) -> None:
    classes = ClientClasses([IPXE, PXE, PHONES])
    for _ in range(2):
        found = classes.match(vendor, users)
        assert (found.name if found else None) == expected


def test_order_counts() -> None:
    first = ClientClasses([PXE, IPXE]).match(b"PXEClient", (b"iPXE",))
    assert first is PXE


def test_a_star_stands_for_every_client_that_says_anything() -> None:
    everybody = ClientClasses([ClientClass("any", (b"*",))])
    assert everybody.match(b"whatever", ()) is not None
    assert everybody.match(b"", ()) is not None
    assert everybody.match(None, ()) is None


def test_a_class_of_nobody() -> None:
    assert ClientClasses([ClientClass("nobody")]).match(b"PXEClient", (b"iPXE",)) is None
    assert ClientClasses().match(b"PXEClient", ()) is None


def test_are_equal_when_the_same_is_in_them() -> None:
    one, same = ClientClasses([PXE, IPXE]), ClientClasses([ClientClass("pxe", PXE.vendor_classes), IPXE])
    assert one == same
    assert hash(one) == hash(same)
    assert one != ClientClasses([IPXE, PXE])
    assert one != ClientClasses([PXE, ClientClass("ipxe", (b"PXEClient*",), (b"iPXE",), OptionSet({15: b"x"}))])
    assert (list(one), len(one)) == ([PXE, IPXE], 2)


def test_what_is_remembered_is_bounded() -> None:
    classes = ClientClasses([PXE])
    for number in range(5000):
        assert classes.match(b"PXEClient:%d" % number, ()) is PXE
    assert len(classes._known) <= 1024
