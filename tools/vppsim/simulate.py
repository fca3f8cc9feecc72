"""Commands that VPP does not have: hosts, faults, going away and coming back."""

import math
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from tools.vppsim import addresses, dhcp, simulate6
from tools.vppsim.addresses import Prefix
from tools.vppsim.cli import Cli, CommandError, whole_number, word_after
from tools.vppsim.codec import Api
from tools.vppsim.dhcp_server import Conduct, DhcpServer, Terms
from tools.vppsim.faults import ACTIONS, DIRECTIONS, Faults, Measure, Refusal
from tools.vppsim.hosts import Host
from tools.vppsim.loop import Loop
from tools.vppsim.packets import vlan_tags
from tools.vppsim.ports import Ports

HELP = """\
create sim-interface NAME [hw-addr MAC] [wire PATH]   (frames are datagrams between sockets PATH and PATH.far)
simulate host create NAME interface IF mac MAC [vlan V [inner V]] [address A/L] [client-id HEX] [broadcast]
simulate host NAME delete | ping A | address A/L | dhcp start [A]|reboot|renew|rebind|release|decline|inform|stop
simulate host NAME dhcp-server pool A A [lease-time S] [t1 S] [t2 S] [router A] [dns A[,A]] [relay A] [option CODE HEX]
simulate host NAME dhcp-server answer|nak|silent|none
simulate host NAME ip6 address A... | address none | listen | solicit | ping A | stop
simulate host NAME router [lifetime S] [interval S] [managed] [other] [prefix P/L VALID PREFERRED [la|l|a|none]]...
simulate host NAME router silent|none
simulate host NAME dhcp6-server pool [pd P/L LENGTH] [na P/L] [preferred S] [valid S] [t1 S] [t2 S] [preference N]
                                     [rapid-commit] [dns A[,A]] [option CODE HEX]...
simulate host NAME dhcp6-server answer | silent | refuse STATUS [pd|na|message] | forget | reconfigure MESSAGE | none
show simulate hosts
show simulate state
simulate exit
simulate restart [keep-interfaces] [after SECONDS]
simulate delay MILLISECONDS [MESSAGE]
simulate refuse MESSAGE RETVAL [COUNT]
simulate silent MESSAGE
simulate drop|duplicate|reorder rx|tx PERCENT%|COUNT
simulate latency rx|tx MILLISECONDS
simulate clear
"""


