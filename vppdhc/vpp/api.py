"""Calls to VPP's binary API, from as many greenlets as there are.

A stream socket; each message is preceded by 16 bytes: 0 (u64), its length (u32), 0 (u32), in network order. One
greenlet reads and hands every message to the call that waits for its context; another one runs the callbacks of
events. VPP sends its keep-alive messages to shared-memory clients only, so there is none to answer here.
"""

import errno
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import gevent
import gevent.socket
import structlog
from gevent.event import AsyncResult, Event
from gevent.lock import BoundedSemaphore
from gevent.queue import Queue

from vppdhc.vpp.codec import Codec, Definitions, LayoutError, Message
from vppdhc.vpp.errors import (
    VppArgumentError,
    VppCallError,
    VppDecodeError,
    VppDefinitionsError,
    VppGoneError,
    VppTimeoutError,
    VppUnsupportedError,
)

_HEADER: Final = struct.Struct(">QII")
_ID: Final = struct.Struct(">H")
_CONTEXT: Final = struct.Struct(">I")

_CREATE_ID: Final = 15
_CREATE_REPLY_ID: Final = 16
"""The two ids that are the same in every VPP; all others come with the reply to the first call."""

_MESSAGE_MOST: Final = 64 << 20
"""Bytes of the largest message taken; the largest one known, the definitions of VPP 26.06, has 2 MB."""

_EVENTS_MOST: Final = 65_536
"""Events that may wait for their callbacks. More of them cannot be lost: the connection is given up instead."""

_READ_BEFORE_YIELD: Final = 256 << 10
_WORK_BEFORE_YIELD: Final = 0.005
_YIELD: Final = 0.0005
"""Bytes read and seconds worked before others run, and how long; a sleep of 0 lets nobody run that waits for I/O."""

_log = structlog.get_logger()


class _Pending:
    """A call that waits. ends: id of the message that ends it."""

    __slots__ = ("done", "ends", "received")

    def __init__(self, ends: int) -> None:
        self.ends = ends
        self.received: list[bytes] = []
        self.done: AsyncResult[None] = AsyncResult()


@dataclass(slots=True)
class CallCounters:
    """What became of the calls to VPP, of all connections.

    calls: all of them. refused: those that VPP answered with an error. timed_out: those without a reply in time.
    longest: seconds that the slowest reply took.
    """

    calls: int = 0
    refused: int = 0
    timed_out: int = 0
    longest: float = 0.0


