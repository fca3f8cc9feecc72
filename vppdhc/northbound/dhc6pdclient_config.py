"""From a valid configuration tree to the frozen configuration of the DHCPv6 clients."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address, IPv6Network
from typing import Final

from nc.schema import Schema
from nc.xml import Element
from vppdhc.dhc6pdclient import messages, nptv6
from vppdhc.dhc6pdclient.config import (
    OPTIONS_MOST,
    ClientConfig,
    ConflictDetection,
    DefaultRoute,
    IaPd,
    Lan,
    Mode,
    OnStop,
)
from vppdhc.dhc6pdclient.identity import ia_id
from vppdhc.dhc6pdclient.subprefixes import why_no_interface_id
from vppdhc.northbound.client_component import ClientReading
from vppdhc.northbound.config import octets, top_entries
from vppdhc.northbound.raw_options import OPTIONS6
from vppdhc.northbound.reading import Fault, Reader
from vppdhc.packet import duid6, ipv6, udp
from vppdhc.packet.dhcp6 import MessageType, encode

_LONGEST: Final = 1500 - ipv6.HEADER - udp.HEADER
"""Bytes of the longest message that an Ethernet frame has room for: nobody cuts it into fragments."""


def dhc6pdclient_config(schema: Schema, tree: Element) -> ClientReading[ClientConfig]:
    """Read /vppdhc:dhc6pdclient."""
    entries = top_entries(schema, tree, "dhc6pdclient")
    lans = _Lans({entry.text("interface") for entry in entries})
    faults: list[Fault] = []
    configs = {entry.text("interface"): _client(entry, lans, faults) for entry in entries}
    return ClientReading(configs, tuple(faults))


def _client(entry: Reader, lans: "_Lans", faults: list[Fault]) -> ClientConfig:
    assert entry.element is not None
    internal = entry.leaf("internal-prefix")
    config = ClientConfig(
        ia_pds=_ia_pds(entry),
        ia_nas=tuple(one.whole("ia-id") for one in entry.entries("ia-na")),
        mode=Mode(entry.text("mode")),
        client_duid=octets(entry.leaf("client-duid") or ""),
        rapid_commit=bool(entry.flag("rapid-commit")),
        reconfigure_accept=bool(entry.flag("reconfigure-accept")),
        request_options=tuple(int(code) for code in entry.leafs("request-option")),
        options=_options(entry, faults),
        npt66=bool(entry.flag("npt66")),
        internal_prefix=IPv6Network(internal) if internal else None,
        lans=tuple(lans.of(entry, faults)),
        slaac=bool(entry.flag("slaac")),
        conflict_detection=ConflictDetection(entry.text("conflict-detection")),
        default_route=DefaultRoute(entry.text("default-route")),
        route_preference=entry.whole("route-preference"),
        route_table=entry.number("route-table-id"),
        on_stop=OnStop(entry.text("on-stop")),
    )
    faults += _faults(entry, config)
    return config


def _ia_pds(entry: Reader) -> tuple[IaPd, ...]:
    """Return the associations for prefixes that are configured, or the one that there is without any."""
    return tuple(map(_ia_pd, entry.entries("ia-pd"))) or (IaPd(ia_id(entry.text("interface"), 0)),)


def _ia_pd(entry: Reader) -> IaPd:
    hint = entry.leaf("prefix-hint")
    return IaPd(entry.whole("ia-id"), entry.number("prefix-length-hint"), IPv6Network(hint) if hint else None)


def _options(entry: Reader, faults: list[Fault]) -> Mapping[int, bytes]:
    """Return the further options that are sent: those that can be read, as far as there is room for them."""
    options: dict[int, bytes] = {}
    left_out = []
    room = OPTIONS_MOST
    for one in entry.entries("option"):
        assert one.element is not None
        try:
            code, raw = OPTIONS6.read(one.element)
        except ValueError as error:
            faults.append(Fault(one.element, str(error), "invalid-option"))
            continue
        if 4 + len(raw) <= room:
            options[code] = raw
            room -= 4 + len(raw)
        else:
            left_out.append(str(code))
    if left_out:
        assert entry.element is not None
        listed = ", ".join(left_out)
        message = f"options have {OPTIONS_MOST} octets at most: options {listed} would be left out. Send less"
        faults.append(Fault(entry.element, message, "message-too-long"))
    return options


class _Lans:
    """The LANs of all clients: each is behind one of them, and none is itself the way to a provider.

    VPP sends packets by their destinations alone: hosts with prefixes of two providers would be dropped by the one that
    did not give them the address that they chose (RFC 7084, 4.3, leaves that to be solved elsewhere).
    """

    def __init__(self, upstream: set[str]) -> None:
        """Note the interfaces to providers."""
        self._upstream = upstream
        self._behind: dict[str, str] = {}

    def of(self, entry: Reader, faults: list[Fault]) -> Iterator[Lan]:
        """Give the LANs of a client that can be."""
        for one in entry.entries("lan-interface"):
            lan = Lan(
                one.text("name"),
                one.number("ia-id"),
                one.number("subnet-id"),
                one.whole("prefix-length"),
                IPv6Address(one.text("interface-id")),
            )
            fault = self._fault(one, lan, entry.text("interface"))
            if fault is None:
                yield lan
            else:
                faults.append(fault)

    def _fault(self, entry: Reader, lan: Lan, interface: str) -> Fault | None:
        assert entry.element is not None
        if lan.interface in self._upstream:
            message = f"{lan.interface} leads to a provider, by dhc6pdclient, and cannot be a LAN: leave it out here"
            return Fault(entry.element, message, "lan-is-upstream")
        behind = self._behind.setdefault(lan.interface, interface)
        if behind != interface:
            message = f"{lan.interface} gets its prefix by {behind} already: name it in one dhc6pdclient only"
            return Fault(entry.element, message, "lan-twice")
        reason = why_no_interface_id(lan)
        if reason:
            place = entry.child("interface-id")
            return Fault(entry.element if place is None else place, reason, "interface-id-not-for-routers")
        return None


def _faults(entry: Reader, config: ClientConfig) -> Iterator[Fault]:
    """Go through what is wrong with a client, whatever there is beside it."""
    assert entry.element is not None
    reason = nptv6.refusal(config)
    place = entry.child("npt66")
    if reason and place is not None:
        yield Fault(place, reason, "npt66-impossible")
    size = _longest_request(config)
    if size > _LONGEST:
        message = (
            f"a message that asks for all of this has up to {size} octets, and the link takes {_LONGEST}: "
            "ask for fewer of ia-pd and ia-na, or send fewer options"
        )
        yield Fault(entry.element, message, "message-too-long")


def _longest_request(config: ClientConfig) -> int:
    """Return the bytes of a Request for one lease of each association, with DUIDs as long as can be."""
    duid = config.client_duid or bytes(duid6.LONGEST)
    heading = messages.Heading(MessageType.REQUEST, 0, duid, bytes(duid6.LONGEST))
    wanted = {key: (IPv6Network("::/64"),) for key in config.keys}
    return len(encode(messages.build(heading, config, wanted, 0)))
