"""The exchange of messages in one session: hellos, then requests and their replies, over any byte stream."""

from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

import gevent
import structlog
from lxml import etree

from nc.errors import RpcError, malformed_message, operation_failed, to_element, too_big, unknown_element
from nc.framing import Chunked, EndOfMessage, FramingError, TooBigError
from nc.pace import Pace
from nc.session import Dispatcher, Reply, Session, Termination, TerminationReason
from nc.xml import NC, Element, XmlError, parse, qname, serialise

BASE_10: Final = "urn:ietf:params:netconf:base:1.0"
BASE_11: Final = "urn:ietf:params:netconf:base:1.1"

_RPC: Final = qname(NC, "rpc")
_RPC_ERROR: Final = qname(NC, "rpc-error")
_HELLO: Final = qname(NC, "hello")
_CAPABILITIES: Final = qname(NC, "capabilities")
_CAPABILITY: Final = qname(NC, "capability")
_SESSION_ID: Final = qname(NC, "session-id")

_READ: Final = 1 << 16
_WRITE: Final = 1 << 15
_LARGEST_HELLO: Final = 1 << 20
_MOST_IN_HELLO: Final = 10_000
"""How many elements a hello may have."""
_LAST_WORDS: Final = 5.0
"""Seconds that a session which ends waits for the peer to take what was still to be sent."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a peer may do in a session.

    hello_timeout: seconds he has for his whole hello.
    idle_timeout: seconds without a complete message, after which the session ends; 0 is for ever. Who has a
        subscription may be idle (the `idle-timeout` of the IETF's NETCONF server model).
    write_timeout: seconds in which he has to take 32 KiB of what is sent to him.
    message_size: bytes that one message of his may have.
    """

    hello_timeout: float = 60
    idle_timeout: float = 0
    write_timeout: float = 60
    message_size: int = 16 * 1024 * 1024


class Stream(Protocol):
    """The bytes to and from a peer. Whoever made it closes it, after the exchange."""

    def recv(self, size: int) -> bytes:
        """Wait for some bytes; none at the end of the stream. Raises OSError."""

    def sendall(self, data: bytes) -> None:
        """Write all of it, waiting where the peer does not read. Raises OSError."""

    def stop_reading(self) -> None:
        """Let this and every later recv come to an end of the stream; it does not block."""

    def abort(self) -> None:
        """Cut the connection, so that nobody waits in recv or sendall any more; it does not block."""


class Expired(BaseException):
    """A peer took too long. No Exception: a Stream, inside which it is raised, might take that for one of its own."""


class BadHelloError(Exception):
    """A hello that RFC 6241, section 8.1, does not allow."""


