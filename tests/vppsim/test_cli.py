"""The command line, with the complaints of VPP. Those that the lab and the daemon use are compared in full."""

import re
import subprocess
import sys

import pytest

from tests.vppsim.client import Api, listen_to_broadcasts, register
from tests.vppsim.frames import HOST, arp
from tests.vppsim.rig import LAN, TOP, Rig, SimulatorRig, mac_of

CTL = [sys.executable, str(TOP / "tools/vppsim/ctl.py")]


def columns(text: str) -> list[list[str]]:
    """Return the words of each line."""
    return [line.split() for line in text.splitlines()]


def test_show_version(rig: Rig) -> None:
    assert rig.ctl("show version").startswith("vpp v26.06-release built by ")
    verbose = dict(line.split(":", 1) for line in rig.ctl("show version verbose").splitlines())
    assert verbose["Version"].strip() == "v26.06-release"
    assert int(verbose["Current PID"]) > 1


@pytest.mark.parametrize("line", ["sh int", "show int", "sho interface"])
def test_words_may_be_shortened(rig: Rig, line: str) -> None:
    assert rig.ctl(line) == rig.ctl("show interface")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("nonsense", "unknown input `nonsense'"),
     ("show nonsense", "show: unknown input `nonsense'"),
     ("set interface state nope up", "set interface state: unknown interface `nope up'"),
     ("create host-interface name nonexistent", "create host-interface: Invalid interface name"),
     ("delete sub-interface nope.7", "delete sub-interface: interface doesn't exist"),
     ("delete loopback interface intfc loop7", "delete loopback interface: interface not specified"),
     ("delete host-interface name nope", ""),
     ("ip route add 10.9.0.0/16", "ip route: expected paths."),
     ("ip route add 10.9.0.0/16 via unreachable", "ip route: parse error `via unreachable'"),
     ("ip route add 10.9.0.0/16 table 77 via drop", "ip route: Nonexistent table id 77"),
     ("ip table add 0", "ip table: Can't change the default table"),
     (f"set interface ip address {LAN} 10.0.0.1/24",
      f"set interface ip address: failed to add 10.0.0.1/24 on {LAN} which conflicts with 10.0.0.1/24 "
      f"for interface {LAN}"),
     (f"set interface ip address del {LAN} 10.9.0.3/16",
      f"set interface ip address: 10.9.0.3/16 not found for interface {LAN}"),
     (f"disable ip6 interface {LAN}", "disable ip6 interface: Failed"),
     (f"create sub-interfaces {LAN} 100", f"{LAN}.100"),
     ("create bridge-domain 5", "bridge-domain 5")],
)  # fmt: skip
def test_answers_and_complaints_are_vpps(rig: Rig, line: str, complaint: str) -> None:
    rig.interface(LAN, "10.0.0.1/24")
    assert rig.ctl(line) == complaint


def test_what_is_there_already_is_made_once(rig: Rig) -> None:
    rig.interface(LAN)
    for line in (f"create sub-interfaces {LAN} 100", "ip table add 9", f"enable ip6 interface {LAN}"):
        rig.ctl(line)
    assert rig.ctl(f"create sub-interfaces {LAN} 100") == ""
    assert rig.ctl("ip table add 9") == ""
    assert rig.ctl(f"enable ip6 interface {LAN}") == "enable ip6 interface: Failed"
    assert rig.ctl(f"disable ip6 interface {LAN}") == ""


def test_show_interface(rig: Rig) -> None:
    index, wire = rig.interface(LAN)
    wire.send(arp(1, "10.0.0.5", "10.0.0.1"))
    rig.settled()
    shown = columns(rig.ctl("show interface"))
    assert shown[0] == ["Name", "Idx", "State", "MTU", "(L3/IP4/IP6/MPLS)", "Counter", "Count"]
    assert shown[1] == [LAN, str(index), "up", "9000/0/0/0", "rx", "packets", "1"]
    assert shown[2] == ["rx", "bytes", "42"]
    assert shown[-1] == ["local0", "0", "down", "0/0/0/0"]
    assert columns(rig.ctl("show interface local0"))[1:] == [shown[-1]]


def test_show_interface_addr(rig: Rig) -> None:
    rig.interface(LAN)
    rig.ctl("ip table add 9")
    rig.ctl(f"set interface ip table {LAN} 9")
    for address in ("10.0.0.1/24", "2001:db8::1/64"):
        rig.ctl(f"set interface ip address {LAN} {address}")
    shown = [line.strip() for line in rig.ctl("show interface addr").splitlines()]
    assert shown[0] == f"{LAN} (up):"
    assert shown[1].startswith("L3 10.0.0.1/24 ip4 table-id 9")
    assert shown[2:] == ["L3 2001:db8::1/64", "local0 (dn):"]


