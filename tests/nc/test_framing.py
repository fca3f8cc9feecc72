"""Framing: every cut, every violation, both directions, and netconf-client's opinion."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netconf_client.parser import parse_messages
from netconf_client.session import frame_message_11

from nc.framing import Chunked, EndOfMessage, FramingError, TooBigError

LIMIT = 1000
MESSAGES = [b"<hello/>", b"<rpc>]]>]</rpc>", b"\n#4\n\n##\n", b"x" * 300]
CHUNKED = b"\n#3\n<rp\n#5\nc/>\n#\n##\n\n#1\nx\n##\n"
CHUNKED_MESSAGES = [b"<rpc/>\n#", b"x"]


def feed_byte_by_byte(decoder: Chunked | EndOfMessage, stream: bytes) -> list[bytes]:
    return [message for byte in stream for message in decoder.feed(bytes([byte]))]


@pytest.mark.parametrize("cut", range(len(CHUNKED) + 1))
def test_chunks_cut_in_two_anywhere(cut: int) -> None:
    decoder = Chunked(LIMIT)
    assert decoder.feed(CHUNKED[:cut]) + decoder.feed(CHUNKED[cut:]) == CHUNKED_MESSAGES


def test_chunks_byte_by_byte() -> None:
    assert feed_byte_by_byte(Chunked(LIMIT), CHUNKED) == CHUNKED_MESSAGES


def test_end_of_message_cut_in_two_anywhere_and_byte_by_byte() -> None:
    stream = b"".join(message + b"]]>]]>" for message in MESSAGES)
    for cut in range(len(stream) + 1):
        decoder = EndOfMessage(LIMIT)
        assert decoder.feed(stream[:cut]) + decoder.feed(stream[cut:]) == MESSAGES
    assert feed_byte_by_byte(EndOfMessage(LIMIT), stream) == MESSAGES


def test_a_mark_may_begin_like_one() -> None:
    assert EndOfMessage(LIMIT).feed(b"a]]>]]]]>]]>b]]>]]>") == [b"a]]>]]", b"b"]


@pytest.mark.parametrize(
    "wrong",
    [
        b"<rpc/>",
        b"\n##\n",
        b"\n#0\n",
        b"\n#03\nabc",
        b"\n#-1\n",
        b"\n#+1\n",
        b"\n# 3\nabc",
        b"\n#3 \nabc",
        b"\n#\nabc",
        b"\n#3\r\nabc",
        b"\n#4294967296\n",
        b"\n#99999999999\n",
        b"\n#a\n",
        b"\n\n#3\nabc",
        b"\n#3\nabc##\n",
        b"\n#3\nabc\n##x",
        b"\n#3\nabc\n###\n",
        b"\n#3\nabc\n##\n##\n",
        b"\n#\xd9\xa3\nabc",
    ],
)
def test_not_chunks(wrong: bytes) -> None:
    with pytest.raises(FramingError):
        Chunked(LIMIT).feed(wrong)
    with pytest.raises(FramingError):
        feed_byte_by_byte(Chunked(LIMIT), wrong)


def test_every_beginning_of_a_right_stream_is_no_violation() -> None:
    for end in range(len(CHUNKED)):
        Chunked(LIMIT).feed(CHUNKED[:end])


def test_too_big_is_noticed_before_the_bytes_are_there() -> None:
    with pytest.raises(TooBigError) as caught:
        Chunked(LIMIT).feed(b"\n#1001\n")
    assert caught.value.limit == LIMIT
    with pytest.raises(TooBigError):
        Chunked(LIMIT).feed(b"\n#600\n" + b"x" * 600 + b"\n#401\n")
    assert Chunked(LIMIT).feed(b"\n#600\n" + b"x" * 600 + b"\n#400\n" + b"y" * 400 + b"\n##\n")
    with pytest.raises(TooBigError):
        Chunked(LIMIT).feed(b"\n#4294967295\n")


def test_too_big_without_an_end_and_with_one() -> None:
    with pytest.raises(TooBigError):
        feed_byte_by_byte(EndOfMessage(LIMIT), b"x" * 2000)
    with pytest.raises(TooBigError):
        EndOfMessage(LIMIT).feed(b"x" * 1001 + b"]]>]]>")
    assert EndOfMessage(LIMIT).feed(b"x" * 1000 + b"]]>]]>") == [b"x" * 1000]


def test_the_framing_changes_in_the_middle_of_what_came_in() -> None:
    hello = EndOfMessage(LIMIT)
    assert hello.feed(b"<hello/>]]", most=1) == []
    assert hello.feed(b">]]>" + CHUNKED, most=1) == [b"<hello/>"]
    assert Chunked(LIMIT).feed(hello.rest()) == CHUNKED_MESSAGES
    assert hello.rest() == b""


def test_most_leaves_the_other_messages_for_later() -> None:
    decoder = EndOfMessage(LIMIT)
    assert decoder.feed(b"a]]>]]>b]]>]]>c", most=1) == [b"a"]
    assert decoder.feed(b"]]>]]>") == [b"b", b"c"]


def test_what_cannot_be_framed() -> None:
    with pytest.raises(FramingError):
        EndOfMessage(LIMIT).encode(b"<a>]]>]]></a>")
    with pytest.raises(FramingError):
        Chunked(LIMIT).encode(b"")


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=5), st.lists(st.integers(1, 40), min_size=1))
def test_any_messages_in_any_pieces(messages: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(Chunked(LIMIT).encode(message) for message in messages)
    decoder = Chunked(LIMIT)
    found, at, turn = [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        found += decoder.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert found == messages


@given(st.binary(max_size=60))
def test_any_bytes_end_in_messages_or_a_known_error(stream: bytes) -> None:
    for decoder in (Chunked(20), EndOfMessage(20)):
        try:
            decoder.feed(stream)
        except (FramingError, TooBigError):
            continue


def test_netconf_client_frames_as_we_do() -> None:
    for message in (b"<rpc/>", b"x" * 500):
        assert Chunked(LIMIT).feed(frame_message_11(message)) == [message]


@pytest.mark.parametrize(("mode", "framing"), [("1.0", EndOfMessage(LIMIT)), ("1.1", Chunked(LIMIT))])
def test_netconf_client_reads_what_we_frame(mode: str, framing: EndOfMessage | Chunked) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(framing.encode(b"<one/>") + framing.encode(b"<two/>"))
        reader = parse_messages(theirs, mode)
        assert next(reader) == b"<one/>"
        assert reader.send(mode) == b"<two/>"