class Inbox:
    """The messages that a peer sends.

    stream: where they come from.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._framing: EndOfMessage | Chunked = EndOfMessage(_LARGEST_HELLO)
        self._messages: deque[bytes] = deque()
        self._pace = Pace()

    def hello(self, timeout: float) -> bytes | None:
        """Wait for the peer's hello, which has a framing of its own; None at the end of the stream.

        timeout: seconds for all of it.
        Raises Expired, TooBigError, and OSError when the stream breaks.
        """
        framing = EndOfMessage(_LARGEST_HELLO)
        self._framing = framing
        messages: list[bytes] = []
        with gevent.Timeout(timeout, Expired):
            while not messages:
                data = self._read()
                if not data:
                    return None
                messages = framing.feed(data, most=1)
        return messages[0]

    def reframe(self, framing: EndOfMessage | Chunked) -> None:
        """Read on in the framing agreed on, from the byte after the hello.

        Raises FramingError and TooBigError.
        """
        if isinstance(self._framing, EndOfMessage):
            self._messages.extend(framing.feed(self._framing.rest()))
        self._framing = framing

    def next(self, timeout: float | None) -> bytes | None:
        """Wait for a further message; None at the end of the stream.

        timeout: seconds for all of it; None is for ever.
        Raises Expired, FramingError, TooBigError, and OSError when the stream breaks.
        """
        with gevent.Timeout(timeout, Expired):
            while not self._messages:
                data = self._read()
                if not data:
                    return None
                self._messages.extend(self._framing.feed(data))
        return self._messages.popleft()

    def _read(self) -> bytes:
        data = self._stream.recv(_READ)
        self._pace.step()
        return data


class Exchange:
    """One session's exchange: reads in the greenlet that calls run(), writes in one of its own.

    While the peer does not read, only his own greenlets wait: a request of his is not taken in before there is room
    for the reply to the one before, notifications are refused (Session.send_notification), and at last he is dropped.
    """

    def __init__(self, session: Session, stream: Stream, dispatcher: Dispatcher, limits: Limits) -> None:
        self._session = session
        self._stream = stream
        self._dispatcher = dispatcher
        self._limits = limits
        self._inbox = Inbox(stream)
        self._framing: EndOfMessage | Chunked = EndOfMessage(limits.message_size)
        self._opened = False
        self._log = structlog.get_logger().bind(
            session=session.session_id, user=session.username, transport=session.transport, source=session.source_host
        )

    def run(self) -> None:
        """Hold the session from its hello to its end; returns once its last message is sent, or cannot be."""
        self._session.line = self
        if self._session.termination is not None:  # ended before it began
            self._stream.abort()
        writer = gevent.spawn(self._write)
        try:
            self._hold()
        except Exception as error:
            self._log.exception("session failed")
            self._close(TerminationReason.OTHER, repr(error))
        finally:
            self._release()
            if not writer.ready():
                writer.join(_LAST_WORDS)
            if not writer.ready():
                self._session.abandon()

    def frame(self, element: Element) -> bytes:
        """Make a message of an element, in the framing that was agreed on."""
        return self._framing.encode(serialise(element))

    def hang_up(self, *, at_once: bool) -> None:
        """Read no more; at once: write no more either."""
        if at_once:
            self._stream.abort()
        else:
            self._stream.stop_reading()

    def _hold(self) -> None:
        self._dispatcher.session_opened(self._session)
        self._opened = True
        try:
            if self._greet():
                self._log.info("session opened", base=self._session.base)
                self._serve()
        except FramingError as error:
            self._session.counters.in_bad_rpcs += 1
            self._close(TerminationReason.OTHER, f"framing (RFC 6242, section 4.2): {error}")
        except TooBigError as error:
            self._session.counters.in_bad_rpcs += 1
            self._refuse(too_big(f"{error}, which is the limit here; send less at a time"))
            self._close(TerminationReason.OTHER, str(error))
        except OSError as error:
            self._close(TerminationReason.DROPPED, f"the connection broke: {error}")

    def _greet(self) -> bool:
        """Exchange hellos (RFC 6241, section 8.1); False when the session is over with that."""
        capabilities = self._dispatcher.capabilities()
        self._session.outbox.put(self.frame(_hello(capabilities, self._session.session_id)))
        try:
            message = self._inbox.hello(self._limits.hello_timeout)
            if message is None:
                self._close(TerminationReason.DROPPED, "the peer closed the connection before its hello")
                return False
            base = _agree(capabilities, _read_hello(message))
        except Expired:
            self._close(TerminationReason.TIMEOUT, f"no hello within {self._limits.hello_timeout} s")
            return False
        except (BadHelloError, TooBigError) as error:
            self._close(TerminationReason.BAD_HELLO, str(error))
            return False
        self._session.base = base
        self._session.greeted = True
        self._framing = Chunked(self._limits.message_size) if base == 11 else EndOfMessage(self._limits.message_size)
        self._inbox.reframe(self._framing)
        return True

    def _serve(self) -> None:
        pace = Pace()
        idle_timeout = self._limits.idle_timeout or None
        while self._session.termination is None:
            try:
                message = self._inbox.next(None if self._session.subscribed else idle_timeout)
            except Expired:
                self._close(TerminationReason.TIMEOUT, f"no message for {idle_timeout} s")
                return
            if message is None:
                self._close(TerminationReason.DROPPED, "the peer closed the connection")
                return
            self._answer(message)
            pace.step()

    def _answer(self, message: bytes) -> None:
        counters = self._session.counters
        try:
            rpc = parse(message)
        except XmlError as error:
            counters.in_bad_rpcs += 1
            self._refuse_malformed(error)
            return
        if rpc.tag != _RPC:
            counters.in_bad_rpcs += 1
            self._refuse(unknown_element(rpc.tag, message="only rpc is expected after the hellos", type_="rpc"))
            return
        if "message-id" in rpc.attrib:
            counters.in_rpcs += 1
        else:
            counters.in_bad_rpcs += 1
        reply = self._dispatch(rpc)
        if reply.close:
            # Before the reply: whoever reads it may rely on the locks being free (RFC 6241, section 7.8).
            self._release()
        self._send(reply.element)
        if reply.close:
            self._session.close(Termination(TerminationReason.CLOSED))

    def _dispatch(self, rpc: Element) -> Reply:
        try:
            return self._dispatcher.handle(self._session, rpc)
        except Exception:
            self._log.exception("request failed")
            failure = operation_failed("the server failed; its log has the details", type_="application")
            reply = _failed(failure)
            for name, value in rpc.items():
                reply.set(name, value)
            return Reply(reply)

    def _refuse_malformed(self, error: XmlError) -> None:
        if self._session.base == 10:
            # malformed-message must not be sent to old peers (RFC 6241, appendix A), and where no reply can be sent,
            # the session ends (section 3).
            self._close(TerminationReason.OTHER, f"malformed message: {error}")
        else:
            self._refuse(malformed_message(str(error)))

    def _refuse(self, error: RpcError) -> None:
        """Answer what was no rpc; the reply has no message-id, as nothing gave one."""
        self._send(_failed(error))

    def _send(self, reply: Element) -> None:
        if reply.find(_RPC_ERROR) is not None:
            self._session.counters.out_rpc_errors += 1
        self._session.outbox.put(self.frame(reply))

    def _write(self) -> None:
        pace = Pace()
        try:
            while (message := self._session.outbox.take()) is not None:
                for begin in range(0, len(message), _WRITE):
                    with gevent.Timeout(self._limits.write_timeout, Expired):
                        self._stream.sendall(message[begin : begin + _WRITE])
                    pace.step()
        except Expired:
            self._drop(f"the peer did not read for {self._limits.write_timeout} s")
        except OSError as error:
            self._drop(f"the connection broke: {error}")

    def _drop(self, detail: str) -> None:
        self._close(TerminationReason.DROPPED, detail)
        self._session.abandon()

    def _close(self, reason: TerminationReason, detail: str) -> None:
        self._session.close(Termination(reason, detail=detail))

    def _release(self) -> None:
        """Give back what the session holds, once."""
        if not self._opened:
            return
        self._opened = False
        termination = self._session.termination or Termination(TerminationReason.CLOSED)
        self._log.info(
            "session closed",
            reason=str(termination.reason),
            killed_by=termination.killed_by,
            detail=termination.detail,
        )
        try:
            self._dispatcher.session_closed(self._session, termination)
        except Exception:
            self._log.exception("session not released properly")


def _hello(capabilities: list[str], session_id: int) -> Element:
    hello = _new("hello")
    parent = etree.SubElement(hello, _CAPABILITIES)
    for capability in capabilities:
        etree.SubElement(parent, _CAPABILITY).text = capability
    etree.SubElement(hello, _SESSION_ID).text = str(session_id)
    return hello


def _read_hello(message: bytes) -> list[str]:
    """Read a client's hello and return its capabilities (RFC 6241, section 8.1).

    Raises BadHelloError.
    """
    try:
        hello = parse(message, max_elements=_MOST_IN_HELLO)
    except XmlError as error:
        raise BadHelloError(f"the hello is not XML: {error}") from None
    if hello.tag != _HELLO:
        raise BadHelloError(f"the first message is {hello.tag[:200]}, not a hello in the namespace {NC}")
    if hello.find(_SESSION_ID) is not None:
        raise BadHelloError("the hello of a client has a session-id")
    return [(capability.text or "").strip() for capability in hello.iterfind(f"{_CAPABILITIES}/{_CAPABILITY}")]


def _agree(ours: list[str], theirs: list[str]) -> int:
    """Return the highest base version that both have, 10 or 11 (RFC 6241, section 8.1).

    Raises BadHelloError.
    """
    for capability, base in ((BASE_11, 11), (BASE_10, 10)):
        if capability in ours and capability in theirs:
            return base
    raise BadHelloError("the peer has no base capability that this server has")


def _failed(error: RpcError) -> Element:
    reply = _new("rpc-reply")
    reply.append(to_element(error))
    return reply


def _new(name: str) -> Element:
    """Make an element of NETCONF's namespace, which is the default namespace in it."""
    return etree.fromstring(f'<{name} xmlns="{NC}"/>')
