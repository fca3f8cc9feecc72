"""DUIDs taken apart, as scapy reads them too."""

import pytest

from tests.packet.scapy_layers6 import dhcp6 as scapy
from vppdhc.packet import duid6

MAC = "52:54:00:12:34:56"
LLT = bytes(scapy.DUID_LLT(timeval=848_879_866, lladdr=MAC))
EN = bytes(scapy.DUID_EN(enterprisenum=9999, id=b"kea"))
LL = bytes(scapy.DUID_LL(lladdr=MAC))
UUID = bytes(scapy.DUID_UUID(uuid="9d3e1f4a-6a3f-4a43-8f0e-0123456789ab"))


def test_from_a_link_layer_address_and_time() -> None:
    said = {"type": "llt", "hardware-type": 1, "time": "2026-11-24T23:57:46Z", "link-layer-address": MAC}
    assert duid6.parse(LLT) == said
    assert duid6.text(LLT) == f"llt {MAC} of 2026-11-24T23:57:46Z"


def test_from_an_enterprise_number() -> None:
    assert duid6.parse(EN) == {"type": "en", "enterprise": 9999, "identifier": "6b:65:61"}
    assert duid6.text(EN) == "en 9999 6b:65:61"


def test_from_a_link_layer_address() -> None:
    assert duid6.parse(LL) == {"type": "ll", "hardware-type": 1, "link-layer-address": MAC}
    assert duid6.text(LL) == f"ll {MAC}"


def test_from_a_uuid() -> None:
    assert duid6.parse(UUID) == {"type": "uuid", "uuid": "9d3e1f4a-6a3f-4a43-8f0e-0123456789ab"}
    assert duid6.text(UUID) == "uuid 9d3e1f4a-6a3f-4a43-8f0e-0123456789ab"


@pytest.mark.parametrize(
    ("duid", "said", "text"),
    [
        (b"", {"type": "0", "value": ""}, "type 0 "),
        (b"\0\7\1\2", {"type": "7", "value": "01:02"}, "type 7 01:02"),
        (LLT[:8], {"type": "1", "value": "00:01:32:98:e0:fa"}, "type 1 00:01:32:98:e0:fa"),
        (EN[:6], {"type": "2", "value": "00:00:27:0f"}, "type 2 00:00:27:0f"),
        (LL[:4], {"type": "3", "value": "00:01"}, "type 3 00:01"),
        (UUID[:6], {"type": "4", "value": UUID[2:6].hex(":")}, f"type 4 {UUID[2:6].hex(':')}"),
    ],
)
def test_of_no_known_form(duid: bytes, said: object, text: str) -> None:
    assert duid6.parse(duid) == said
    assert duid6.text(duid) == text


def test_every_length_and_the_last_second() -> None:
    for whole in (LLT, EN, LL, UUID):
        for length in range(len(whole)):
            assert isinstance(duid6.text(whole[:length]), str)
    assert duid6.parse(b"\0\1\0\1\xff\xff\xff\xff\2")["time"] == "2136-02-07T06:28:15Z"


def test_the_link_layer_address_in_it() -> None:
    mac = bytes.fromhex(MAC.replace(":", ""))
    assert duid6.link_layer_address(LLT) == (duid6.ETHERNET, mac)
    assert duid6.link_layer_address(LL) == (duid6.ETHERNET, mac)
    for duid in (EN, UUID, LLT[:8], LL[:4], b"", b"\0"):
        assert duid6.link_layer_address(duid) is None
