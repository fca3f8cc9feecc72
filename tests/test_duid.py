"""The DUID of the router: made once, as scapy reads it too."""

import warnings
from pathlib import Path

import pytest

from vppdhc.duid import Duid, DuidType

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of scapy about ciphers that it does not need here
    from scapy.layers.dhcp6 import DUID_LL, DUID_LLT, DUID_UUID

MAC = bytes.fromhex("02fe000000aa")
OTHER = bytes.fromhex("02fe000000bb")
NOW = 1_800_000_000


class Clock:
    boot_id = "boot"

    def boottime(self) -> float:
        return 10.0

    def wall(self) -> float:
        return float(NOW)


def duid(directory: Path, made_as: DuidType = DuidType.LLT) -> Duid:
    one = Duid(directory / "duid", Clock())
    one.configure(made_as=made_as)
    return one


def test_link_layer_address_and_time(tmp_path: Path) -> None:
    made = DUID_LLT(duid(tmp_path).get(MAC))
    assert (made.type, made.hwtype, made.lladdr) == (1, 1, "02:fe:00:00:00:aa")
    assert made.timeval + 946_684_800 == NOW


def test_link_layer_address(tmp_path: Path) -> None:
    made = DUID_LL(duid(tmp_path, DuidType.LL).get(MAC))
    assert (made.type, made.hwtype, made.lladdr) == (3, 1, "02:fe:00:00:00:aa")


def test_uuid(tmp_path: Path) -> None:
    first = duid(tmp_path, DuidType.UUID).get(MAC)
    made = DUID_UUID(first)
    assert made.type == 4
    assert len(first) == 18
    (tmp_path / "duid").unlink()
    assert duid(tmp_path, DuidType.UUID).get(MAC) != first


def test_made_once_and_for_all(tmp_path: Path) -> None:
    first = duid(tmp_path).get(MAC)
    assert duid(tmp_path).get(OTHER) == first
    assert duid(tmp_path, DuidType.UUID).get(OTHER) == first
    assert (tmp_path / "duid").stat().st_mode & 0o777 == 0o600
    assert duid(tmp_path).current == first


def test_none_before_it_is_needed(tmp_path: Path) -> None:
    assert duid(tmp_path).current == b""
    assert list(tmp_path.iterdir()) == []


def test_configured(tmp_path: Path) -> None:
    one = duid(tmp_path)
    kept = one.get(MAC)
    one.configure(value=b"\0\2\0\0\0\11own")
    assert one.get(MAC) == one.current == b"\0\2\0\0\0\11own"
    one.configure()
    assert one.get(MAC) == kept


@pytest.mark.parametrize("wrong", [b"\0\1", bytes(131)])
def test_of_the_wrong_length(tmp_path: Path, wrong: bytes) -> None:
    with pytest.raises(ValueError, match="3 to 130 bytes"):
        duid(tmp_path).configure(value=wrong)


@pytest.mark.parametrize("content", ["", "zz", "00:01", "00" * 131, "\u00e4"])
def test_a_damaged_file_is_moved_aside(tmp_path: Path, content: str) -> None:
    (tmp_path / "duid").write_text(content)
    made = duid(tmp_path).get(MAC)
    assert len(made) == 14
    assert (tmp_path / "duid.damaged").read_text() == content
    assert duid(tmp_path).get(OTHER) == made


def test_that_cannot_be_written_is_used_all_the_same(tmp_path: Path) -> None:
    one = Duid(tmp_path / "missing" / "duid", Clock())
    made = one.get(MAC)
    assert len(made) == 14
    assert one.get(OTHER) == made
