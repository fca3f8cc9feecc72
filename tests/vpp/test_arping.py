"""VPP's arping plugin, asked one question after the other."""

from ipaddress import IPv4Address
from typing import Any

from structlog.testing import capture_logs

from tests.vppsim.rig import SimulatorRig
from vppdhc.vpp.api import ApiClient
from vppdhc.vpp.arping import Arping
from vppdhc.vpp.errors import VppGoneError, VppTimeoutError, VppUnsupportedError

HOST = "02:00:00:00:00:aa"


def number(address: str) -> int:
    return int(IPv4Address(address))


def test_who_has_an_address_and_who_has_not(rig: SimulatorRig, vpp: ApiClient) -> None:
    rig.ctl("create sim-interface tap0")
    rig.ctl("set interface state tap0 up")
    rig.ctl("set interface ip address tap0 10.0.0.1/24")
    rig.ctl(f"simulate host create host interface tap0 mac {HOST} address 10.0.0.5/24")
    arping = Arping(vpp)
    index = rig.index("tap0")
    with capture_logs() as logs:
        assert arping.ask(index, number("10.0.0.5")) == bytes.fromhex(HOST.replace(":", ""))
        assert arping.ask(index, number("10.0.0.6")) == b""
        assert logs == []
        assert arping.ask(index + 1, number("10.0.0.5")) is None
        assert arping.ask(index + 1, number("10.0.0.6")) is None
    assert [line["reason"] for line in logs] == ["VPP returned -2 (INVALID_SW_IF_INDEX)"]


class Failing:
    """A VPP that cannot ask."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def call(self, name: str, /, **arguments: Any) -> Any:
        raise self.errors.pop(0)

    def dump(self, name: str, /, **arguments: Any) -> list[Any]:
        raise AssertionError(name)


def test_why_nobody_can_be_asked_is_said_once_for_each_reason() -> None:
    missing = VppUnsupportedError("arping_acd", {"address": "10.0.0.1"}, "this VPP has no such message")
    other = VppUnsupportedError("arping_acd", {"address": "10.0.0.2"}, "this VPP has no such message")
    late = VppTimeoutError("arping_acd", {"address": "10.0.0.3"}, 5.0)
    arping = Arping(Failing(missing, other, VppGoneError("closed"), VppGoneError("closed"), late, missing))
    with capture_logs() as logs:
        assert [arping.ask(1, number("10.0.0.1")) for _ in range(6)] == [None] * 6
    assert [line["reason"] for line in logs] == [
        "this VPP has no arping plugin",
        "no connection to VPP: closed",
        "no reply within 5 s",
        "this VPP has no arping plugin",
    ]
    assert ["arping_plugin.so { enable }" in line.get("advice", "") for line in logs] == [True, False, False, True]
