"""VPP's API socket: connections, framing, one request after the other, replies and events."""

import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from tools.vppsim.codec import Api, LayoutError, Message
from tools.vppsim.faults import Faults
from tools.vppsim.loop import Loop

Values = dict[str, Any]

_HEADER: Final = struct.Struct(">QII")
_POINTER: Final = 0x80E1_5C11_197F_0000
"""VPP leaves a pointer of its own in the first eight bytes of most messages; it means nothing to a client."""
_FIRST_CLIENT: Final = 0x80000001
_LONGEST: Final = 1 << 20
_LOOK_AGAIN: Final = 0.005


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that takes its time, and holds up every other request meanwhile.

    begin: called at once with what is to be called, with the fields of the reply, in the end.
    """

    begin: Callable[[Callable[[Values], None]], None]


Handler = Callable[["Client", Values], "Values | Iterable[Values] | Later"]
"""Handles a request: returns the fields of the reply, or those of each message of a dump."""


class Client:
    """One connection. index: what VPP calls it."""

    def __init__(self, server: "ApiServer", sock: socket.socket, index: int) -> None:
        self.index = index
        self.name = ""
        self._server = server
        self._socket = sock
        self._in = bytearray()
        self._out = bytearray()

    @property
    def alive(self) -> bool:
        """The connection is open."""
        return self._socket.fileno() >= 0

    def read(self) -> None:
        """Take what has come and queue whole messages."""
        try:
            data = self._socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._server.drop(self)
            return
        self._in += data
        while len(self._in) >= _HEADER.size:
            length = _HEADER.unpack_from(self._in)[1]
            if length > _LONGEST:
                self._server.drop(self)
                return
            end = _HEADER.size + length
            if len(self._in) < end:
                return
            message = bytes(self._in[_HEADER.size : end])
            del self._in[:end]
            self._server.queue(self, message)

    def send(self, message: bytes) -> None:
        """Send one encoded message; what the socket does not take now goes out later."""
        if self.alive:
            self._out += _HEADER.pack(_POINTER, len(message), 0) + message
            self.write()

    def write(self) -> None:
        """Send what has not gone out yet."""
        try:
            sent = self._socket.send(self._out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._server.drop(self)
            return
        del self._out[:sent]
        self._server.loop.watch(self._socket, self.read, self.write if self._out else None)

    def close(self) -> None:
        """End the connection."""
        self._server.loop.forget(self._socket)
        self._socket.close()


class ApiServer:
    """The listening socket and everybody who is connected.

    handlers: by name of the request. on_gone: called with a client that has gone.
    """

    def __init__(self, loop: Loop, api: Api, path: Path, faults: Faults, *, serve_definitions: bool) -> None:
        self.loop = loop
        self.handlers: dict[str, Handler] = {}
        self.on_gone: list[Callable[[Client], None]] = []
        self._api = api
        self._path = path
        self._faults = faults
        self._listener: socket.socket | None = None
        self._clients: list[Client] = []
        self._count = 0
        self._pid = os.getpid()
        self._queue: deque[tuple[Client, bytes]] = deque()
        self._held_up_by: object | None = None
        hidden = set() if serve_definitions else {"get_api_json", "get_api_json_reply"}
        self._known = {m.number: m for m in api.by_name.values() if m.name not in hidden}
        self.handlers |= {
            "control_ping": lambda client, _: {"client_index": client.index, "vpe_pid": self._pid},
            "get_api_json": lambda *_: {"json": api.text},
        }

    def next_run(self) -> None:
        """Be another process from now on, as a VPP that was restarted is."""
        self._pid += 1

    def open(self) -> None:
        """Listen."""
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(str(self._path))
        self._listener.listen(64)
        self.loop.watch(self._listener, self._accept)

    def close(self) -> None:
        """Listen no more and end every connection, in this order: whoever sees the end finds nobody to connect to."""
        if self._listener is not None:
            self.loop.forget(self._listener)
            self._listener.close()
            self._listener = None
            self._path.unlink(missing_ok=True)
        for client in list(self._clients):
            self.drop(client)
        self._queue.clear()
        self._held_up_by = None

    def _accept(self) -> None:
        assert self._listener is not None
        sock, _ = self._listener.accept()
        sock.setblocking(False)
        client = Client(self, sock, _FIRST_CLIENT + self._count)
        self._count += 1
        self._clients.append(client)
        self.loop.watch(sock, client.read)

    def drop(self, client: Client) -> None:
        """Forget a client."""
        client.close()
        if client in self._clients:
            self._clients.remove(client)
            for listener in self.on_gone:
                listener(client)

    def clients(self) -> list[Values]:
        """Return who is connected."""
        return [{"index": client.index, "name": client.name} for client in self._clients]

    def event(self, client: Client, name: str, values: Mapping[str, Any]) -> None:
        """Send an event to a client."""
        client.send(self._api.by_name[name].encode({**values, "client_index": client.index}))

    # --- requests, one after the other

    def queue(self, client: Client, data: bytes) -> None:
        """Handle a request when its turn comes."""
        self._queue.append((client, data))
        self._work()

    def _work(self) -> None:
        while self._queue and self._held_up_by is None:
            client, data = self._queue.popleft()
            message = self._known.get(int.from_bytes(data[:2], "big"))
            if not client.alive or message is None:
                continue  # what VPP does not know it does not answer
            delay = self._faults.api.delay(message.name)
            if delay:
                self._delay(delay, partial(self._handle, client, message, data))
            else:
                self._handle(client, message, data)

    def _delay(self, seconds: float, then: Callable[[], None]) -> None:
        """Let every request wait for so many seconds, or until the fault is cleared."""
        hold = self._held_up_by = object()
        end = self.loop.now() + seconds

        def look() -> None:
            left = end - self.loop.now()
            if left > 0 and self._faults.api.delays and self._held_up_by is hold:
                self.loop.after(min(left, _LOOK_AGAIN), look)
            else:
                self._go_on(hold, then)

        look()

    def _go_on(self, hold: object, then: Callable[[], None]) -> None:
        """End a wait, unless everybody has been disconnected meanwhile, and look at the requests that waited."""
        if self._held_up_by is hold:
            self._held_up_by = None
            then()
            self._work()

    def _handle(self, client: Client, message: Message, data: bytes) -> None:
        try:
            values = message.decode(data)
        except LayoutError:
            return
        name = message.name
        context = values.get("context", 0)
        if name in self._faults.api.silent:
            return
        refused = self._faults.api.refusal(name)
        if refused is not None:
            self._reply(client, message, {"retval": refused}, context)
        elif name == "sockclnt_create":
            self._introduce(client, values)
        elif name == "sockclnt_delete":
            self._reply(client, message, {"response": 1}, context)
            self.drop(client)
        elif name in self.handlers:
            self._answer(client, message, self.handlers[name](client, values), context)

    def _answer(
        self, client: Client, message: Message, answer: Values | Iterable[Values] | Later, context: int
    ) -> None:
        if isinstance(answer, Later):
            hold = self._held_up_by = object()
            answer.begin(lambda values: self._go_on(hold, lambda: self._reply(client, message, values, context)))
        elif isinstance(answer, dict):
            self._reply(client, message, answer, context)
        else:
            for details in answer:
                self._reply(client, message, details, context)

    def _reply(self, client: Client, request: Message, values: Values, context: int) -> None:
        if request.reply is not None:
            client.send(self._api.by_name[request.reply].encode({**values, "context": context}))

    def _introduce(self, client: Client, values: Values) -> None:
        client.name = values["name"]
        table = [{"index": m.number, "name": m.key} for m in self._known.values()]
        reply = {"index": client.index, "count": len(table), "message_table": table}
        self._reply(client, self._api.by_name["sockclnt_create"], reply, values["context"])