class SimulateCommands:
    """The commands. leave: ends the simulator; restart: see `Simulator.restart`."""

    def __init__(
        self,
        cli: Cli,
        loop: Loop,
        random: Random,
        ports: Ports,
        faults: Faults,
        api: Api,
        leave: Callable[[], None],
        restart: Callable[[bool, float], None],
    ) -> None:
        self._loop = loop
        self._random = random
        self._ports = ports
        self._faults = faults
        self._api = api
        self._leave = leave
        self._restart = restart
        commands: dict[str, Callable[[list[str]], str]] = {
            "simulate help": lambda _: HELP,
            "simulate host create": self._create_host,
            "simulate host": self._host,
            "show simulate hosts": lambda _: self._show_hosts(),
            "simulate exit": lambda _: self._exit(),
            "simulate restart": self._restart_command,
            "simulate delay": self._delay,
            "simulate refuse": self._refuse,
            "simulate silent": self._silence,
            "simulate latency": self._set_latency,
            "simulate clear": lambda _: self._clear(),
        }
        for action in ACTIONS:
            commands[f"simulate {action}"] = partial(self._befall, action)
        for name, command in commands.items():
            cli.add(name, command)

    # --- hosts

    def _create_host(self, words: list[str]) -> str:
        name = words[0] if words else ""
        mac = word_after(words, "mac")
        interface = word_after(words, "interface")
        if not name or mac is None or interface is None:
            raise CommandError("expected NAME interface IF mac MAC")
        if name in self._ports.hosts:
            raise CommandError(f"host {name} is there already")
        wire = self._ports.wire(interface)
        outer, inner = word_after(words, "vlan"), word_after(words, "inner")
        try:
            vlans = (
                () if outer is None else vlan_tags(whole_number(outer), None if inner is None else whole_number(inner))
            )
            client_id = bytes.fromhex(word_after(words, "client-id") or "")
            host = Host(
                name,
                wire,
                addresses.parse_mac(mac),
                loop=self._loop,
                random=self._random,
                vlans=vlans,
                client_id=client_id,
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        host.broadcast = "broadcast" in words
        if "address" in words:
            host.static = _prefix(word_after(words, "address"))
        if host.mac in wire.stations:
            raise CommandError(f"{mac} is on that interface already")
        wire.stations[host.mac] = host
        self._ports.hosts[name] = host
        return name

    def _host(self, words: list[str]) -> str:
        host = self._ports.hosts.get(words[0]) if words else None
        if host is None:
            raise CommandError(f"no host `{' '.join(words[:1])}'")
        verbs: dict[str, Callable[[list[str]], None]] = {
            "dhcp": partial(self._dhcp, host),
            "dhcp-server": partial(_serve, host),
            "address": partial(_set_address, host),
            "ping": lambda rest: host.ping(_prefix(rest[0] if rest else None).address),
            "delete": lambda _: self._delete(host),
            "ip6": partial(simulate6.ip6, host.ip6),
            "router": partial(simulate6.router, host.ip6),
            "dhcp6-server": partial(simulate6.serve, host.ip6, self._random),
        }
        verb = words[1] if len(words) > 1 else ""
        if verb not in verbs:
            raise CommandError(f"unknown input `{' '.join(words[1:])}'")
        verbs[verb](words[2:])
        return ""

    def _delete(self, host: Host) -> None:
        host.stop()
        host.ip6.stop()
        del self._ports.hosts[host.name]
        for wire in self._ports.wires.values():
            if wire.stations.get(host.mac) is host:
                del wire.stations[host.mac]

    def _dhcp(self, host: Host, words: list[str]) -> None:
        verb = words[0] if words else ""
        if verb == "start":
            host.start(_prefix(words[1]).address if len(words) > 1 else None)
            return
        if verb == "stop":
            host.stop()
            return
        verbs = {
            "reboot": host.reboot,
            "renew": host.renew,
            "rebind": host.rebind,
            "release": host.release,
            "decline": host.decline,
            "inform": host.inform,
        }
        if verb not in verbs:
            raise CommandError(f"unknown input `{verb}'")
        if not verbs[verb]():
            raise CommandError(f"{host.name} has no address")

    def _show_hosts(self) -> str:
        lines = [f"{'host':<16}{'mac':<20}{'state':<12}{'address':<20}{'server':<16}expires in"]
        for name, host in self._ports.hosts.items():
            shown: dict[str, Any] = host.show()
            address, server = shown["address"] or "-", shown.get("server", "-")
            lines.append(
                f"{name:<16}{shown['mac']:<20}{shown['state']:<12}{address:<20}{server:<16}"
                f"{shown.get('expires-in', '-')}"
            )
        return "\n".join(lines)

    # --- going and coming

    def _exit(self) -> str:
        self._loop.after(0, self._leave)
        return ""

    def _restart_command(self, words: list[str]) -> str:
        seconds = _float(word_after(words, "after") or "0")
        self._loop.after(0, lambda: self._restart("keep-interfaces" in words, seconds))
        return ""

    # --- faults

    def _message(self, word: str) -> str:
        if word not in self._api.by_name:
            raise CommandError(f"unknown message `{word}'")
        return word

    def _delay(self, words: list[str]) -> str:
        if not words:
            raise CommandError("expected MILLISECONDS [MESSAGE]")
        self._faults.api.delays[self._message(words[1]) if len(words) > 1 else ""] = _float(words[0]) / 1000
        return ""

    def _refuse(self, words: list[str]) -> str:
        if len(words) not in (2, 3):
            raise CommandError("expected MESSAGE RETVAL [COUNT]")
        message = self._api.by_name[self._message(words[0])]
        if message.stream or message.reply is None:
            raise CommandError(f"{words[0]} has no reply that could refuse it")
        count = whole_number(words[2]) if len(words) == 3 else None
        self._faults.api.refusals[words[0]] = Refusal(int(_float(words[1])), count)
        return ""

    def _silence(self, words: list[str]) -> str:
        self._faults.api.silent.add(self._message(words[0] if words else ""))
        return ""

    def _befall(self, action: str, words: list[str]) -> str:
        if len(words) != 2 or words[0] not in DIRECTIONS:
            raise CommandError("expected rx|tx PERCENT%|COUNT")
        percent = words[1].endswith("%")
        amount = _float(words[1].removesuffix("%"))
        if amount < 0 or (percent and amount > 100):
            raise CommandError("expected rx|tx PERCENT%|COUNT")
        measure = Measure(share=amount / 100) if percent else Measure(left=int(amount))
        self._faults.packets[words[0]].set(action, measure)
        return ""

    def _set_latency(self, words: list[str]) -> str:
        if len(words) != 2 or words[0] not in DIRECTIONS or _float(words[1]) < 0:
            raise CommandError("expected rx|tx MILLISECONDS")
        self._faults.packets[words[0]].latency = _float(words[1]) / 1000
        return ""

    def _clear(self) -> str:
        self._faults.clear()
        return ""


def _set_address(host: Host, words: list[str]) -> None:
    host.static = _prefix(words[0]) if words and words[0] != "none" else None


def _serve(host: Host, words: list[str]) -> None:
    """Make a host a DHCP server, or one that behaves otherwise; who has which address is kept."""
    verb = words[0] if words else ""
    if verb == "none":
        host.server = None
    elif verb == "pool":
        terms = _terms(words)
        if host.server is None:
            host.server = DhcpServer(terms)
        host.server.terms = terms
    elif verb not in {conduct.value for conduct in Conduct}:
        raise CommandError(f"unknown input `{verb}'")
    elif host.server is None:
        raise CommandError(f"{host.name} is no DHCP server")
    else:
        host.server.conduct = Conduct(verb)


def _terms(words: list[str]) -> Terms:
    if len(words) < 3:
        raise CommandError("expected pool FIRST LAST")
    first, last = (_prefix(word).address for word in words[1:3])
    seconds = whole_number(word_after(words, "lease-time") or "3600")
    options: dict[int, bytes] = {}
    for key, code in (("t1", dhcp.T1), ("t2", dhcp.T2)):
        if key in words:
            options[code] = whole_number(word_after(words, key) or "").to_bytes(4, "big")
    for key, code in (("router", dhcp.ROUTER), ("dns", dhcp.DNS)):
        if key in words:
            options[code] = _packed(word_after(words, key))
    for place, word in enumerate(words):
        if word == "option":
            code, raw = _option(words[place + 1 : place + 3])
            options[code] = raw
    relay = _prefix(word_after(words, "relay")).address if "relay" in words else 0
    return Terms(first, last, seconds, relay, options)


def _packed(word: str | None) -> bytes:
    """Return addresses, with commas between them, as an option has them."""
    return b"".join(_prefix(part).address.to_bytes(4, "big") for part in (word or "").split(","))


def _option(words: list[str]) -> tuple[int, bytes]:
    try:
        code, raw = whole_number(words[0]), bytes.fromhex(words[1])
    except (IndexError, ValueError):
        code, raw = 0, b""
    if not 0 < code < 255 or len(raw) > 255:
        raise CommandError("expected option CODE HEX, of at most 255 bytes")
    return code, raw


def _prefix(word: str | None) -> Prefix:
    try:
        prefix = addresses.parse_prefix(word or "")
    except ValueError as error:
        raise CommandError(str(error)) from error
    if prefix.af != 4:
        raise CommandError(f"{word} is no IPv4 address")
    return prefix


def _float(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise CommandError(f"expected a number, not `{word}'")
    return number