class ApiClient:
    """One connection to VPP's API socket; when it has ended, make another one.

    path: VPP's API socket (`socksvr { socket-name ... }`).
    codec: of this process; shared by all connections, one after the other.
    definitions: directory with VPP's *.api.json, for a VPP that cannot serve its definitions.
    name: what VPP shows this client as. timeout: seconds that a call waits for its reply.
    counters: shared by all connections, one after the other.
    closed: set when the connection has ended, whoever ended it; reason says why.
    """

    def __init__(
        self,
        path: str,
        codec: Codec | None = None,
        *,
        definitions: Path | None = None,
        name: str = "vppdhc",
        timeout: float = 5.0,
        counters: CallCounters | None = None,
    ) -> None:
        self.closed = Event()
        self.reason = "not connected yet"
        self._path = path
        self._codec = codec or Codec()
        self._directory = definitions
        self._name = name
        self._timeout = timeout
        self._counters = counters or CallCounters()
        self._socket = gevent.socket.socket(gevent.socket.AF_UNIX, gevent.socket.SOCK_STREAM)
        self._sending = BoundedSemaphore(1)
        self._definitions: Definitions = self._codec.bootstrap
        self._ids: dict[str, int] = {}
        self._messages: dict[int, Message] = {}
        self._table: dict[str, int] = {}
        self._index = 0
        self._context = 0
        self._pending: dict[int, _Pending] = {}
        self._callbacks: dict[str, list[Callable[[Any], None]]] = {}
        self._events: Queue[tuple[Message, bytes]] = Queue()
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def connect(self) -> None:
        """Connect, and learn VPP's messages; blocks, 0.1 s the first time.

        Raises VppGoneError when there is no VPP, VppDefinitionsError when its definitions cannot be had, and
        VppTimeoutError when it does not answer.
        """
        try:
            self._socket.settimeout(self._timeout)
            self._socket.connect(self._path)
            self._socket.settimeout(None)
        except OSError as error:
            self._end(f"{self._path}: {_advice(error)}")
            raise VppGoneError(self.reason) from error
        self._greenlets = [gevent.spawn(self._read), gevent.spawn(self._dispatch)]
        try:
            self._open_session()
            self._definitions = self._learn()
            self._use(self._definitions)
        except BaseException:
            self.close()
            raise
        _log.debug("connected to VPP", path=self._path, messages=len(self._ids))

    def close(self) -> None:
        """End the connection; whoever waits for a reply gets VppGoneError."""
        self._end("closed")

    def offers(self, name: str) -> bool:
        """Whether this VPP has a message of that name that we can encode."""
        return name in self._ids

    def call(self, name: str, /, *, _timeout: float | None = None, **arguments: Any) -> Any:
        """Call and return VPP's reply, a named tuple.

        name: of the message; arguments: its fields, 0 or the definition's default where not given.
        _timeout: seconds to wait for the reply, instead of the connection's.

        Raises VppCallError when VPP's return value is not 0, VppTimeoutError, VppUnsupportedError,
        VppArgumentError, VppDecodeError, and VppGoneError when the connection ends meanwhile.
        """
        reply_name = self._service(name, arguments, stream=False)
        received = self._exchange(name, arguments, reply_name, _timeout)
        reply = self._decode(name, arguments, received)[-1]
        retval = getattr(reply, "retval", 0)
        if retval:
            self._counters.refused += 1
            raise VppCallError(name, arguments, retval)
        return reply

    def dump(self, name: str, /, *, _timeout: float | None = None, **arguments: Any) -> list[Any]:
        """Call something that answers with any number of details, and return these.

        Parameters and errors as of call(); no error where there is nothing to tell.
        """
        self._service(name, arguments, stream=True)
        received = self._exchange(name, arguments, "control_ping_reply", _timeout)
        return self._decode(name, arguments, received[:-1])

    def on_event(self, name: str, callback: Callable[[Any], None]) -> None:
        """Have a callback called with every event of that name, in the order in which they come.

        All callbacks share one greenlet, so they must not block; one that raises is logged. VPP sends events
        only after the call that asks for them.
        """
        self._callbacks.setdefault(name, []).append(callback)

    def _open_session(self) -> None:
        for name, number in (("sockclnt_create", _CREATE_ID), ("sockclnt_create_reply", _CREATE_REPLY_ID)):
            self._ids[name] = number
            self._messages[number] = self._codec.bootstrap.messages[name]
        reply = self.call("sockclnt_create", name=self._name)
        self._index = reply.index
        self._table = {entry.name.rstrip("\0"): entry.index for entry in reply.message_table}
        self._use(self._codec.bootstrap)

    def _learn(self) -> Definitions:
        if self.offers("get_api_json") and self.offers("get_api_json_reply"):
            return self._codec.load_json(self.call("get_api_json").json)
        if self._directory is None:
            raise VppDefinitionsError(
                "this VPP is too old to serve its message definitions: "
                "set api-definitions to the directory of its *.api.json files (usually /usr/share/vpp/api)",
            )
        return self._codec.load_directory(self._directory)

    def _use(self, definitions: Definitions) -> None:
        self._ids = {}
        for message in definitions.messages.values():
            number = self._table.get(message.table_name)
            if number is not None:
                self._ids[message.name] = number
                self._messages[number] = message

    def _service(self, name: str, arguments: dict[str, Any], *, stream: bool) -> str:
        """Name of the reply to a request that is fit to be sent."""
        service = self._definitions.services.get(name)
        if service is None or name not in self._ids or service["reply"] not in self._ids:
            raise VppUnsupportedError(name, arguments, self._why_unsupported(name))
        if bool(service.get("stream")) != stream or "stream_msg" in service:
            raise VppUnsupportedError(name, arguments, f"is not a {'dump' if stream else 'call'}")
        unknown = arguments.keys() - self._definitions.messages[name].fields
        if unknown:
            raise VppArgumentError(name, arguments, f"has no {', '.join(sorted(unknown))}")
        reply: str = service["reply"]
        return reply

    def _why_unsupported(self, name: str) -> str:
        ours = self._definitions.messages.get(name)
        theirs = [entry for entry in self._table if entry.rpartition("_")[0] == name]
        if ours is not None and theirs:
            return f"the definitions say {ours.table_name}, this VPP has {theirs[0]}"
        return "this VPP has no such message (is the plugin loaded?)"

    def _exchange(self, name: str, arguments: dict[str, Any], ends: str, timeout: float | None) -> list[bytes]:
        """Send a request and return what came back for it, the message named `ends` last."""
        if self.closed.is_set():
            raise VppGoneError(self.reason)
        context = self._next_context()
        try:
            request = self._frame(name, context, arguments)
            if ends == "control_ping_reply" and name != "control_ping":
                request += self._frame("control_ping", context, {})
        except LayoutError as error:
            raise VppArgumentError(name, arguments, str(error)) from error
        seconds = self._timeout if timeout is None else timeout
        pending = self._pending[context] = _Pending(self._ids[ends])
        timer = gevent.Timeout(seconds)
        self._counters.calls += 1
        began = time.monotonic()
        try:
            with timer:
                self._send(request)
                pending.done.get()
        except gevent.Timeout as expired:
            if expired is not timer:
                raise  # somebody else's, who waits less long than we do
            self._counters.timed_out += 1
            raise VppTimeoutError(name, arguments, seconds) from None
        finally:
            self._pending.pop(context, None)
        self._counters.longest = max(self._counters.longest, time.monotonic() - began)
        return pending.received

    def _next_context(self) -> int:
        self._context = self._context % 0xFFFF_FFFF + 1
        return self._context

    def _frame(self, name: str, context: int, arguments: dict[str, Any]) -> bytes:
        values = {"_vl_msg_id": self._ids[name], "client_index": self._index, "context": context, **arguments}
        data = self._codec.encode(self._messages[self._ids[name]], values)
        return _HEADER.pack(0, len(data), 0) + data

    def _send(self, frame: bytes) -> None:
        with self._sending:
            if self.closed.is_set():
                raise VppGoneError(self.reason)
            try:
                self._socket.sendall(frame)
            except OSError as error:
                self._end(f"sending failed: {error.strerror or error}")
                raise VppGoneError(self.reason) from error
            except BaseException:
                # Time is up, or this greenlet is to end. What was sent of the frame cannot be taken back, and
                # whatever came behind it would be read as its rest.
                self._end("VPP does not read its API socket")
                raise

    def _decode(self, name: str, arguments: dict[str, Any], received: list[bytes]) -> list[Any]:
        decoded = []
        began = time.monotonic()
        for data in received:
            try:
                decoded.append(self._codec.decode(self._messages[_ID.unpack_from(data)[0]], data))
            except LayoutError as error:
                raise VppDecodeError(name, arguments, str(error)) from error
            if time.monotonic() - began > _WORK_BEFORE_YIELD:
                gevent.sleep(_YIELD)
                began = time.monotonic()
        return decoded

    def _read(self) -> None:
        """Read until the connection ends."""
        buffer = bytearray()
        unyielded = 0
        try:
            while data := self._socket.recv(65_536):
                buffer += data
                self._take_messages(buffer)
                unyielded += len(data)
                if unyielded >= _READ_BEFORE_YIELD:
                    unyielded = 0
                    gevent.sleep(_YIELD)
            self._end("VPP closed the connection")
        except OSError as error:
            self._end(f"reading failed: {error.strerror or error}")
        except (LayoutError, struct.error) as error:
            self._end(f"VPP sent nonsense: {error}")

    def _take_messages(self, buffer: bytearray) -> None:
        """Take all whole messages off the front of what was read."""
        at = 0
        while len(buffer) - at >= _HEADER.size:
            length = _HEADER.unpack_from(buffer, at)[1]
            if not _ID.size <= length <= _MESSAGE_MOST:
                raise LayoutError(f"a message of {length} bytes")
            end = at + _HEADER.size + length
            if len(buffer) < end:
                break
            self._take_message(bytes(buffer[at + _HEADER.size : end]))
            at = end
        del buffer[:at]

    def _take_message(self, data: bytes) -> None:
        number = _ID.unpack_from(data)[0]
        message = self._messages.get(number)
        if message is None:
            return  # nothing that we could have asked for
        context = 0 if message.context_at is None else _CONTEXT.unpack_from(data, message.context_at)[0]
        if context == 0:
            self._take_event(message, data)
            return
        pending = self._pending.get(context)
        if pending is None:
            _log.debug("reply from VPP that nobody waits for", message=message.name)
            return
        pending.received.append(data)
        if number == pending.ends:
            pending.done.set()

    def _take_event(self, message: Message, data: bytes) -> None:
        if message.name not in self._callbacks:
            return
        if self._events.qsize() >= _EVENTS_MOST:
            raise LayoutError(f"more than {_EVENTS_MOST} events wait for their callbacks")
        self._events.put((message, data))

    def _dispatch(self) -> None:
        """Run the callbacks of events; in a burst of them, others have their turn as well."""
        while True:
            self._events.peek()
            began = time.monotonic()
            while not self._events.empty():
                self._tell(*self._events.get())
                if time.monotonic() - began > _WORK_BEFORE_YIELD:
                    gevent.sleep(_YIELD)
                    began = time.monotonic()

    def _tell(self, message: Message, data: bytes) -> None:
        """Run the callbacks of an event."""
        try:
            event = self._codec.decode(message, data)
        except LayoutError as error:
            _log.warning("event from VPP that cannot be decoded", reason=str(error))
            return
        for callback in self._callbacks[message.name]:
            try:
                callback(event)
            except Exception:
                _log.exception("callback of a VPP event failed", message=message.name)

    def _end(self, reason: str) -> None:
        if self.closed.is_set():
            return
        self.reason = reason
        self.closed.set()
        self._socket.close()
        for pending in self._pending.values():
            pending.done.set_exception(VppGoneError(reason))
        for greenlet in self._greenlets:
            if greenlet is not gevent.getcurrent():
                greenlet.kill(block=False)


def _advice(error: OSError) -> str:
    if error.errno == errno.EACCES:
        return "this user may not use it: put it into the group that startup.conf names (unix { gid vpp })"
    return error.strerror or str(error)
