"""What VPP has to be told so that packets reach the punt sockets at all, kept as it should be.

255.255.255.255 is dropped in every IPv4 table, ff02::1:2 in every IPv6 table, and an interface without an
IPv4 address takes no DHCP in. What is put in place here is taken away again on a clean stop.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any, Final

import structlog

from vppdhc.clock import Clock
from vppdhc.interface import Interface
from vppdhc.vpp.errors import VppCallError, VppUnsupportedError
from vppdhc.vpp.interfaces import Calls

_EVERYBODY: Final = "255.255.255.255/32"
_ALL_DHCP_SERVERS: Final = "ff02::1:2"  # RFC 8415, 7.1
_LOCAL: Final = 1
_IP6: Final = 1
_NO_INTERFACE: Final = 0xFFFFFFFF
_LABELS: Final = 16
_ACCEPT_ALL_INTERFACES: Final = 8
_FORWARD: Final = 4


@dataclass(frozen=True, slots=True)
class BroadcastRoute:
    """255.255.255.255 in an IPv4 table goes to VPP itself: DHCPv4 servers need it."""

    table: int

    def __str__(self) -> str:
        return f"255.255.255.255/32 in IPv4 table {self.table}"


@dataclass(frozen=True, slots=True)
class MulticastRoute:
    """All_DHCP_Relay_Agents_and_Servers in an IPv6 table goes to VPP itself: DHCPv6 servers need it."""

    table6: int

    def __str__(self) -> str:
        return f"ff02::1:2/128 in IPv6 table {self.table6}"


@dataclass(frozen=True, slots=True)
class ClientDetection:
    """Packets for a DHCPv4 client are taken in on an interface without an address; interface: its name."""

    interface: str

    def __str__(self) -> str:
        return f"detection of DHCPv4 clients on {self.interface}"


Item = BroadcastRoute | MulticastRoute | ClientDetection


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
        self._wanted: set[Item] = set()
        self._placed: dict[Item, int] = {}
        self._refused: dict[Item, Refusal] = {}
        self._listeners: list[Callable[[Item, str], object]] = []
        self._log = structlog.get_logger()

    def on_drift(self, listener: Callable[[Item, str], object]) -> None:
        """Have a listener told of what VPP refuses, with its reason, and with none when it no longer does."""
        self._listeners.append(listener)

    def want(self, kind: type[Item], items: Iterable[Item]) -> bool:
        """Say what is wanted of one kind from now on; returns whether that is news, so that place() is due."""
        wanted = {item for item in self._wanted if not isinstance(item, kind)} | set(items)
        news = wanted != self._wanted
        self._wanted = wanted
        return news

    @property
    def refused(self) -> dict[Item, Refusal]:
        """What VPP would not do when it was last tried."""
        return dict(self._refused)

    def place(self, vpp: Calls, *, again: bool = False) -> None:
        """Bring VPP to what is wanted.

        again: also put in place what has been put there before.
        Raises VppError when VPP does not answer; a refusal is logged once and tried again next time.
        """
        for item in [item for item in self._placed if item not in self._wanted]:
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
        for item in list(self._placed):
            self._take_away(vpp, item)

    def _index(self, item: Item) -> int | None:
        """Return what tells a new interface of the same name from the old one; None where there is none."""
        if not isinstance(item, ClientDetection):
            return 0
        interface = self._named(item.interface)
        return None if interface is None else interface.index

    def _put(self, vpp: Calls, item: Item, index: int) -> None:
        try:
            _program(vpp, item, index, add=True)
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

    def _tell(self, item: Item, reason: str) -> None:
        for listener in self._listeners:
            listener(item, reason)

    def _take_away(self, vpp: Calls, item: Item) -> None:
        index = self._placed.pop(item)
        if isinstance(item, ClientDetection) and self._index(item) != index:
            return  # it went with the interface
        try:
            _program(vpp, item, index, add=False)
        except (VppCallError, VppUnsupportedError) as error:
            self._log.warning("VPP refuses to take away what we added", added=str(item), reason=str(error))


def _program(vpp: Calls, item: Item, index: int, *, add: bool) -> None:
    if isinstance(item, BroadcastRoute):
        route = {"table_id": item.table, "prefix": _EVERYBODY, "n_paths": 1, "paths": [_local_path(0)]}
        vpp.call("ip_route_add_del", is_add=add, is_multipath=True, route=route)
    elif isinstance(item, MulticastRoute):
        vpp.call("ip_mroute_add_del", is_add=add, is_multipath=True, route=_group(item.table6, [_MULTICAST_PATH]))
        if not add and not _has_paths(vpp, item.table6):
            # The flags that came with the path stay behind, and with them the entry, until somebody clears them.
            vpp.call("ip_mroute_add_del", is_add=True, is_multipath=True, route=_group(item.table6, [], flags=0))
    else:
        vpp.call("dhcp_client_detect_enable_disable", sw_if_index=index, enable=add)


def _local_path(proto: int) -> dict[str, Any]:
    return {
        "sw_if_index": _NO_INTERFACE,
        "type": _LOCAL,
        "proto": proto,
        "n_labels": 0,
        "label_stack": [{}] * _LABELS,  # the layout has a fixed number, used or not
    }


_MULTICAST_PATH: Final = {"itf_flags": _FORWARD, "path": _local_path(_IP6)}


def _group(table: int, paths: list[dict[str, Any]], flags: int = _ACCEPT_ALL_INTERFACES) -> dict[str, Any]:
    return {
        "table_id": table,
        "entry_flags": flags,
        "prefix": {
            "af": 1,
            "grp_address_length": 128,
            "grp_address": {"ip6": _ALL_DHCP_SERVERS},
            "src_address": {"ip6": "::"},
        },
        "n_paths": len(paths),
        "paths": paths,
    }


def _has_paths(vpp: Calls, table: int) -> bool:
    """Whether anybody has a path for the group in a table."""
    groups = vpp.dump("ip_mroute_dump", table={"table_id": table, "is_ip6": True})
    ours = IPv6Address(_ALL_DHCP_SERVERS)
    return any(entry.route.n_paths for entry in groups if entry.route.prefix.grp_address.ip6 == ours)
