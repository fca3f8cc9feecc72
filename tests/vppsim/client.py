"""A small blocking client of VPP's API on vpp_papi's codec: an opinion on the format that is not the simulator's."""

import select
import socket
import struct
from collections import deque
from importlib import resources
from pathlib import Path
from typing import Any

from vpp_papi.vpp_papi import VPPApiJSONFiles

HEADER = struct.Struct(">QII")
SOCKCLNT_CREATE = 15
TIMEOUT = 10.0
NO_INTERFACE = 0xFFFFFFFF
BROADCAST = "255.255.255.255"
LOCAL, DROP, UNREACHABLE = 1, 2, 5
UDP, ICMP6 = 17, 58


class NoReplyError(Exception):
    """Nothing came in time, or the connection ended."""


class Api:
    """One connection. ids: the table of name_crc and message id that came with the connection."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(str(path))
        self._received = b""
        self._context = 0
        self._events: deque[Any] = deque()
        bootstrap = resources.files("vpp_papi.data").joinpath("memclnt.api.json").read_text(encoding="utf-8")
        self.messages, self.services = VPPApiJSONFiles.process_json_str(bootstrap)
        try:
            created = self._connect()
        except (NoReplyError, OSError):
            self.close()
            raise
        self.index = created.index
        self.ids = {entry.name.rstrip("\0"): entry.index for entry in created.message_table}
        self._names = {number: name.rsplit("_", 1)[0] for name, number in self.ids.items()}

    def _connect(self) -> Any:
        request = {"_vl_msg_id": SOCKCLNT_CREATE, "context": 1, "name": "test"}
        self.write(self.messages["sockclnt_create"].pack(request))
        return self.messages["sockclnt_create_reply"].unpack(self.read())[0]

    def load(self) -> "Api":
        """Load the definitions that the server serves."""
        text = self.call("get_api_json").json
        self.load_text(text)
        return self

    def load_text(self, text: str) -> None:
        """Load definitions from the text of an array of API files."""
        messages, services = VPPApiJSONFiles.process_json_array_str(text)
        self.messages |= messages
        self.services |= services

    def number(self, name: str) -> int:
        """Return a message's id, found by its name and CRC."""
        number: int = self.ids[f"{name}_{self.messages[name].crc.removeprefix('0x')}"]
        return number

    def write(self, message: bytes) -> None:
        """Send one encoded message."""
        self.socket.sendall(HEADER.pack(0, len(message), 0) + message)

    def read(self) -> bytes:
        """Receive one encoded message."""
        head = self._exactly(HEADER.size)
        _, length, none = HEADER.unpack(head)
        assert none == 0  # the first eight bytes are a pointer of the server and mean nothing
        return self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            try:
                chunk = self.socket.recv(1 << 16)
            except TimeoutError:
                raise NoReplyError("timeout") from None
            if not chunk:
                raise NoReplyError("end of connection")
            self._received += chunk
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    def send(self, name: str, **values: Any) -> int:
        """Send a request and return its context."""
        self._context += 1
        head = {"_vl_msg_id": self.number(name), "client_index": self.index, "context": self._context}
        self.write(self.messages[name].pack(head | values))
        return self._context

    def receive(self) -> Any:
        """Receive one message, decoded; its name is the name of its type."""
        data = self.read()
        name = self._names[struct.unpack_from(">H", data)[0]]
        return self.messages[name].unpack(data)[0]

    def _answer(self, context: int) -> Any:
        while True:
            message = self.receive()
            if getattr(message, "context", 0) == context:
                return message
            self._events.append(message)

    def call(self, name: str, **values: Any) -> Any:
        """Ask and return the reply."""
        return self._answer(self.send(name, **values))

    def retval(self, name: str, **values: Any) -> int:
        """Ask and return the reply's return value."""
        value: int = self.call(name, **values).retval
        return value

    def dump(self, name: str, **values: Any) -> list[Any]:
        """Ask and return all details."""
        context = self.send(name, **values)
        head = {"_vl_msg_id": self.number("control_ping"), "client_index": self.index, "context": context}
        self.write(self.messages["control_ping"].pack(head))
        details: list[Any] = []
        while type(message := self._answer(context)).__name__ != "control_ping_reply":
            details.append(message)
        return details

    def event(self) -> Any:
        """Return the next event."""
        return self._events.popleft() if self._events else self.receive()

    def waits(self, seconds: float) -> bool:
        """Tell whether nothing comes for so long."""
        readable, _, _ = select.select([self.socket], [], [], seconds)
        return not readable

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()


