"""The two framings of NETCONF over a byte stream (RFC 6242, section 4): bytes to messages and back, without a socket.

Both decoders hold at most one message and never look at a byte twice. After an error a decoder is of no further use:
the stream has no point any more from which it could be read on.
"""

import re
from typing import Final

_END_OF_MESSAGE: Final = b"]]>]]>"
_END_OF_CHUNKS: Final = b"\n##\n"
_LARGEST_CHUNK: Final = 4294967295
_CHUNK_HEADER: Final = re.compile(rb"\n#([1-9][0-9]{0,9})\n")
_HEADER_BEGIN: Final = re.compile(rb"\n(#([1-9][0-9]{0,9}|#)?)?")
_LONGEST_HEADER: Final = len(b"\n#4294967295\n")


class FramingError(Exception):
    """Bytes that are not framed as RFC 6242 asks; the session has to end (section 4.2)."""


class TooBigError(Exception):
    """A message that is longer than the limit.

    limit: how many bytes a message may have.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"a message has more than {limit} bytes")
        self.limit: Final = limit


class EndOfMessage:
    """The framing of base:1.0, and of every <hello>: each message is followed by "]]>]]>" (RFC 6242, 4.3).

    limit: how many bytes a message may have.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes, most: int | None = None) -> list[bytes]:
        """Take bytes as they came in and return the messages that are complete with them.

        most: how many messages to return at most; None is all. For the <hello>, after which the framing may change,
        it is 1; what follows is rest().
        Raises TooBigError.
        """
        self._buffer += data
        messages: list[bytes] = []
        begin = 0
        while most is None or len(messages) < most:
            end = self._buffer.find(_END_OF_MESSAGE, max(begin, self._searched))
            if end < 0:
                # The mark may have begun in the last bytes.
                self._searched = max(begin, len(self._buffer) - len(_END_OF_MESSAGE) + 1)
                break
            if end - begin > self._limit:
                raise TooBigError(self._limit)
            messages.append(bytes(self._buffer[begin:end]))
            begin = end + len(_END_OF_MESSAGE)
        del self._buffer[:begin]
        self._searched = max(0, self._searched - begin)
        if self._searched > self._limit:
            raise TooBigError(self._limit)
        return messages

    def rest(self) -> bytes:
        """Take out the bytes that belong to no message yet, for another decoder."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._searched = 0
        return rest

    def encode(self, message: bytes) -> bytes:
        """Return a message with its end mark.

        Raises FramingError when the message contains that mark.
        """
        if _END_OF_MESSAGE in message:
            raise FramingError("the message contains the end-of-message mark, which this framing cannot carry")
        return message + _END_OF_MESSAGE


class Chunked:
    """The framing of base:1.1: messages in chunks that begin with their length (RFC 6242, 4.2).

    limit: how many bytes a message may have.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._header = b""
        self._missing = 0
        self._message = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes as they came in and return the messages that are complete with them.

        Raises FramingError and TooBigError.
        """
        messages: list[bytes] = []
        at = 0
        while at < len(data):
            if self._missing:
                piece = data[at : at + self._missing]
                self._message += piece
                self._missing -= len(piece)
                at += len(piece)
                continue
            known = len(self._header)
            head = self._header + data[at : at + _LONGEST_HEADER - known]
            used = self._take_header(head)
            at += used - known if used else len(head) - known
            self._header = b"" if used else head
            if used and not self._missing:
                messages.append(bytes(self._message))
                self._message.clear()
        return messages

    def encode(self, message: bytes) -> bytes:
        """Return a message, which may not be empty, in chunks as large as they can be.

        Raises FramingError for an empty message.
        """
        if not message:
            raise FramingError("an empty message cannot be sent in chunks")
        chunks = []
        for begin in range(0, len(message), _LARGEST_CHUNK):
            chunk = message[begin : begin + _LARGEST_CHUNK]
            chunks += [b"\n#%d\n" % len(chunk), chunk]
        return b"".join([*chunks, _END_OF_CHUNKS])

    def _take_header(self, head: bytes) -> int:
        """Read what is between two chunks, and return its length; 0 when it is not complete."""
        if head.startswith(_END_OF_CHUNKS):
            if not self._message:
                raise FramingError("a message has no chunk")
            return len(_END_OF_CHUNKS)
        header = _CHUNK_HEADER.match(head)
        if header is None:
            if _HEADER_BEGIN.fullmatch(head) and len(head) < _LONGEST_HEADER:
                return 0
            raise FramingError(f"not the beginning of a chunk: {head!r}")
        size = int(header[1])
        if size > _LARGEST_CHUNK:
            raise FramingError(f"a chunk of {size} bytes is larger than {_LARGEST_CHUNK}")
        if len(self._message) + size > self._limit:
            raise TooBigError(self._limit)
        self._missing = size
        return header.end()
