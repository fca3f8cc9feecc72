"""A managed router with a LAN on which everything that it advertises is heard, decoded by scapy."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import oopt_gnpy_libyang as libyang
from lxml import etree
from netconf_client.ncclient import Manager
from scapy.layers.inet6 import (
    ICMPv6ND_RA,
    ICMPv6ND_RS,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6NDOptUnknown,
    IPv6,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from tests.daemon import Daemon
from tests.northbound.managed import NS, Managed, action, config, subtree, texts
from tests.vppsim.rig import Wire, mac_of
from tests.waiting import wait_for
from tests.yang.model import SEARCH_PATH

LAN: Final = "host-lan0"
NETWORK: Final = "2001:db8:1::/64"
ROUTER: Final = "2001:db8:1::1/64"
ROUTER_MAC: Final = mac_of(LAN)
HOST_MAC: Final = "02:00:00:00:00:77"
HOST: Final = "fe80::ff:fe00:77"
ALL_NODES: Final = "ff02::1"
_PATIENCE: Final = 60.0


class Lan(Managed):
    """A router that advertises itself on an interface, with the settings given of ip6ndra.

    wire: the far end of that interface.
    """

    def __init__(self, directory: Path, **settings: Any) -> None:
        """Make it; the daemon is not started yet. settings: names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in settings.items()}
        super().__init__(directory, ip6ndra={"interfaces": [LAN], **named})
        self.wire: Wire = self.rig.interface(LAN, ROUTER)[1]

    def advertisement(self, wanted: Callable[[Packet], bool] = lambda _: True) -> Packet:
        """Wait for the next router advertisement of a kind, and return its frame."""
        return advertisement(self.wire, self.daemon, wanted)

    def quiet(self) -> None:
        """Take in all advertisements that were sent so far."""
        while not self.wire.nothing():
            pass

    def solicit(self, source: str = HOST, **fields: Any) -> None:
        """Have a host ask for an advertisement."""
        frame = Ether(src=HOST_MAC, dst="33:33:00:00:00:02") / IPv6(src=source, dst="ff02::2", hlim=255)
        question = frame / ICMPv6ND_RS(**fields)
        self.wire.send(question / ICMPv6NDOptSrcLLAddr(lladdr=HOST_MAC) if source != "::" else question)

    def other_router(self, **fields: Any) -> None:
        """Have another router of the link advertise itself."""
        frame = Ether(src=HOST_MAC, dst="33:33:00:00:00:01") / IPv6(src=HOST, dst=ALL_NODES, hlim=255)
        prefix = ICMPv6NDOptPrefixInfo(prefix="2001:db8:1::", prefixlen=64, validlifetime=60, preferredlifetime=30)
        self.wire.send(frame / ICMPv6ND_RA(**fields) / prefix)

    def edit(self, content: str) -> None:
        """Change the configuration of the daemon: edit the candidate and commit it."""
        with self.client() as client:
            client.edit_config(config(content), target="candidate")
            client.commit()

    def send_ra(self, *interfaces: str) -> None:
        """Run the action."""
        named = "".join(f"<interface>{name}</interface>" for name in interfaces)
        with self.client() as client:
            client.dispatch(action(f"<ip6ndra><send-ra>{named}</send-ra></ip6ndra>"))

    def state(self) -> etree._Element:
        """Return the state, valid by libyang."""
        with self.client() as client:
            data: etree._Element = client.get(filter=subtree("<ip6ndra/>")).data_ele
        validate(data)
        return data

    def eventually(self, path: str, *values: str) -> None:
        """Wait until leafs of the state have exactly these values."""
        wait_for(lambda: texts(self.state(), path) == list(values), f"{path} is {values}; {self.daemon.said()}")

    @contextlib.contextmanager
    def subscribed(self, name: str) -> Iterator[Callable[[], etree._Element]]:
        """Give what waits for the next notification of a name, of before as well, and returns its content."""
        with self.client() as client:
            client.create_subscription(start_time="2020-01-01T00:00:00Z", filter=subtree(f"<{name}/>"))
            yield lambda: next_notification(client, name)


def advertisement(wire: Wire, daemon: Daemon, wanted: Callable[[Packet], bool]) -> Packet:
    """Wait for the next router advertisement of a kind on a wire, and return its frame.

    The first ones are up to 16 seconds apart (RFC 4861, 6.2.4), which is longer than a wire waits.
    """

    def found() -> Packet | None:
        with contextlib.suppress(TimeoutError):
            frame = wire.receive()
            return frame if ICMPv6ND_RA in frame and wanted(frame) else None
        return None

    frame = wait_for(found, f"such an advertisement; {daemon.said()}", _PATIENCE)
    assert frame is not None
    return frame


def next_notification(client: Manager, name: str) -> etree._Element:
    """Wait for the next notification of a name, and return its content."""
    while True:
        notification = client.take_notification(True, timeout=30)
        assert notification is not None, f"there is no {name}"
        for content in etree.fromstring(notification.notification_xml).iterchildren(f"{{{NS['v']}}}{name}"):
            return content


def validate(data: etree._Element) -> None:
    """See that libyang takes data with its state; raises libyang.Error."""
    flags = libyang.ContextOptions.NoYangLibrary | libyang.ContextOptions.DisableSearchCwd
    context = libyang.Context(":".join(map(str, SEARCH_PATH)), flags)
    context.load_module("vppdhc", None, [])
    document = "".join(etree.tostring(child, encoding="unicode", with_tail=False) for child in data)
    rules = libyang.ValidationOptions.MultiError | libyang.ValidationOptions.Present
    context.parse_data(document, libyang.DataFormat.XML, libyang.ParseOptions.Strict, rules)


def prefixes(frame: Packet) -> dict[str, tuple[int, int, int, int]]:
    """Return the prefixes of an advertisement: flags L and A, preferred and valid lifetime."""
    found, layer = {}, frame[ICMPv6ND_RA].payload
    while layer:
        if isinstance(layer, ICMPv6NDOptPrefixInfo):
            found[f"{layer.prefix}/{layer.prefixlen}"] = layer.L, layer.A, layer.preferredlifetime, layer.validlifetime
        layer = layer.payload
    return found


def options(frame: Packet) -> dict[int, Packet]:
    """Return the options of an advertisement by type, the last one of each."""
    found, layer = {}, frame[ICMPv6ND_RA].payload
    while layer:
        found[layer.type] = layer
        layer = layer.payload
    assert not any(isinstance(layer, ICMPv6NDOptUnknown) for layer in found.values())
    return found
