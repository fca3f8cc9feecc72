"""What VPP has to be told so that packets reach the punt sockets at all, kept as it should be.

255.255.255.255 is dropped in every IPv4 table, ff02::1:2 and ff05::1:3 in every IPv6 table, an interface without an
IPv4 address takes no DHCP in, one without IPv6 nothing of IPv6, and VPP answers router solicitations itself while it
sends router advertisements. What is put in place here is taken away again on a clean stop.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any, Final

import structlog

from vppdhc.clock import Clock
from vppdhc.interface import Interface
from vppdhc.vpp.advertising import OwnAdvertisements
from vppdhc.vpp.errors import VppCallError, VppUnsupportedError
from vppdhc.vpp.interfaces import Calls

_EVERYBODY: Final = "255.255.255.255/32"
TO_SERVERS: Final = IPv6Address("ff02::1:2")
"""All_DHCP_Relay_Agents_and_Servers, of one link, to which clients send (RFC 8415, 7.1)."""
TO_ALL_SERVERS: Final = IPv6Address("ff05::1:3")
"""All_DHCP_Servers, of a site, to which relay agents send unless they are told another address (RFC 8415, 19.1)."""
_LOCAL: Final = 1
_IP6: Final = 1
_NO_INTERFACE: Final = 0xFFFFFFFF
_LABELS: Final = 16
_ACCEPT_ALL_INTERFACES: Final = 8
_FORWARD: Final = 4
_ALREADY_ENABLED: Final = -81


@dataclass(frozen=True, slots=True)
class BroadcastRoute:
    """255.255.255.255 in an IPv4 table goes to VPP itself: DHCPv4 servers need it."""

    table: int

    def __str__(self) -> str:
        return f"255.255.255.255/32 in IPv4 table {self.table}"


@dataclass(frozen=True, slots=True)
class MulticastRoute:
    """A multicast group in an IPv6 table goes to VPP itself: DHCPv6 servers need it."""

    table6: int
    group: IPv6Address = TO_SERVERS

    def __str__(self) -> str:
        return f"{self.group}/128 in IPv6 table {self.table6}"


@dataclass(frozen=True, slots=True)
class ClientDetection:
    """Packets for a DHCPv4 client are taken in on an interface without an address; interface: its name."""

    interface: str

    def __str__(self) -> str:
        return f"detection of DHCPv4 clients on {self.interface}"


@dataclass(frozen=True, slots=True)
class Ip6Enabled:
    """IPv6 is on on an interface, which has a link-local address then; interface: its name.

    VPP counts who wants it: every address of the interface, and every request, also one that it answers with "exists
    already". So it is asked for once, and that one request is taken back once: IPv6 stays on as long as there is an
    address, or somebody else who asked. After a lost connection our request may still count or not; it is then
    taken as somebody else's, so that IPv6 rather stays on.
    """

    interface: str

    def __str__(self) -> str:
        return f"IPv6 on {self.interface}"


@dataclass(frozen=True, slots=True)
class NoOwnAdvertisements:
    """VPP sends no router advertisements of its own on an interface; interface: its name."""

    interface: str

    def __str__(self) -> str:
        return f"silence of VPP's own router advertisements on {self.interface}"


InterfaceItem = ClientDetection | Ip6Enabled | NoOwnAdvertisements
Item = BroadcastRoute | MulticastRoute | InterfaceItem

_SWITCHED_ON: Final = "somebody had switched VPP's own router advertisements on"


@dataclass(slots=True)
class Refusal:
    """What VPP does not do although it is wanted.

    reason: VPP's own. since: CLOCK_BOOTTIME of the first try. attempts: how many there were.
    """

    reason: str
    since: float
    attempts: int = 0


class Delivery:
    """Keeps what is wanted in place in VPP.

    Everything here is idempotent in VPP, so that putting it in place again does no harm: it is done on every
    connection, and from time to time in case somebody took it away.
    """

    def __init__(self, named: Callable[[str], Interface | None], clock: Clock) -> None:
        """Want nothing at first; named finds an interface by its name."""
        self._named = named
        self._clock = clock
        self._wants: dict[tuple[type[Item], str], frozenset[Item]] = {}
        self._wanted: frozenset[Item] = frozenset()
        self._own_advertisements = OwnAdvertisements()
        self._placed: dict[Item, int] = {}
        self._refused: dict[Item, Refusal] = {}
        self._listeners: list[Callable[[Item, str], object]] = []
        self._log = structlog.get_logger()

    def on_drift(self, listener: Callable[[Item, str], object]) -> None:
        """Have a listener told of what VPP refuses, with its reason, and with none when it no longer does."""
        self._listeners.append(listener)

    def want(self, kind: type[Item], items: Iterable[Item], *, owner: str = "") -> bool:
        """Say what an owner wants of one kind from now on; returns whether that is news, so that place() is due.

        owner: who wants it, where there are several. What two of them want alike is there once, and as long as one of
        them wants it.
        """
        self._wants[kind, owner] = frozenset(items)
        wanted = frozenset[Item]().union(*self._wants.values())
        news = wanted != self._wanted
        self._wanted = wanted
        return news

    def leave(self, items: Iterable[Item], *, owner: str = "") -> None:
        """Have things that an owner wanted stay in VPP when the daemon ends, as what needs them stays as well."""
        left = frozenset(items)
        for kind, who in self._wants:
            if who == owner:
                self.want(kind, self._wants[kind, who] - left, owner=owner)
        for item in left:
            self._placed.pop(item, None)

    def interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        """Note what has gone with an interface, or with IPv6 on it; a listener of InterfaceTable.

        The next interface of the same name may have the same index as well.
        """
        if old is None:
            return
        if new is None or new.index != old.index:
            self._gone(old.name, (ClientDetection, Ip6Enabled, NoOwnAdvertisements))
        elif old.link_local is not None and new.link_local is None:
            self._gone(old.name, (Ip6Enabled, NoOwnAdvertisements))

    @property
    def refused(self) -> dict[Item, Refusal]:
        """What VPP would not do when it was last tried."""
        return dict(self._refused)

    def place(self, vpp: Calls, *, again: bool = False) -> None:
        """Bring VPP to what is wanted.

        again: also put in place what has been put there before.
        Raises VppError when VPP does not answer; a refusal is logged once and tried again next time.
        """
        for item in [item for item in reversed(self._placed) if item not in self._wanted]:
            self._take_away(vpp, item)
        for item in self._refused.keys() - self._wanted:
            del self._refused[item]
        for item in sorted(self._wanted, key=repr):
            index = self._index(item)
            if index is not None and (again or self._placed.get(item) != index):
                self._put(vpp, item, index)

    def forget(self) -> None:
        """Note that VPP has gone and with it everything that was in place."""
        self._placed.clear()

    def remove(self, vpp: Calls) -> None:
        """Take everything away that was put in place."""
        for item in list(reversed(self._placed)):
            self._take_away(vpp, item)

    def _index(self, item: Item) -> int | None:
        """Return what tells a new interface of the same name from the old one; None where there is none."""
        if not isinstance(item, InterfaceItem):
            return 0
        interface = self._named(item.interface)
        return None if interface is None else interface.index

    def _gone(self, name: str, kinds: tuple[type[InterfaceItem], ...]) -> None:
        """Note that VPP has forgotten items of some kinds that an interface had."""
        for item in [kind(name) for kind in kinds]:
            if self._placed.pop(item, None) is not None and isinstance(item, NoOwnAdvertisements):
                self._own_advertisements.forget(name)

    def _put(self, vpp: Calls, item: Item, index: int) -> None:
        try:
            self._add(vpp, item, index)
        except (VppCallError, VppUnsupportedError) as error:
            refusal = self._refused.setdefault(item, Refusal("", self._clock.boottime()))
            refusal.attempts += 1
            if refusal.reason != str(error):
                refusal.reason = str(error)
                self._log.warning("VPP refuses what is needed to receive packets", needed=str(item), reason=str(error))
                self._tell(item, str(error))
            return
        if self._refused.pop(item, None) is not None:
            self._tell(item, "")
        self._placed[item] = index

    def _add(self, vpp: Calls, item: Item, index: int) -> None:
        match item:
            case Ip6Enabled():
                if self._placed.get(item) != index or not _has_ip6(vpp, index):
                    _enable_ip6(vpp, index)
            case NoOwnAdvertisements():
                if self._own_advertisements.switch_off(vpp, item.interface, index):
                    self._switched_off(item, again=self._placed.get(item) == index)
            case _:
                _program(vpp, item, index, add=True)

    def _switched_off(self, item: NoOwnAdvertisements, *, again: bool) -> None:
        """Say that VPP was sending; again: although it was switched off before."""
        if not again:
            self._log.info("VPP's own router advertisements switched off", interface=item.interface)
            return
        self._log.warning("VPP's own router advertisements were on and are off again", interface=item.interface)
        self._tell(item, _SWITCHED_ON)
        self._tell(item, "")

    def _tell(self, item: Item, reason: str) -> None:
        for listener in self._listeners:
            listener(item, reason)

    def _take_away(self, vpp: Calls, item: Item) -> None:
        index = self._placed.pop(item)
        if isinstance(item, InterfaceItem) and self._index(item) != index:
            return  # it went with the interface
        try:
            self._remove(vpp, item, index)
        except (VppCallError, VppUnsupportedError) as error:
            self._log.warning("VPP refuses to take away what we added", added=str(item), reason=str(error))

    def _remove(self, vpp: Calls, item: Item, index: int) -> None:
        match item:
            case Ip6Enabled():
                vpp.call("sw_interface_ip6_enable_disable", sw_if_index=index, enable=False)
            case NoOwnAdvertisements():
                self._own_advertisements.switch_on(vpp, item.interface, index)
            case _:
                _program(vpp, item, index, add=False)


def _program(vpp: Calls, item: BroadcastRoute | MulticastRoute | ClientDetection, index: int, *, add: bool) -> None:
    if isinstance(item, BroadcastRoute):
        route = {"table_id": item.table, "prefix": _EVERYBODY, "n_paths": 1, "paths": [_local_path(0)]}
        vpp.call("ip_route_add_del", is_add=add, is_multipath=True, route=route)
    elif isinstance(item, MulticastRoute):
        vpp.call("ip_mroute_add_del", is_add=add, is_multipath=True, route=_group(item, [_MULTICAST_PATH]))
        if not add and not _has_paths(vpp, item):
            # The flags that came with the path stay behind, and with them the entry, until somebody clears them.
            vpp.call("ip_mroute_add_del", is_add=True, is_multipath=True, route=_group(item, [], flags=0))
    else:
        vpp.call("dhcp_client_detect_enable_disable", sw_if_index=index, enable=add)


def _enable_ip6(vpp: Calls, index: int) -> None:
    try:
        vpp.call("sw_interface_ip6_enable_disable", sw_if_index=index, enable=True)
    except VppCallError as error:
        if error.retval != _ALREADY_ENABLED:  # it counts all the same
            raise


def _has_ip6(vpp: Calls, index: int) -> bool:
    try:
        vpp.call("sw_interface_ip6_get_link_local_address", sw_if_index=index)
    except VppCallError:
        return False
    return True


def _local_path(proto: int) -> dict[str, Any]:
    return {
        "sw_if_index": _NO_INTERFACE,
        "type": _LOCAL,
        "proto": proto,
        "n_labels": 0,
        "label_stack": [{}] * _LABELS,  # the layout has a fixed number, used or not
    }


_MULTICAST_PATH: Final = {"itf_flags": _FORWARD, "path": _local_path(_IP6)}


def _group(item: MulticastRoute, paths: list[dict[str, Any]], flags: int = _ACCEPT_ALL_INTERFACES) -> dict[str, Any]:
    return {
        "table_id": item.table6,
        "entry_flags": flags,
        "prefix": {
            "af": 1,
            "grp_address_length": 128,
            "grp_address": {"ip6": str(item.group)},
            "src_address": {"ip6": "::"},
        },
        "n_paths": len(paths),
        "paths": paths,
    }


def _has_paths(vpp: Calls, item: MulticastRoute) -> bool:
    """Whether anybody has a path for the group in a table."""
    groups = vpp.dump("ip_mroute_dump", table={"table_id": item.table6, "is_ip6": True})
    return any(entry.route.n_paths for entry in groups if entry.route.prefix.grp_address.ip6 == item.group)
