"""A small blocking client of VPP's API on vpp_papi's codec: an opinion on the wire format that is not the simulator's."""

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
        created = self._connect()
        self.index = created.index
        self.ids = {entry.name.rstrip("\0"): entry.index for entry in created.message_table}
        self._names = {
            number: name for name, number in self.ids.items() for name in [name.rsplit("_", 1)[0]]
        }

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
        return self.ids[f"{name}_{self.messages[name].crc.removeprefix('0x')}"]

    def write(self, message: bytes) -> None:
        """Send one encoded message."""
        self.socket.sendall(HEADER.pack(0, len(message), 0) + message)

    def read(self) -> bytes:
        """Receive one encoded message."""
        head = self._exactly(HEADER.size)
        zero, length, none = HEADER.unpack(head)
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

    def event(self, timeout: float = TIMEOUT) -> Any:
        """Return the next event."""
        if self._events:
            return self._events.popleft()
        self.socket.settimeout(timeout)
        try:
            return self.receive()
        finally:
            self.socket.settimeout(TIMEOUT)

    def no_event(self) -> bool:
        """Tell whether no event has come: whatever was sent before a ping's reply has arrived with it."""
        self.call("control_ping")
        return not self._events

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()


def path4(**values: Any) -> dict[str, Any]:
    """Return a path as ip_route_add_del wants it."""
    return {"n_labels": 0, "label_stack": [{}] * 16} | values
