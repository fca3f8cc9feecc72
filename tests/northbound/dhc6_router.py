"""A managed router that serves DHCPv6 on a wire, at whose far end are clients made of scapy."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from lxml import etree

from tests.dhc6.clients import SERVER_DUID, Seen, datagram, look
from tests.northbound.managed import Managed, action, config, subtree
from tests.northbound.ra_lan import next_notification, validate
from tests.packet.scapy_layers6 import UDP
from tests.vppsim.rig import Wire
from tests.waiting import wait_for
from vppdhc.packet import punt

LAN: Final = "host-lan0"
ROUTER: Final = "2001:db8:1::1/64"
_PATIENCE: Final = 60.0
_CLIENT_PORT: Final = 546
_HEADING: Final = len(punt.encode(1, punt.L2, b""))


class Router(Managed):
    """A router that serves an interface, with the settings given of dhc6server.

    wire: the far end of that interface.
    """

    def __init__(self, directory: Path, **settings: Any) -> None:
        """Make it; the daemon is not started yet. settings: names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in settings.items()}
        server = {"interfaces": [LAN], "server-duid": SERVER_DUID.hex(":"), "conflict-detection": "none", **named}
        super().__init__(directory, dhc6server=server)
        self.wire: Wire = self.rig.interface(LAN, ROUTER)[1]

    def start(self) -> None:
        """Start the daemon, and wait until it serves."""
        self.daemon.start()
        self.daemon.logged("serving DHCPv6", interface=LAN)

    def say(self, kind: str, station: int = 1, *options: Any, **fields: Any) -> Seen:
        """Send a message and wait for its answer."""
        frame = datagram(kind, station, *options, **fields)[_HEADING:]
        self.wire.send(frame)

        def answer() -> Seen | None:
            with contextlib.suppress(TimeoutError):
                got = self.wire.receive()
                if UDP in got and got[UDP].dport == _CLIENT_PORT:
                    seen = look(punt.L2, bytes(got))
                    return seen if seen.trid == 0x1000 + station else None
            return None

        seen = wait_for(answer, f"an answer to {kind}; {self.daemon.said()}", _PATIENCE)
        assert seen is not None
        return seen

    def bind(self, station: int = 1, **fields: Any) -> Seen:
        """Take a client through Solicit and Request; returns the Reply."""
        offered = self.say("solicit", station, **fields)
        assert offered.type == "advertise"
        na = {ia_id: ia.live for ia_id, ia in offered.na.items()}
        pd = {ia_id: ia.live for ia_id, ia in offered.pd.items()}
        reply = self.say("request", station, na=na, pd=pd)
        assert reply.type == "reply"
        return reply

    def edit(self, content: str) -> None:
        """Change the configuration of the daemon: edit the candidate and commit it."""
        with self.client() as client:
            client.edit_config(config(content), target="candidate")
            client.commit()

    def state(self, content: str = "") -> etree._Element:
        """Return the state, all or some of it, valid by libyang."""
        with self.client() as client:
            filtered = subtree(f"<dhc6server>{content}</dhc6server>" if content else "<dhc6server/>")
            data: etree._Element = client.get(filter=filtered).data_ele
        validate(data)
        return data

    def act(self, content: str) -> etree._Element:
        """Perform an action of the server."""
        with self.client() as client:
            reply = client.dispatch(action(f"<dhc6server>{content}</dhc6server>"))
        return etree.fromstring(reply.xml)

    @contextlib.contextmanager
    def subscribed(self, name: str) -> Iterator[Callable[[], etree._Element]]:
        """Give what waits for the next notification of a name, of before as well, and returns its content."""
        with self.client() as client:
            client.create_subscription(start_time="2020-01-01T00:00:00Z", filter=subtree(f"<{name}/>"))
            yield lambda: next_notification(client, name)
