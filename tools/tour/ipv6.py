"""The part of the demonstration that is about IPv6: a delegated prefix, what is made of it, and a renumbering."""

import json
from typing import Any, Final

from tools.tour.client6 import Client6
from tools.tour.stage import Stage, say, wait_for

GATEWAY: Final = "fe80::ff:fe00:101"
"""The provider's router, by the address that its MAC address makes."""
INTERNET: Final = "2001:db8:ffff::1"
_LIFETIMES: Final = "preferred 600 valid 900"
_PREFIXES: Final = ("2001:db8:a000::/48", "2001:db8:b000::/48", "2001:db8:c000::/48")
"""What the provider delegates: at first, after a renumbering, and after another one."""
_CLIENT: Final = "<dhc6pdclient><interface>tap0</interface>{}</dhc6pdclient>"
_LEASE: Final = _CLIENT.format(
    "<state/><ia-state><ia-type/><ia-id/><server-duid/><renewal/><delegated-prefix/></ia-state><npt66-binding/>"
)
_STATE: Final = _CLIENT.format("<state/>")
_PARTS: Final = _CLIENT.format("<lan-prefix/>")
_SUB_PREFIXES: Final = """\
<dhc6pdclient>
  <interface>tap0</interface>
  <npt66 nc:operation="delete">true</npt66>
  <internal-prefix nc:operation="delete">fd00::/48</internal-prefix>
  <lan-interface><name>tap1</name></lan-interface>
</dhc6pdclient>"""


def provide(stage: Stage) -> None:
    """Have the provider's router advertise itself and delegate prefixes; it is the Internet as well."""
    stage.do(f"simulate host isp ip6 address {INTERNET}")
    _delegate(stage, _PREFIXES[0])
    stage.do("simulate host isp router managed other")


def show_delegation(stage: Stage) -> None:
    """Show the prefix, its translation, and the way out."""
    say("The provider has delegated a prefix. VPP translates the internal one to it, and the default route is there:")
    _wait_for_translation(stage, _PREFIXES[0])
    stage.show_state(_LEASE)
    stage.show("show npt66 bindings")
    wait_for(lambda: GATEWAY in stage.way_out(), "the default route leads to the provider's router")
    stage.show("show ip6 fib ::/0")


def advertise(stage: Stage) -> None:
    """Show what a host hears of the router."""
    say("The laptop listens: the router advertises itself, and that DHCPv6 gives addresses (M) and the rest (O).")
    stage.do("simulate host laptop ip6 listen")
    wait_for(lambda: _heard(stage), "the laptop has heard the router")
    _show_heard(stage)


def lease(stage: Stage) -> None:
    """Have a host ask for an address."""
    say("A camera does as it is told, and asks for an address by DHCPv6:")
    camera = Client6(stage.lan)
    try:
        given = camera.ask()
    finally:
        camera.close()
    print(f"It has {given.address} for {given.valid} s, and DNS servers {', '.join(given.name_servers)}.")
    stage.vppdhc("leases", "-6")


def renumber(stage: Stage) -> None:
    """Have the provider take another prefix, and tell his client to come."""
    say("The provider renumbers, and tells the router to come by a Reconfigure. One translation replaces the other:")
    _delegate(stage, _PREFIXES[1])
    _reconfigure(stage)
    _wait_for_translation(stage, _PREFIXES[1])
    stage.show("show npt66 bindings")
    wait_for(lambda: stage.said(" in place of "), "the log says so")
    stage.show_log('event="dhcpv6 client: ')


def give_parts(stage: Stage) -> None:
    """Give the LAN a part of the prefix instead of translating."""
    say("Without translation: the LAN gets a part of the delegated prefix. The laptop makes itself an address of it:")
    stage.edit(_SUB_PREFIXES)
    _wait_for_use(stage, "2001:db8:b000:")
    stage.show("show interface addr")
    _show_heard(stage)
    wait_for(lambda: _answered(stage), "somebody on the Internet answers the laptop")
    print(f"The laptop has pinged {INTERNET} from {', '.join(_preferred(stage))}, and was answered.")


def renumber_parts(stage: Stage) -> None:
    """Have the provider renumber once more."""
    say("The provider renumbers again. Hosts hear that the old part is over (RFC 9096), and use the new one:")
    _delegate(stage, _PREFIXES[2])
    _reconfigure(stage)
    _wait_for_use(stage, "2001:db8:c000:")
    stage.show_state(_PARTS)
    _show_heard(stage)
    print(f"The laptop uses {', '.join(_preferred(stage))} now.")


def _delegate(stage: Stage, prefix: str) -> None:
    stage.do(f"simulate host isp dhcp6-server pool pd {prefix} 48 {_LIFETIMES}")


def _reconfigure(stage: Stage) -> None:
    """Tell the router's client to renew; it listens to that between two exchanges alone (RFC 8415, 18.2.11)."""
    wait_for(lambda: ">bound<" in stage.get(_STATE), "the client of the provider is at rest")
    stage.do("simulate host isp dhcp6-server reconfigure renew")


def _wait_for_translation(stage: Stage, prefix: str) -> None:
    def translated() -> bool:
        bindings = stage.translated()
        return prefix in bindings and not any(other in bindings for other in _PREFIXES if other != prefix)

    wait_for(translated, f"VPP translates to {prefix} and to nothing else")


def _wait_for_use(stage: Stage, start: str) -> None:
    def used() -> bool:
        preferred = _preferred(stage)
        return bool(preferred) and all(address.startswith(start) for address in preferred)

    wait_for(used, f"the laptop uses an address that starts with {start}, and no other")


def _ip6(stage: Stage) -> dict[str, Any]:
    known: dict[str, Any] = stage.host("laptop")["ip6"]
    return known


def _heard(stage: Stage) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]] = _ip6(stage)["advertisements"]
    return heard


def _show_heard(stage: Stage) -> None:
    """Print the last advertisement that the laptop has heard."""
    print("$ vppctl show simulate state   # hosts, laptop, ip6, the last of advertisements")
    print(json.dumps(_heard(stage)[-1], indent=4), flush=True)


def _preferred(stage: Stage) -> list[str]:
    """Return the addresses that the laptop uses for what is new."""
    return [address for address, left in _ip6(stage)["addresses"].items() if left["preferred"]]


def _answered(stage: Stage) -> bool:
    """Ping from the laptop, and tell whether it has been answered; the first packets find no neighbours yet."""
    stage.do(f"simulate host laptop ip6 ping {INTERNET}")
    return bool(_ip6(stage)["received"].get("echo reply"))
