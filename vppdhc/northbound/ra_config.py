"""From a valid configuration tree to the frozen configuration of router advertisements."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from nc.schema import Schema
from nc.xml import Element
from vppdhc.northbound.config import reader
from vppdhc.northbound.model import name
from vppdhc.northbound.reading import Fault, Reader
from vppdhc.packet import nd_options
from vppdhc.packet.nd_options import CaptivePortal, Dnssl, Preference
from vppdhc.ra.config import (
    UPSTREAM,
    FromUpstream,
    InterfaceConfig,
    Pref64Config,
    PrefixConfig,
    RaConfig,
    RouteConfig,
)

INTERFACES: Final = "interfaces"
INTERFACE: Final = "interface"

_FROM_UPSTREAM: Final = "from-upstream"
_PREFERENCES: Final[Mapping[str, Preference]] = {
    "low": Preference.LOW,
    "medium": Preference.MEDIUM,
    "high": Preference.HIGH,
}
_FLAGS: Final = (
    "managed-flag",
    "other-config-flag",
    "default-lifetime-follows-upstream",
    "dhcpv6-pd-preferred-flag",
    "source-link-layer-address",
    "unicast-solicited-advertisements",
    "advertise-interface-prefixes",
    "interface-prefix-autonomous-flag",
    "advertise-delegated-prefixes",
)
_NUMBERS: Final = (
    "max-rtr-adv-interval",
    "min-rtr-adv-interval",
    "link-mtu",
    "reachable-time",
    "retrans-timer",
    "cur-hop-limit",
    "default-lifetime",
    "rdnss-lifetime",
    "dnssl-lifetime",
)

_Settings: TypeAlias = Mapping[str, Any]
"""Fields of an InterfaceConfig by name: those that one level of the configuration says."""


@dataclass(frozen=True, slots=True)
class RaReading:
    """What was read of /vppdhc:ip6ndra.

    config: what it says.
    own: by interface, the settings that the entry of the interface has of its own, by names of fields.
    faults: what in it is left out, as it cannot be.
    """

    config: RaConfig
    own: Mapping[str, _Settings]
    faults: tuple[Fault, ...]


def ra_config(schema: Schema, tree: Element) -> RaReading | None:
    """Read /vppdhc:ip6ndra; None where there are no router advertisements.

    An interface has of its own what its entry says, and the rest of ip6ndra; a list as a whole, never both mixed.
    """
    if tree.find(name("ip6ndra")) is None:
        return None
    top = reader(schema, tree, "ip6ndra")
    faults: list[Fault] = []
    common = _settings(top, faults)
    configs = {interface: InterfaceConfig(**common) for interface in top.leafs(INTERFACES)}
    own: dict[str, _Settings] = {}
    for entry in top.entries(INTERFACE):
        interface = entry.text("name")
        own[interface] = _settings(entry, faults)
        configs[interface] = InterfaceConfig(**{**common, **own[interface], "prefixes": _prefixes(entry)})
    return RaReading(RaConfig(MappingProxyType(configs)), own, tuple(faults))


def _settings(node: Reader, faults: list[Fault]) -> _Settings:
    """Read the settings that ip6ndra and interfaces have; what is not said is not in there."""
    preference = node.leaf("router-preference")
    said: dict[str, Any] = {
        **{_field(local): node.flag(local) for local in _FLAGS},
        **{_field(local): node.number(local) for local in _NUMBERS},
        "router_preference": None if preference is None else _PREFERENCES[preference],
        "rdnss": tuple(_servers(node)),
        "dnssl": tuple(_domains(node, faults)),
        "captive_portal": _portal(node, faults),
        "upstream_interface": node.leaf("upstream-interface"),
        "routes": tuple(_routes(node)),
        "pref64": tuple(_pref64(node)),
    }
    return {field: value for field, value in said.items() if value is not None and value != ()}


def _field(local: str) -> str:
    return local.replace("-", "_")


def _servers(node: Reader) -> Iterator[IPv6Address | FromUpstream]:
    for text in node.leafs("rdnss"):
        yield UPSTREAM if text == _FROM_UPSTREAM else IPv6Address(text)


def _domains(node: Reader, faults: list[Fault]) -> Iterator[str | FromUpstream]:
    for entry in node.entries("dnssl"):
        if entry.value == _FROM_UPSTREAM:
            yield UPSTREAM
        elif _can_be_sent(entry.element, Dnssl(0, (entry.value,)), faults):
            yield entry.value


def _portal(node: Reader, faults: list[Fault]) -> str | FromUpstream | None:
    text = node.leaf("captive-portal")
    if text == _FROM_UPSTREAM:
        return UPSTREAM
    if text is None or not _can_be_sent(node.child("captive-portal"), CaptivePortal(text), faults):
        return None
    return text


def _can_be_sent(element: Element | None, option: nd_options.Option, faults: list[Fault]) -> bool:
    """Whether an option can have the value of a leaf; why not goes to the faults."""
    assert element is not None
    try:
        nd_options.encode([option])
    except ValueError as error:
        faults.append(Fault(element, f"this cannot be sent: {error}", "invalid-option"))
        return False
    return True


def _routes(node: Reader) -> Iterator[RouteConfig]:
    for entry in node.entries("route"):
        prefix = IPv6Network(entry.text("destination-prefix"), strict=False)
        yield RouteConfig(prefix, _PREFERENCES[entry.text("preference")], entry.whole("lifetime"))


def _pref64(node: Reader) -> Iterator[Pref64Config]:
    for entry in node.entries("pref64"):
        yield Pref64Config(IPv6Network(entry.text("prefix"), strict=False), entry.whole("lifetime"))


def _prefixes(entry: Reader) -> tuple[PrefixConfig, ...]:
    """Read the prefix-list of an interface."""
    return tuple(_prefix(prefix) for prefix in entry.container("prefix-list").entries("prefix"))


def _prefix(entry: Reader) -> PrefixConfig:
    prefix = IPv6Network(entry.text("prefix-spec"), strict=False)
    if entry.child("no-advertise") is not None:
        return PrefixConfig(prefix, advertise=False)
    return PrefixConfig(
        prefix,
        valid_lifetime=entry.whole("valid-lifetime"),
        preferred_lifetime=entry.whole("preferred-lifetime"),
        on_link_flag=bool(entry.flag("on-link-flag")),
        autonomous_flag=bool(entry.flag("autonomous-flag")),
        decrementing=bool(entry.flag("decrementing")),
    )