def path(**values: Any) -> dict[str, Any]:
    """Return a path as `ip_route_add_del` wants it."""
    return {"n_labels": 0, "label_stack": [{}] * 16} | values


def l4(port: int, af: int = 0, protocol: int = UDP) -> dict[str, Any]:
    """Return what is punted: a UDP port or an ICMPv6 type."""
    return {"type": 0, "punt": {"l4": {"af": af, "protocol": protocol, "port": port}}}


def register(api: Api, pathname: Path, port: int, af: int = 0, protocol: int = UDP, version: int = 1) -> Any:
    """Register for a port and return the reply."""
    what = l4(port, af, protocol)
    return api.call("punt_socket_register", header_version=version, punt=what, pathname=str(pathname))


def change_address(api: Api, index: int, prefix: str, *, add: bool = True) -> int:
    """Add or delete an address of an interface; return the return value."""
    return api.retval("sw_interface_add_del_address", sw_if_index=index, is_add=add, prefix=prefix)


def addresses(api: Api, index: int, *, ip6: bool = False) -> list[str]:
    """Return an interface's addresses of a family."""
    return [str(a.prefix) for a in api.dump("ip_address_dump", sw_if_index=index, is_ipv6=ip6)]


def enable_ip6(api: Api, index: int, *, enable: bool = True) -> int:
    """Switch IPv6 on an interface on or off; return the return value."""
    return api.retval("sw_interface_ip6_enable_disable", sw_if_index=index, enable=enable)


def link_local(api: Api, index: int) -> str:
    """Return an interface's link-local address."""
    return str(api.call("sw_interface_ip6_get_link_local_address", sw_if_index=index).ip)


def route(api: Api, add: bool, prefix: str, *paths: dict[str, Any], multipath: bool = False, table: int = 0) -> int:
    """Add or delete paths of a prefix; return the return value."""
    wanted = {"table_id": table, "prefix": prefix, "n_paths": len(paths), "paths": [path(**p) for p in paths]}
    return api.retval("ip_route_add_del", is_add=add, is_multipath=multipath, route=wanted)


def routes(api: Api, prefix: str, table: int = 0, *, ip6: bool = False) -> list[Any]:
    """Return the paths of a prefix as the dump shows them."""
    dump = api.dump("ip_route_dump", table={"table_id": table, "is_ip6": ip6})
    return [path for entry in dump if str(entry.route.prefix) == prefix for path in entry.route.paths]


def listen_to_broadcasts(api: Api, table: int = 0) -> None:
    """Make 255.255.255.255 the router's own in a table."""
    local = {"type": LOCAL, "sw_if_index": NO_INTERFACE, "weight": 1}
    assert route(api, True, f"{BROADCAST}/32", local, table=table) == 0


def group_route(address: str) -> dict[str, Any]:
    """Return the route that makes an IPv6 multicast group the router's own, from all interfaces."""
    local = {"itf_flags": 4, "path": path(type=LOCAL, proto=1, sw_if_index=NO_INTERFACE, weight=1)}
    where = {"af": 1, "grp_address_length": 128, "grp_address": {"ip6": address}}
    return {"table_id": 0, "entry_flags": 8, "prefix": where, "n_paths": 1, "paths": [local]}
