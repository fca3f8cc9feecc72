"""Which configuration this version puts into effect, and which it only knows of.

The model is complete from the beginning; the daemon grows into it. What is modelled and not built yet is named here, so
that nothing is ignored in silence: a file that configures it loads, with a warning, and an edit of it is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from nc.component import ConfigWarning
from nc.errors import RpcError, RpcErrors, operation_not_supported
from nc.pace import Pace
from nc.schema import Schema, SchemaNode
from nc.xml import Element, elements, local_name, namespace_of
from vppdhc.northbound.model import MODULE, NAMESPACE, name

# fmt: off
_OPTIONS: Final = (
    "router", "name-server", "domain-name", "domain-search", "ntp-server", "upstream-interface", "interface-mtu",
    "route", "captive-portal", "v6-only-wait", "next-server", "boot-file-name", "tftp-server-name",
    "tftp-server-address", "root-path", "vendor-class-identifier", "vendor-specific", "vendor-option", "time-offset",
    "posix-timezone", "tzdb-timezone", "log-server", "netbios-name-server", "sip-server", "capwap-controller",
    "wpad-url", "option", "omit-option",
)
_CLIENT_SETTINGS: Final = ("lease-time", "renewal-time", "rebinding-time", "max-address-utilization", *_OPTIONS)
_SERVICE_SETTINGS: Final = (
    "static-percentage", "authoritative", "offer-hold-time", "probation-time", "conflict-detection", "probe-timeout",
    "rapid-commit", "bootp-clients", "known-clients-only", "subnet-selection",
    "max-client-rate", "max-leases-per-hardware-address",
)
_RESERVATION: Final = (
    "id", "description", "hardware-address", "client-id", "circuit-id", "remote-id", "reserved-addr", "hostname",
    *_OPTIONS,
)
_DHC4SERVER: Final = {
    "dhc4server": (
        "interfaces", "interface", "subnet", "client-class", "host-reservation", "max-pending-probes",
        *_CLIENT_SETTINGS, *_SERVICE_SETTINGS,
    ),
    "dhc4server/interface": ("name", *_CLIENT_SETTINGS, *_SERVICE_SETTINGS),
    "dhc4server/subnet": (
        "id", "description", "network-prefix", "table-id", "interface", "relay-address", "address-pool",
        "excluded-range", "host-reservation", *_CLIENT_SETTINGS, *_SERVICE_SETTINGS,
    ),
    "dhc4server/subnet/address-pool": ("pool-id", "start-address", "end-address", *_CLIENT_SETTINGS),
    "dhc4server/subnet/excluded-range": ("start-address", "end-address"),
    "dhc4server/subnet/host-reservation": _RESERVATION,
    "dhc4server/client-class": ("name", "vendor-class", "user-class", *_OPTIONS),
    "dhc4server/host-reservation": _RESERVATION,
}
_DHC4CLIENT: Final = (
    "interface", "client-id-type", "ia-id", "client-id", "hostname", "vendor-class", "user-class", "max-message-size",
    "requested-address", "lease-time", "rapid-commit", "ipv6-only-preferred", "request-option", "option",
    "default-route", "route-preference", "route-table-id", "use-mtu", "conflict-detection", "on-stop",
)
_DHC6PDCLIENT: Final = {
    "dhc6pdclient": (
        "interface", "internal-prefix", "npt66", "ia-pd", "ia-na", "mode", "client-duid", "rapid-commit",
        "reconfigure-accept", "request-option", "option", "lan-interface", "slaac", "conflict-detection",
        "default-route", "route-preference", "route-table-id", "on-stop",
    ),
    "dhc6pdclient/ia-pd": ("ia-id", "prefix-length-hint", "prefix-hint"),
    "dhc6pdclient/ia-na": ("ia-id",),
    "dhc6pdclient/lan-interface": ("name", "ia-id", "subnet-id", "prefix-length", "interface-id"),
    "dhc6pdclient/option": ("code", "hex", "text", "address"),
}
_RA_SETTINGS: Final = (
    "max-rtr-adv-interval", "min-rtr-adv-interval", "managed-flag", "other-config-flag", "link-mtu", "reachable-time",
    "retrans-timer", "cur-hop-limit", "default-lifetime", "default-lifetime-follows-upstream", "router-preference",
    "dhcpv6-pd-preferred-flag", "source-link-layer-address", "unicast-solicited-advertisements",
    "advertise-interface-prefixes", "interface-prefix-autonomous-flag", "advertise-delegated-prefixes", "rdnss",
    "rdnss-lifetime", "dnssl", "dnssl-lifetime", "captive-portal", "upstream-interface", "route", "pref64",
)
_RA_LISTS: Final = {"route": ("destination-prefix", "preference", "lifetime"), "pref64": ("prefix", "lifetime")}
_IP6NDRA: Final = {
    "ip6ndra": ("interfaces", "interface", *_RA_SETTINGS),
    "ip6ndra/interface": ("name", "prefix-list", *_RA_SETTINGS),
    "ip6ndra/interface/prefix-list": ("prefix",),
    "ip6ndra/interface/prefix-list/prefix": (
        "prefix-spec", "no-advertise", "valid-lifetime", "on-link-flag", "preferred-lifetime", "autonomous-flag",
        "decrementing",
    ),
    **{f"{place}/{list_}": leafs for place in ("ip6ndra", "ip6ndra/interface") for list_, leafs in _RA_LISTS.items()},
}
_OPTIONS6: Final = (
    "dns", "domain-search", "ntp-server", "sntp-server", "captive-portal", "upstream-interface", "info-refresh-time",
    "option", "omit-option",
)
_LIFETIMES6: Final = ("valid-lifetime", "renew-time", "rebind-time", "preferred-lifetime")
_CLIENT_SETTINGS6: Final = (*_LIFETIMES6, "max-address-utilization", *_OPTIONS6)
_SERVICE_SETTINGS6: Final = (
    "preference", "offer-hold-time", "probation-time", "conflict-detection", "probe-timeout", "rapid-commit",
    "reconfigure",
)
_RESERVATION6: Final = (
    "id", "description", "hardware-address", "client-duid", "ia-id", "reserved-addr", "reserved-prefix", *_OPTIONS6,
)
_DHC6SERVER: Final = {
    "dhc6server": (
        "interfaces", "interface", "subnet", "prefix-pool", "host-reservation", "server-duid", "max-pending-probes",
        *_CLIENT_SETTINGS6, *_SERVICE_SETTINGS6,
    ),
    "dhc6server/interface": ("name", *_CLIENT_SETTINGS6, *_SERVICE_SETTINGS6),
    "dhc6server/subnet": (
        "id", "description", "network-prefix", "table-id", "interface", "relay-address", "address-pool",
        "excluded-range", "host-reservation", *_CLIENT_SETTINGS6, *_SERVICE_SETTINGS6,
    ),
    "dhc6server/subnet/address-pool": ("pool-id", "pool-prefix", "start-address", "end-address", *_CLIENT_SETTINGS6),
    "dhc6server/subnet/excluded-range": ("start-address", "end-address"),
    "dhc6server/subnet/host-reservation": _RESERVATION6,
    "dhc6server/prefix-pool": (
        "pool-id", "pool-prefix", "delegated-from", "client-prefix-length", "table-id", "interface", "relay-address",
        "max-pd-space-utilization", *_LIFETIMES6,
    ),
    "dhc6server/host-reservation": _RESERVATION6,
}
_ENTRIES: Final = {
    "route": ("destination-prefix", "next-hop-address"),
    "vendor-option": ("enterprise-number", "hex"),
    "option": ("code", "hex", "text", "address"),
}
"""The lists among the options, which are on each level but those of ranges."""
_SERVERS: Final = {**_DHC4SERVER, **_DHC6SERVER}
# fmt: on

BUILT: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset(
        {"vpp", "system", "dhc4server", "dhc4client", "dhc6pdclient", "dhc6server", "ip6ndra", "netconf-server"}
    ),
    "vpp": frozenset({"api-socket", "api-definitions", "api-timeout", "max-reconnect-interval"}),
    "system": frozenset({"logging", "duid"}),
    "system/logging": frozenset({"level"}),
    "system/duid": frozenset({"type", "value"}),
    "dhc4client": frozenset(_DHC4CLIENT),
    "dhc4client/option": frozenset(_ENTRIES["option"]),
    **{place: frozenset(names) for place, names in {**_SERVERS, **_DHC6PDCLIENT, **_IP6NDRA}.items()},
    **{
        f"{place}/{list_}": frozenset(leafs)
        for place, names in _SERVERS.items()
        for list_, leafs in _ENTRIES.items()
        if list_ in names
    },
    "netconf-server": frozenset({"enabled", "listen-address", "port", "user", "recovery-user", "limits", "call-home"}),
    "netconf-server/user": frozenset({"name", "authorized-key", "password-hash"}),
    "netconf-server/limits": frozenset(
        {
            "max-sessions",
            "max-unauthenticated",
            "max-login-attempts",
            "login-timeout",
            "hello-timeout",
            "idle-timeout",
            "max-message-size",
            "notification-log-size",
        }
    ),
    "netconf-server/call-home": frozenset({"name", "address", "port", "reconnect-interval"}),
}
"""For each container and list that is read, which of its children are."""

UNAVAILABLE: Final[Mapping[str, frozenset[str]]] = {
    "system": frozenset({"http-server", "event-hook"}),
}
"""What is modelled and not built, by the container or list that it is in."""


def gaps(schema: Schema) -> list[SchemaNode]:
    """List configuration that is neither read nor known to be unavailable: a model that has outgrown the program."""
    return list(_gaps([node for node in schema.top.values() if node.module == MODULE], ""))


def _gaps(nodes: Sequence[SchemaNode], place: str) -> Iterator[SchemaNode]:
    built = BUILT.get(place, frozenset())
    for node in nodes:
        if not node.config or node.name in UNAVAILABLE.get(place, frozenset()):
            continue
        if node.name not in built:
            yield node
        elif not node.is_leaf:
            yield from _gaps(list(node.children.values()), f"{place}/{node.name}" if place else node.name)


@dataclass(frozen=True, slots=True)
class _Ready:
    """Nothing to apply: what is not built has no effect."""

    warnings: tuple[ConfigWarning, ...]

    def apply(self) -> None:
        """Do nothing."""

    def abandon(self) -> None:
        """Do nothing."""


class Unavailable:
    """The component that stands for everything that is not built."""

    name = "unavailable"

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def prepare(self, old: Element, new: Element, *, strict: bool) -> _Ready:
        """Refuse what is new or changed of it, and warn of the rest; taking it away is always possible."""
        found = self.find(new)
        if strict and found:
            known = {_content(element) for element in self.find(old)}
            changed = [element for element in found if _content(element) not in known]
            if changed:
                raise RpcErrors([self._refusal(element) for element in changed])
        return _Ready(tuple(ConfigWarning(self._schema.instance_path(element), _NOT_BUILT) for element in found))

    def find(self, tree: Element) -> list[Element]:
        """Return the elements of a tree that this version does not put into effect. Other greenlets run meanwhile."""
        return list(_find(tree, "", Pace()))

    def _refusal(self, element: Element) -> RpcError:
        message = f"{local_name(element.tag)}: {_NOT_BUILT}; leave it out"
        return operation_not_supported(message, self._schema.instance_path(element), "application")


def _find(parent: Element, place: str, pace: Pace) -> Iterator[Element]:
    built = _BUILT_TAGS[place]
    for child in elements(parent):
        pace.step()
        if child.tag not in built:
            if namespace_of(child.tag) == NAMESPACE:
                yield child
            continue
        below = built[child.tag]
        if below in BUILT:
            yield from _find(child, below, pace)


def _content(element: Element) -> bytes:
    """Return what makes two elements in the same place the same."""
    content: bytes = etree.tostring(element, method="c14n2", with_tail=False)
    return content


_BUILT_TAGS: Final[Mapping[str, Mapping[str, str]]] = {
    place: {name(local): f"{place}/{local}" if place else local for local in names} for place, names in BUILT.items()
}
"""The same by lxml names: for each place the children that are read, and their own places."""

_NOT_BUILT: Final = "this version does not have it yet"