@pytest.mark.parametrize(
    ("prefix", "forwarding"),
    [("10.0.0.1/32", "dpo-receive"), ("10.0.0.0/24", "ipv4-glean"), ("255.255.255.255/32", "dpo-drop"),
     ("10.9.0.0/16", "arp-ipv4"), ("10.8.0.0/16", "dpo-drop"), ("10.7.0.0/16", "ip4-null action:send-unreachable"),
     ("10.6.0.0/16", "dpo-receive")],
)  # fmt: skip
def test_show_ip_fib(rig: Rig, api: Api, prefix: str, forwarding: str) -> None:
    rig.interface(LAN, "10.0.0.1/24")
    rig.ctl(f"ip route add 10.9.0.0/16 via 10.0.0.7 {LAN}")
    for network, kind in (("10.8", "drop"), ("10.7", "null-send-unreach"), ("10.6", "local")):
        assert rig.ctl(f"ip route add {network}.0.0/16 via {kind}") == ""
    one = rig.ctl(f"show ip fib {prefix}")
    assert one.startswith("ipv4-VRF:0, fib_index:0")
    assert re.search(rf"^{prefix} fib:0 index:\d+", one, re.MULTILINE)
    assert forwarding in one.splitlines()[-1]
    assert prefix in rig.ctl("show ip fib").splitlines()
    if prefix.startswith("255"):
        listen_to_broadcasts(api)
        assert "dpo-receive" in rig.ctl(f"show ip fib {prefix}").splitlines()[-1]


def test_show_ip_fib_of_one_table(rig: Rig) -> None:
    rig.ctl("ip table add 9")
    assert [line for line in rig.ctl("show ip fib table 9").splitlines() if line.startswith("ipv4-VRF")] == [
        line for line in rig.ctl("show ip fib").splitlines() if line.startswith("ipv4-VRF:9")
    ]
    tables = columns(rig.ctl("show ip table"))
    assert [words[:2] for words in tables] == [["[0]", "table_id:0"], ["[1]", "table_id:9"]]


def test_show_ip6_fib(rig: Rig) -> None:
    rig.interface(LAN, "2001:db8::1/64")
    shown = rig.ctl("show ip6 fib").splitlines()
    assert {"::/0", "2001:db8::/64", "2001:db8::1/128", "fe80::/10"} <= set(shown)
    assert "dpo-receive" in rig.ctl("show ip6 fib 2001:db8::1/128").splitlines()[-1]


def test_show_neighbours(rig: Rig) -> None:
    _, wire = rig.interface(LAN, "10.0.0.1/24")
    wire.send(arp(2, "10.0.0.5", "10.0.0.1", mac_of(LAN)))
    rig.settled()
    for line in ("show ip neighbors", f"show ip neighbors {LAN}", "show ip4 neighbors"):
        head, known = columns(rig.ctl(line))
        assert head == ["Age", "IP", "Flags", "Ethernet", "Interface"]
        assert known[1:] == ["10.0.0.5", "D", HOST, LAN]
    assert rig.ctl("show ip6 neighbors") == ""


def test_show_punt_socket_registrations(rig: Rig, api: Api) -> None:
    register(api, rig.directory / "ours", 67)
    register(api, rig.directory / "ours", 547, af=1)
    shown = {line.strip() for line in rig.ctl("show punt socket registrations l4").splitlines()}
    ours = rig.directory / "ours"
    assert shown == {f"punt ip4 UDP port 67 to socket {ours}", f"punt ip6 UDP port 547 to socket {ours}"}
    assert rig.ctl("show punt socket registrations") == "", "those are exceptions"


def test_show_errors_is_empty_but_for_its_head(rig: Rig) -> None:
    assert columns(rig.ctl("show errors")) == [["Count", "Node", "Reason", "Severity"]]


def test_ctl_prints_what_the_command_printed(simulator: SimulatorRig) -> None:
    command = [*CTL, "-s", str(simulator.run_dir / "cli.sock"), "show", "version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.rstrip("\n") == simulator.ctl("show version")


def test_ctl_says_when_nobody_answers_and_how_it_is_used(simulator: SimulatorRig) -> None:
    nobody = subprocess.run([*CTL, "-s", "/nowhere", "show"], capture_output=True, text=True, check=False)
    assert (nobody.returncode, nobody.stderr) == (1, "ctl: /nowhere: No such file or directory\n")
    wrong = subprocess.run([*CTL, "show"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stderr) == (2, "usage: ctl -s SOCKET WORDS\n")


def test_help_names_every_command_that_vpp_does_not_have(simulator: SimulatorRig) -> None:
    text = simulator.ctl("simulate help")
    for words in ("simulate host create", "simulate exit", "simulate restart", "simulate delay", "simulate refuse",
                  "simulate silent", "simulate clear", "create sim-interface", "show simulate state"):  # fmt: skip
        assert words in text


def test_the_state_tells_what_was_programmed(simulator: SimulatorRig) -> None:
    api = simulator.api()
    index, wire = simulator.interface(LAN, "10.0.0.1/24", "2001:db8::1/64")
    register(api, simulator.directory / "ours", 67)
    listen_to_broadcasts(api)
    wire.send(arp(2, "10.0.0.5", "10.0.0.1", mac_of(LAN)))
    simulator.settled()
    api.call("dhcp_client_detect_enable_disable", sw_if_index=index, enable=True)
    state = simulator.state()
    assert state["interfaces"][1] == {
        "name": LAN, "index": index, "mac": mac_of(LAN), "up": True,
        "addresses": ["10.0.0.1/24", "2001:db8::1/64"], "link-local": "fe80::ff:fe00:156",
        "tables": {"ip4": 0, "ip6": 0}, "vlans": [], "client-detection": True, "router-advertisements": False,
    }  # fmt: skip
    assert state["punt"] == [{"af": 4, "protocol": 17, "port": 67, "path": str(simulator.directory / "ours")}]
    assert state["neighbours"] == [{"interface": LAN, "address": "10.0.0.5", "mac": HOST}]
    (route,) = state["routes"]
    assert (route["prefix"], route["source"], route["paths"][0]["type"]) == ("255.255.255.255/32", "API", 1)
    assert [client["name"] for client in state["clients"]] == ["test"]
