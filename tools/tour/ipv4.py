"""The part of the demonstration that is about IPv4: leases, reservations, the WAN, a conflict, a crash."""

from typing import Final

from lxml import etree

from tools.tour.stage import Stage, say, show_xml, wait_for

HOSTS: Final = {
    "laptop": "02:00:00:00:00:0a",
    "phone": "02:00:00:00:00:0b",
    "television": "02:00:00:00:00:0c",
    "printer": "02:00:00:00:00:0d",
}
PLOTTER: Final = "02:00:00:00:00:0e"
GUEST: Final = "02:00:00:00:00:0f"
PROVIDER: Final = "dhcp-server pool 198.51.100.20 198.51.100.29 lease-time 3600 router 198.51.100.1 dns 198.51.100.53"
_RESERVE: Final = f"""\
<dhc4server>
  <lease-time>7200</lease-time>
  <host-reservation>
    <id>plotter</id>
    <hardware-address>{PLOTTER}</hardware-address>
    <reserved-addr>192.168.1.9</reserved-addr>
  </host-reservation>
</dhc4server>"""
_POOLS: Final = "<dhc4server><address-pool-state/></dhc4server>"
_CLIENT: Final = "<dhc4client><interface>tap0</interface></dhc4client>"
_NAME_SERVERS: Final = """\
<dhc4server>
  <name-server nc:operation="delete">8.8.8.8</name-server>
  <name-server>from-upstream</name-server>
</dhc4server>"""
_SHOWN: Final = "<leased-address/><prefix-length/><router/><name-server/><expires/><programmed/>"
_WAN: Final = f"<dhc4client><state/><lease-state>{_SHOWN}</lease-state></dhc4client>"
_WHICH: Final = f"""\
<dhc4server><which-address>
  <interface>tap1</interface><hardware-address>{GUEST}</hardware-address>
</which-address></dhc4server>"""
_WHY: Final = f"<dhc4server><why><hardware-address>{GUEST}</hardware-address></why></dhc4server>"


def serve_hosts(stage: Stage) -> None:
    """Have hosts get leases, and show these."""
    say("Four hosts plug in and ask for an address.")
    for name, mac in HOSTS.items():
        _plug(stage, name, mac)
    wait_for(lambda: all(_address(stage, name) for name in HOSTS), "every host has an address")
    stage.show("show simulate hosts")
    say("What the daemon has on disk, durable before each ACK left:")
    stage.vppdhc("leases")


def reserve(stage: Stage) -> None:
    """Change the configuration while it serves."""
    say("Its configuration is changed over NETCONF, a plotter gets a reserved address, and the pool is asked for:")
    stage.edit(_RESERVE)
    _plug(stage, "plotter", PLOTTER)
    wait_for(lambda: _address(stage, "plotter"), "the plotter has an address")
    stage.show_state(_POOLS)


def become_client(stage: Stage) -> None:
    """Have the router become the client of its provider, who answers a moment later: see show_wan()."""
    say("The router becomes a client of its provider, and is to hand his DNS server on to the LAN.")
    print("A client waits for up to ten seconds before it says a word (RFC 2131, 4.4.1), so IPv6 comes first.")
    stage.edit(_CLIENT)
    stage.edit(_NAME_SERVERS)


def show_wan(stage: Stage) -> None:
    """Show what the provider gave."""
    say("By now the provider has answered:")
    wait_for(lambda: ">bound<" in stage.get(_WAN), "the WAN is bound")
    stage.show_state(_WAN)
    stage.show("show ip fib 0.0.0.0/0")


def avoid_conflict(stage: Stage) -> None:
    """Have somebody use the address that a guest would get."""
    say("Somebody has configured by hand the address that a guest would get. The server asks before it offers:")
    taken = etree.fromstring(stage.act(_WHICH).encode()).findtext("{urn:vppdhc:yang}address") or ""
    line = f"simulate host create squatter interface tap1 mac 02:00:00:00:00:99 address {taken}/24"
    stage.do(line, "squatter")
    _plug(stage, "guest", GUEST)
    wait_for(lambda: _address(stage, "guest"), "the guest has an address")
    print(f"The guest was to have {taken}; it has {_address(stage, 'guest')}. Why?")
    show_xml(stage.act(_WHY))


def release_and_crash(stage: Stage) -> None:
    """Have a host leave, the daemon crash, and everybody come back."""
    say("The phone leaves and releases its lease. Then the daemon is killed with -9, and started again.")
    stage.do("simulate host phone dhcp release")
    wait_for(lambda: stage.said('event="lease released"'), "the lease is released")
    stage.crash_daemon()
    say("It knows every lease. The laptop renews by unicast, the phone comes back to its old address:")
    stage.do("simulate host laptop dhcp renew")
    stage.do("simulate host phone dhcp start")
    wait_for(lambda: stage.said("during=renewing"), "the laptop's lease is renewed")
    wait_for(lambda: _address(stage, "phone"), "the phone has an address")
    stage.vppdhc("leases")


def _plug(stage: Stage, name: str, mac: str) -> None:
    """Have a host come to the LAN and ask for an address."""
    stage.do(f"simulate host create {name} interface tap1 mac {mac}", name)
    stage.do(f"simulate host {name} dhcp start")


def _address(stage: Stage, name: str) -> str:
    return str(stage.host(name)["address"] or "").partition("/")[0]
