"""`vppdhc leases` as people and programs see it, while the daemon has the store open."""

import fcntl
import json
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.leases.support import FOR_EVER, lease, lease6, new, new6
from vppdhc.clock import SystemClock
from vppdhc.leases.lease import Details, LeaseState
from vppdhc.leases.lease6 import Details6, LeaseKind
from vppdhc.leases.store import LeaseStore

TOP = Path(__file__).resolve().parents[2]
LONG = "a-name-that-somebody-thought-of-who-had-nothing-better-to-do.example.net"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LeaseStore]:
    opened = LeaseStore(tmp_path / "leases.db", SystemClock())
    yield opened
    opened.close()


def run(directory: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "vppdhc", "leases", "--state-dir", str(directory), *arguments]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", cwd=TOP, env=os.environ | environment, check=False
    )


def table(directory: Path, *arguments: str, **environment: str) -> list[str]:
    done = run(directory, *arguments, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def on_a_terminal(directory: Path, columns: int, *arguments: str) -> list[str]:
    """Run it on a terminal of a width, and return the lines that it wrote."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    environment |= {"PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "vppdhc", "leases", "--state-dir", str(directory), *arguments]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, cwd=TOP, env=environment) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                text += os.read(ours, 65536)
            except OSError:  # what the last one on the other side leaves
                break
    os.close(ours)
    assert process.returncode == 0
    return text.decode().splitlines()


def fill(store: LeaseStore) -> None:
    clock = SystemClock()
    first = 0xC0A80101
    store.commit(
        new(
            lease(first, clock, hostname="laptop"),
            lease(first + 1, clock, FOR_EVER, hostname=LONG),
            lease(first + 2, clock, hostname="", state=LeaseState.RELEASED)._replace(
                interface="GigabitEthernet0/8/0.100"
            ),
            lease(first + 3, clock, state=LeaseState.DECLINED, hostname="x")._replace(hardware=b"\x20" + bytes(8)),
        )
    )


def test_the_table(store: LeaseStore, tmp_path: Path) -> None:
    fill(store)
    lines = table(tmp_path)
    assert lines[-1] == "4 leases; times are UTC"
    assert lines[0].split() == ["ADDRESS", "STATE", "HARDWARE", "HOSTNAME", "INTERFACE", "EXPIRES"]
    starts = [lines[0].index(heading) for heading in lines[0].split()]
    rows = [
        [line[start:stop].strip() for start, stop in zip(starts, [*starts[1:], None], strict=True)]
        for line in lines[1:-1]
    ]
    assert [row[:5] for row in rows] == [
        ["192.168.1.1", "active", "02:00:c0:a8:01:01", "laptop", "tap1"],
        ["192.168.1.2", "active", "02:00:c0:a8:01:02", LONG, "tap1"],
        ["192.168.1.3", "released", "02:00:c0:a8:01:03", "-", "GigabitEthernet0/8/0.100"],
        ["192.168.1.4", "declined", "20-00-00-00-00-00-00-00-00", "x", "tap1"],
    ]
    assert [row[5] == "never" for row in rows] == [False, True, False, False]
    for row, stored in zip(rows, json.loads(run(tmp_path, "--json").stdout), strict=True):
        assert row[5] == ("never" if stored["expires"] is None else stored["expires"][:16].replace("T", " "))


def fill_details(store: LeaseStore) -> None:
    clock = SystemClock()
    relayed, named = Details(relay_address=0x0A000001, vendor_class="udhcp 1.36"), Details(fqdn="host.example.net")
    store.commit(
        new(
            lease(0xC0A80101, clock)._replace(details=relayed),
            lease(0xC0A80102, clock)._replace(details=named),
            lease(0xC0A80103, clock),
        )
    )


def test_columns_that_few_leases_need(store: LeaseStore, tmp_path: Path) -> None:
    fill_details(store)
    lines = table(tmp_path)
    assert lines[0].split()[-3:] == ["RELAY", "CLASS", "FQDN"]
    start = lines[0].index("RELAY")
    assert [line[start:].split() for line in lines[1:-1]] == [
        ["10.0.0.1", "udhcp", "1.36", "-"],
        ["-", "-", "host.example.net"],
        ["-", "-", "-"],
    ]


@pytest.mark.parametrize(("columns", "shown"), [(80, []), (90, ["RELAY"]), (100, ["RELAY", "CLASS"])])
def test_a_terminal_shows_as_many_of_them_as_fit(
    store: LeaseStore, tmp_path: Path, columns: int, shown: list[str]
) -> None:
    fill_details(store)
    lines = on_a_terminal(tmp_path, columns)
    assert [name for name in lines[0].split() if name in {"RELAY", "CLASS", "FQDN"}] == shown
    assert max(map(len, lines)) <= columns


def fill6(store: LeaseStore) -> None:
    clock = SystemClock()
    own = b"\0\4" + bytes(range(16))
    relayed = Details6(link_address=0x20010DB800FF << 80, interface_id=b"eth7")
    store.commit(
        new6(
            lease6(0x789ABCDEF0, clock)._replace(hostname="laptop"),
            lease6(2, clock, FOR_EVER, kind=LeaseKind.PREFIX)._replace(next_hop=0xFE80 << 112 | 9, details=relayed),
            lease6(3, clock, state=LeaseState.RELEASED, version=7)._replace(duid=own, hardware=b"", hostname=""),
        )
    )


def test_the_table_of_ipv6(store: LeaseStore, tmp_path: Path) -> None:
    fill6(store)
    lines = table(tmp_path)
    assert lines[-1] == "3 leases; times are UTC"
    headings = ["ADDRESS", "STATE", "INTERFACE", "EXPIRES", "HOSTNAME", "HARDWARE", "DUID", "IAID", "RELAY"]
    assert lines[0].split() == headings
    starts = [lines[0].index(heading) for heading in headings]
    rows = [
        [line[start:stop].strip() for start, stop in zip(starts, [*starts[1:], None], strict=True)]
        for line in lines[1:-1]
    ]
    assert [row[:3] + row[4:] for row in rows] == [
        ["2001:db8::3", "released", "tap1", "-", "-", "0004000102030405060708090a0b0c0d0e0f", "7", "-"],
        ["2001:db8::78:9abc:def0", "active", "tap1", "laptop", "00:78:9a:bc:de:f0", "0003000100789abcdef0", "0", "-"],
        [
            "2001:db8:0:200::/56",
            "active",
            "tap1",
            "host",
            "00:00:00:00:00:02",
            "00030001000000000002",
            "0",
            "2001:db8:ff::",
        ],
    ]
    for row, stored in zip(rows, json.loads(run(tmp_path, "--json").stdout), strict=True):
        assert row[3] == ("never" if stored["expires"] is None else stored["expires"][:16].replace("T", " "))


@pytest.mark.parametrize(
    ("columns", "shown"),
    [(80, []), (90, ["HOSTNAME"]), (110, ["HOSTNAME", "HARDWARE"]), (145, ["HOSTNAME", "HARDWARE", "DUID"])],
)
def test_leases_of_ipv6_fit_a_terminal(store: LeaseStore, tmp_path: Path, columns: int, shown: list[str]) -> None:
    fill6(store)
    store.commit(new6(lease6(0, SystemClock())._replace(network=(1 << 128) - 1)))
    lines = on_a_terminal(tmp_path, columns)
    assert max(map(len, lines)) <= columns
    assert lines[0].split()[4:] == shown


def test_a_terminal_cuts_names_of_ipv6_hosts(store: LeaseStore, tmp_path: Path) -> None:
    store.commit(new6(lease6(1, SystemClock())._replace(hostname=LONG)))
    lines = on_a_terminal(tmp_path, 90)
    assert len(lines[1]) == 90
    assert lines[1].endswith("…")


def test_each_version_has_a_table_where_it_has_leases(store: LeaseStore, tmp_path: Path) -> None:
    fill(store)
    four = table(tmp_path)
    fill6(store)
    six = table(tmp_path, "-6")
    assert table(tmp_path) == [*four[:-1], "", *six[:-1], "7 leases; times are UTC"]
    assert table(tmp_path, "-4") == four


def test_what_is_not_asked_for_is_not_shown(store: LeaseStore, tmp_path: Path) -> None:
    fill(store)
    fill6(store)
    asked = {
        ("--state", "released"): ["192.168.1.3", "2001:db8::3"],
        ("--state", "released", "-6"): ["2001:db8::3"],
        ("--state", "declined", "--interface", "tap1"): ["192.168.1.4"],
        ("--interface", "GigabitEthernet0/8/0.100"): ["192.168.1.3"],
        ("-6", "--interface", "tap2"): [],
    }
    for arguments, addresses in asked.items():
        shown = json.loads(run(tmp_path, *arguments, "--json").stdout)
        assert [one.get("address") or one["network"] for one in shown] == addresses
        assert [line.split()[0] for line in table(tmp_path, *arguments)[1:-1] if ":" in line] == addresses


def test_a_version_without_leases_has_a_table_when_it_is_asked_for(store: LeaseStore, tmp_path: Path) -> None:
    fill(store)
    assert table(tmp_path, "-6") == ["ADDRESS  STATE  INTERFACE  EXPIRES", "0 leases; times are UTC"]


def test_one_version_or_both(store: LeaseStore, tmp_path: Path) -> None:
    done = run(tmp_path, "-4", "-6")
    assert done.returncode == 2
    assert "not allowed with" in done.stderr


def test_json_of_ipv6_has_stable_names(store: LeaseStore, tmp_path: Path) -> None:
    fill(store)
    fill6(store)
    shown = json.loads(run(tmp_path, "--json").stdout)
    assert ["kind" in one for one in shown] == [False] * 4 + [True] * 3
    assert shown[-1] | {"since": "", "renewed": ""} == {
        "table_id": 0,
        "kind": "prefix",
        "network": "2001:db8:0:200::",
        "prefix_length": 56,
        "state": "active",
        "duid": "00030001000000000002",
        "ia_id": 0,
        "interface": "tap1",
        "hardware": "00:00:00:00:00:02",
        "hostname": "host",
        "preferred": FOR_EVER // 2,
        "valid": FOR_EVER,
        "since": "",
        "renewed": "",
        "expires": None,
        "next_hop": "fe80::9",
        "link_address": "2001:db8:ff::",
        "peer_address": "",
        "interface_id": "65746837",
        "remote_id": "",
    }
    assert [list(one) for one in shown[4:]] == [list(shown[-1])] * 3


def test_an_empty_store(store: LeaseStore, tmp_path: Path) -> None:
    assert table(tmp_path) == ["ADDRESS  STATE  HARDWARE  HOSTNAME  INTERFACE  EXPIRES", "0 leases; times are UTC"]
    assert json.loads(run(tmp_path, "--json").stdout) == []


def test_one_lease_in_another_table(store: LeaseStore, tmp_path: Path) -> None:
    store.commit(new(lease(1, SystemClock(), table=12)))
    lines = table(tmp_path)
    assert lines[0].startswith("TABLE  ADDRESS")
    assert lines[1].startswith("12     0.0.0.1")
    assert lines[2:] == ["1 lease; times are UTC"]


@pytest.mark.parametrize("columns", [80, 100, 132])
def test_a_terminal_cuts_names(store: LeaseStore, tmp_path: Path, columns: int) -> None:
    widest = lease(0xDFDFDFDF, SystemClock(), hostname=LONG, state=LeaseState.RELEASED)
    store.commit(new(widest._replace(interface="GigabitEthernet0/8/0.100"), lease(0xC0A80102, SystemClock())))
    lines = on_a_terminal(tmp_path, columns)
    assert [len(line) for line in lines[1:-1]] == [columns] * 2
    assert "…" in lines[2]


def test_a_wide_terminal_cuts_nothing(store: LeaseStore, tmp_path: Path) -> None:
    fill(store)
    assert on_a_terminal(tmp_path, 250) == table(tmp_path)


def test_a_terminal_that_is_too_narrow_wraps(store: LeaseStore, tmp_path: Path) -> None:
    fill(store)
    lines = on_a_terminal(tmp_path, 40)
    assert [line.split()[0] for line in lines[1:5]] == [f"192.168.1.{number}" for number in range(1, 5)]
    assert "a-name…  tap1" in lines[2]


def test_json_has_stable_names(store: LeaseStore, tmp_path: Path) -> None:
    fill(store)
    relayed = Details(0x0A000001, b"eth1", b"\xff\0", user_class="lab")
    store.commit(new(lease(0xC0A80102, SystemClock(), FOR_EVER, hostname=LONG)._replace(details=relayed)))
    shown = json.loads(run(tmp_path, "--json").stdout)
    names = (
        "table_id address state client interface hardware client_id hostname granted since renewed expires"
        " relay_address circuit_id remote_id vendor_class user_class fqdn"
    )
    assert [list(one) for one in shown] == [names.split()] * 4
    assert shown[1] | {"since": "", "renewed": ""} == {
        "table_id": 0,
        "address": "192.168.1.2",
        "state": "active",
        "client": "00000000",
        "interface": "tap1",
        "hardware": "02:00:c0:a8:01:02",
        "client_id": "000000",
        "hostname": LONG,
        "granted": FOR_EVER,
        "since": "",
        "renewed": "",
        "expires": None,
        "relay_address": "10.0.0.1",
        "circuit_id": "65746831",
        "remote_id": "ff00",
        "vendor_class": "",
        "user_class": "lab",
        "fqdn": "",
    }


def test_json_has_a_lease_a_line(store: LeaseStore, tmp_path: Path) -> None:
    store.commit(new(*(lease(number, SystemClock()) for number in range(3000))))
    text = run(tmp_path, "--json").stdout
    assert len(json.loads(text)) == 3000
    assert text.count("\n") == 3002
    assert table(tmp_path)[-1] == "3000 leases; times are UTC"


def test_names_that_the_terminal_cannot_show(store: LeaseStore, tmp_path: Path) -> None:
    store.commit(new(lease(1, SystemClock(), hostname="bücher")))
    assert "b\\xfccher" in table(tmp_path, PYTHONIOENCODING="ascii")[1]


def test_without_a_store_it_says_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path / "missing")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"vppdhc: lease store {tmp_path}/missing/leases.db: there is none;"
        " name the state directory of the daemon with --state-dir\n"
    )


def test_somebody_who_reads_only_the_beginning(store: LeaseStore, tmp_path: Path) -> None:
    store.commit(new(*(lease(number, SystemClock()) for number in range(5000))))
    command = [sys.executable, "-m", "vppdhc", "leases", "--state-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=TOP) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"ADDRESS")
        process.stdout.close()
        assert process.stderr.read() == b""
