"""Commands of VPP's command line that change something, with VPP's words and VPP's complaints."""

from collections.abc import Callable
from typing import Final

from tools.vppsim import addresses
from tools.vppsim.addresses import NONE, Prefix
from tools.vppsim.cli import Cli, CommandError, whole_number, word_after
from tools.vppsim.dataplane import Bridge, Dataplane
from tools.vppsim.fib import Path, PathType, Source
from tools.vppsim.interfaces import Interface
from tools.vppsim.packets import vlan_tags
from tools.vppsim.ports import Ports
from tools.vppsim.router import OK, AddressInUseError, Router

_LOOPBACK_MAC: Final = b"\xde\xad\0\0\0"
_KINDS: Final = {"drop": PathType.DROP, "local": PathType.LOCAL, "null-send-unreach": PathType.ICMP_UNREACH}


class Commands:
    """The commands, on a router, its dataplane and its ports."""

    def __init__(self, cli: Cli, router: Router, dataplane: Dataplane, ports: Ports) -> None:
        self._router = router
        self._dataplane = dataplane
        self._ports = ports
        commands: dict[str, Callable[[list[str]], str]] = {
            "create host-interface": self._create_host_interface,
            "delete host-interface": self._delete_host_interface,
            "create sim-interface": self._create_sim_interface,
            "delete sim-interface": self._delete_sim_interface,
            "create loopback interface": self._create_loopback,
            "delete loopback interface": self._delete_loopback,
            "create sub-interfaces": self._create_sub_interface,
            "delete sub-interface": self._delete_sub_interface,
            "create bridge-domain": self._create_bridge,
            "set interface state": self._set_state,
            "set interface ip address": self._set_address,
            "set interface ip table": lambda words: self._set_table(4, words),
            "set interface ip6 table": lambda words: self._set_table(6, words),
            "set interface l2 bridge": self._set_bridge,
            "set interface l3": self._set_l3,
            "ip table": lambda words: self._change_table(4, words),
            "ip6 table": lambda words: self._change_table(6, words),
            "ip route": self._change_route,
            "enable ip6 interface": lambda words: self._enable_ip6(words, enable=True),
            "disable ip6 interface": lambda words: self._enable_ip6(words, enable=False),
        }
        for name, command in commands.items():
            cli.add(name, command)

    def _interface(self, words: list[str]) -> Interface:
        """Return the interface that the first word names, and take the word away."""
        found = self._router.interfaces.by_name(words[0]) if words else None
        if found is None:
            raise CommandError(f"unknown interface `{' '.join(words)}'")
        del words[0]
        return found

    # --- making and deleting interfaces

    def _create_host_interface(self, words: list[str]) -> str:
        device = word_after(words, "name")
        mac = _mac(words, "hw-addr")
        if device is None:
            raise CommandError("Invalid interface name")
        name = f"host-{device}"
        if self._router.interfaces.by_name(name) is None:
            try:
                self._ports.add(name, "af-packet", mac or self._router.random_mac(), device)
            except OSError as error:
                raise CommandError("Invalid interface name") from error
        return name

    def _delete_host_interface(self, words: list[str]) -> str:
        self._ports.remove(f"host-{word_after(words, 'name')}")
        return ""

    def _create_sim_interface(self, words: list[str]) -> str:
        if not words:
            raise CommandError("missing name")
        name = words[0]
        if self._router.interfaces.by_name(name) is None:
            mac = _mac(words, "hw-addr") or self._router.random_mac()
            self._ports.add(name, "virtio", mac, word_after(words, "wire"))
        return name

    def _delete_sim_interface(self, words: list[str]) -> str:
        self._ports.remove(self._interface(words).name)
        return ""

    def _create_loopback(self, words: list[str]) -> str:
        number = 0
        while self._router.interfaces.by_name(f"loop{number}"):
            number += 1
        mac = _mac(words, "mac") or _LOOPBACK_MAC + bytes([number])
        return self._router.add_interface(f"loop{number}", "Loopback", mac).name

    def _delete_loopback(self, words: list[str]) -> str:
        found = self._router.interfaces.by_name(word_after(words, "intfc") or "")
        if found is None:
            raise CommandError("interface not specified")
        self._router.delete_interface(found)
        return ""

    def _create_sub_interface(self, words: list[str]) -> str:
        parent = self._interface(words)
        sub_id = whole_number(words[0] if words else "")
        service = word_after(words, "dot1ad")
        outer = whole_number(service or word_after(words, "dot1q") or str(sub_id))
        inner = word_after(words, "inner-dot1q")
        try:
            vlans = vlan_tags(outer, None if inner is None else whole_number(inner), service=service is not None)
        except ValueError as error:
            raise CommandError(str(error)) from error
        subs = self._router.interfaces.subs(parent)
        if any(sub.sub_id == sub_id for sub in subs):
            return ""
        if any(sub.vlans == vlans for sub in subs):
            raise CommandError("vlan is already in use")
        exact = len(words) == 1 or "exact-match" in words
        return self._router.add_sub_interface(parent, sub_id, vlans, exact=exact).name

    def _delete_sub_interface(self, words: list[str]) -> str:
        found = self._router.interfaces.by_name(words[0]) if words else None
        if found is None or not found.is_sub:
            raise CommandError("interface doesn't exist")
        self._router.delete_interface(found)
        return ""

    # --- bridging

    def _create_bridge(self, words: list[str]) -> str:
        number = whole_number(words[0] if words else "")
        self._dataplane.bridges.setdefault(number, Bridge())
        return f"bridge-domain {number}"

    def _set_bridge(self, words: list[str]) -> str:
        interface = self._interface(words)
        number = whole_number(words[0] if words else "")
        if number not in self._dataplane.bridges:
            raise CommandError(f"No such bridge domain {number}")
        interface.bridge, interface.is_bvi = number, "bvi" in words
        return ""

    def _set_l3(self, words: list[str]) -> str:
        interface = self._interface(words)
        interface.bridge, interface.is_bvi = None, False
        return ""

    # --- settings of interfaces

    def _set_state(self, words: list[str]) -> str:
        interface = self._interface(words)
        if words not in (["up"], ["down"]):
            raise CommandError(f"unknown flags `{' '.join(words)}'")
        self._router.set_state(interface, up=words == ["up"])
        return ""

    def _set_address(self, words: list[str]) -> str:
        delete = words[:1] == ["del"]
        if delete:
            del words[0]
        interface = self._interface(words)
        if words == ["all"] and delete:
            self._router.delete_all_addresses(interface)
            return ""
        prefix = _prefix(words)
        if delete:
            if self._router.delete_address(interface, prefix) != OK:
                raise CommandError(f"{prefix} not found for interface {interface.name}")
            return ""
        try:
            done = self._router.add_address(interface, prefix)
        except AddressInUseError as error:
            conflict = f"conflicts with {error.present} for interface {error.holder.name}"
            raise CommandError(f"failed to add {prefix} on {interface.name} which {conflict}") from error
        if done != OK:
            raise CommandError(f"invalid address {prefix}")
        return ""

    def _set_table(self, af: int, words: list[str]) -> str:
        interface = self._interface(words)
        table_id = whole_number(words[0] if words else "")
        if (af, table_id) not in self._router.tables:
            raise CommandError(f"no such table {table_id}")
        if interface.first(af) is not None:
            raise CommandError(f"IP addresses are still present on {interface.name}")
        self._router.set_table(interface, af, table_id)
        return ""

    def _enable_ip6(self, words: list[str], *, enable: bool) -> str:
        if self._router.enable_ip6(self._interface(words), enable=enable) != OK:
            raise CommandError("Failed")
        return ""

    # --- tables and routes

    def _change_table(self, af: int, words: list[str]) -> str:
        verb, number = (words[0], whole_number(words[1])) if len(words) == 2 else ("", 0)
        if verb not in ("add", "del"):
            raise CommandError(f"unknown input `{' '.join(words)}'")
        if number == 0:
            raise CommandError("Can't change the default table")
        if verb == "add":
            self._router.add_table(af, number)
        else:
            self._router.delete_table(af, number)
        return ""

    def _change_route(self, words: list[str]) -> str:
        add = words[:1] == ["add"]
        if words[:1] not in (["add"], ["del"]):
            raise CommandError(f"unknown input `{' '.join(words)}'")
        prefix = _prefix(words[1:2])
        table_id = whole_number(word_after(words, "table") or "0")
        table = self._router.tables.get((prefix.af, table_id))
        if table is None:
            raise CommandError(f"Nonexistent table id {table_id}")
        paths = self._paths(prefix, words)
        if add and not paths:
            raise CommandError("expected paths.")
        self._router.change_route(table, prefix, Source.CLI, paths, add=add, multipath=bool(paths))
        return ""

    def _paths(self, prefix: Prefix, words: list[str]) -> list[Path]:
        if "via" not in words:
            return []
        way = words[words.index("via") + 1 :]
        if way and way[0] in _KINDS:
            return [Path(_KINDS[way[0]])]
        hop = 0
        if way and (way[0][:1].isdigit() or ":" in way[0]):
            neighbour = _prefix(way[:1])
            if neighbour.af != prefix.af:
                raise CommandError(f"parse error `{' '.join(words[words.index('via') :])}'")
            hop = neighbour.address
            del way[0]
        index = NONE
        if way and way[0] not in ("table", "weight", "preference"):
            out = self._router.interfaces.by_name(way[0])
            if out is None:
                raise CommandError(f"parse error `{' '.join(words[words.index('via') :])}'")
            index = out.index
        weight, preference = (
            whole_number(word_after(way, key) or default) for key, default in (("weight", "1"), ("preference", "0"))
        )
        return [Path(PathType.NORMAL, index, hop, weight, preference)]


def _mac(words: list[str], key: str) -> bytes | None:
    word = word_after(words, key)
    try:
        return None if word is None else addresses.parse_mac(word)
    except ValueError as error:
        raise CommandError(str(error)) from error


def _prefix(words: list[str]) -> Prefix:
    try:
        return addresses.parse_prefix(words[0])
    except (ValueError, IndexError) as error:
        raise CommandError(f"expected IP4/IP6 address/length `{' '.join(words)}'") from error
