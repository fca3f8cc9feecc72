"""From a valid configuration tree to the frozen configuration of the DHCPv4 clients."""

from collections.abc import Iterator
from ipaddress import IPv4Address

from nc.schema import Schema
from nc.xml import Element
from vppdhc.dhc4client.config import LONGEST_USER_CLASS, ClientConfig, ClientIdType, ConflictDetection, OnStop
from vppdhc.dhc4client.messages import without_room
from vppdhc.northbound.client_component import ClientReading
from vppdhc.northbound.config import octets, top_entries
from vppdhc.northbound.dhc4_options import read_options
from vppdhc.northbound.reading import Fault, Reader


def dhc4client_config(schema: Schema, tree: Element) -> ClientReading[ClientConfig]:
    """Read /vppdhc:dhc4client."""
    faults: list[Fault] = []
    configs = {}
    for entry in top_entries(schema, tree, "dhc4client"):
        configs[entry.text("interface")] = config = _client(entry, faults)
        faults += _too_much(entry, config)
    return ClientReading(configs, tuple(faults))


def _client(entry: Reader, faults: list[Fault]) -> ClientConfig:
    assert entry.element is not None
    said = read_options(entry.element, faults).values
    wish = entry.leaf("requested-address")
    return ClientConfig(
        client_id_type=ClientIdType(entry.leaf("client-id-type") or ClientIdType.DUID),
        client_id=octets(entry.leaf("client-id") or ""),
        ia_id=entry.number("ia-id"),
        hostname=entry.leaf("hostname") or "",
        vendor_class=entry.leaf("vendor-class") or "",
        user_classes=tuple(_user_classes(entry, faults)),
        max_message_size=entry.whole("max-message-size"),
        requested_address=IPv4Address(wish) if wish else None,
        lease_time=entry.number("lease-time"),
        rapid_commit=bool(entry.flag("rapid-commit")),
        ipv6_only_preferred=bool(entry.flag("ipv6-only-preferred")),
        request_options=tuple(int(code) for code in entry.leafs("request-option")),
        options={code: value for code, value in said.items() if isinstance(value, bytes)},
        default_route=bool(entry.flag("default-route")),
        route_preference=entry.whole("route-preference"),
        route_table=entry.number("route-table-id"),
        use_mtu=bool(entry.flag("use-mtu")),
        conflict_detection=ConflictDetection(entry.text("conflict-detection")),
        on_stop=OnStop(entry.text("on-stop")),
    )


def _user_classes(entry: Reader, faults: list[Fault]) -> Iterator[str]:
    """Go through the user classes; the schema counts their characters, and not their octets."""
    for child in entry.entries("user-class"):
        size = len(child.value.encode())
        if size <= LONGEST_USER_CLASS:
            yield child.value
        else:
            assert child.element is not None
            message = f"this user class has {size} octets: it can have {LONGEST_USER_CLASS}"
            faults.append(Fault(child.element, message, "user-class-too-long"))


def _too_much(entry: Reader, config: ClientConfig) -> Iterator[Fault]:
    codes = without_room(config)
    if codes:
        assert entry.element is not None
        listed = ", ".join(map(str, codes))
        message = f"a message has no room for all that is to be sent: options {listed} would be left out. Send less"
        yield Fault(entry.element, message, "message-too-long")
