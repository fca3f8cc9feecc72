"""Clients that mean harm or are broken: the server stays up, in bounded memory, and serves the good ones."""

import contextlib
import itertools
import random
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import paramiko
import pytest
from lxml import etree

from tests.nc.clients import (
    BASE_10,
    BASE_11,
    GET,
    NC,
    PATIENCE,
    TEST,
    Raw,
    chunked,
    connect_socket,
    error_tag,
    hello,
    is_served,
    kill,
    ours,
    raw,
    rpc,
    ssh_manager,
)
from tests.nc.served import PASSWORD, Served
from tests.waiting import wait_for

MEGABYTE = 1024 * 1024
SMALL = {"message_size": 2 * MEGABYTE}
"""Limits under which big messages are quickly too big."""


@pytest.fixture
def undisturbed(served: Served) -> Iterator[Served]:
    """A server that, whatever the test does to it, serves good clients afterwards and has kept nothing."""
    assert is_served(served)
    wait_for(lambda: not served.state()["sessions"], "the first sessions are over")
    before = served.state()
    yield served
    assert is_served(served)

    def same() -> bool:
        state = served.state()
        return state["sessions"] == {} and all(state[count] <= before[count] for count in ("greenlets", "files"))

    wait_for(same, "greenlets and files are as they were")


def connect_tcp(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def send_all_it_takes(connection: Any, pieces: Iterator[bytes]) -> None:
    """Send until all is sent or the server has closed the connection."""
    with contextlib.suppress(OSError, EOFError):
        for piece in pieces:
            connection.sendall(piece)


def end_sending(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the server may have closed the connection already
        connection.shutdown(socket.SHUT_WR)


def read_to_end(connection: Any) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65536):
            received += data
    return received


@contextlib.contextmanager
def ssh_channel(port: int, cipher: str = "aes128-ctr") -> Iterator[paramiko.Channel]:
    """A channel of netconf over SSH, before the hellos."""
    with connect_tcp(port) as sock, contextlib.closing(paramiko.Transport(sock)) as transport:
        transport.set_log_channel("tests.nc.quiet")
        transport.get_security_options().ciphers = (cipher,)
        transport.connect(username="olga", password=PASSWORD)
        channel = transport.open_session()
        channel.settimeout(PATIENCE)
        channel.invoke_subsystem("netconf")
        yield channel


# Bytes


def test_random_bytes_instead_of_a_hello(undisturbed: Served) -> None:
    chance = random.Random(1)
    for _ in range(100):
        with connect_socket(undisturbed.socket) as client:
            send_all_it_takes(client, iter([chance.randbytes(chance.randrange(1, 5000)), b"]]>]]>"]))
            end_sending(client)
            assert b"<hello" in read_to_end(client)


@pytest.mark.parametrize("base", [BASE_10, BASE_11])
def test_random_bytes_after_the_hello(undisturbed: Served, base: str) -> None:
    chance = random.Random(2)
    for _ in range(100):
        with connect_socket(undisturbed.socket) as client:
            send_all_it_takes(client, iter([hello(base), chance.randbytes(chance.randrange(1, 5000)), b"]]>]]>\n##\n"]))
            end_sending(client)
            assert b"<hello" in read_to_end(client)


def test_a_good_conversation_with_some_bytes_changed(undisturbed: Served) -> None:
    chance = random.Random(3)
    good = hello(BASE_11) + chunked(rpc(GET)) + chunked(rpc(ours("echo", "x" * 100))) + chunked(rpc("<close-session/>"))
    for _ in range(300):
        bad = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        with connect_socket(undisturbed.socket) as client:
            send_all_it_takes(client, iter([bytes(bad)]))
            end_sending(client)
            assert b"<hello" in read_to_end(client)


@pytest.mark.parametrize("base", [BASE_10, BASE_11])
def test_a_conversation_cut_at_every_byte(undisturbed: Served, base: str) -> None:
    messages = [rpc(GET), rpc("<close-session/>")]
    framed = [chunked(message) if base == BASE_11 else message + b"]]>]]>" for message in messages]
    whole = hello(base) + b"".join(framed)
    for length in range(len(whole)):
        with connect_socket(undisturbed.socket) as client:
            client.sendall(whole[:length])


@pytest.mark.parametrize("base", [BASE_10, BASE_11])
def test_a_conversation_one_byte_at_a_time(undisturbed: Served, base: str) -> None:
    messages = [rpc(GET), rpc("<close-session/>")]
    framed = [chunked(message) if base == BASE_11 else message + b"]]>]]>" for message in messages]
    with connect_socket(undisturbed.socket) as client:
        for byte in hello(base) + b"".join(framed):
            client.sendall(bytes([byte]))
        answers = read_to_end(client)
    assert b">42<" in answers
    assert b"ok" in answers


# SSH


class Cut:
    """A way to the server that breaks after some bytes from the client, or to it."""

    def __init__(self, port: int, *, to_server: int, to_client: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._target = port
        self._allowed = (to_server, to_client)
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def close(self) -> None:
        self._thread.join()
        self._listener.close()

    def _carry(self) -> None:
        client, _ = self._listener.accept()
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            ways = [(client, server, self._allowed[0]), (server, client, self._allowed[1])]
            threads = [threading.Thread(target=self._pass, args=way) for way in ways]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket, allowed: int) -> None:
        with contextlib.suppress(OSError):
            while allowed and (data := source.recv(allowed)):
                target.sendall(data)
                allowed -= len(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("way", ["to_server", "to_client"])
def test_an_ssh_connection_that_breaks_at_any_point(undisturbed: Served, way: str) -> None:
    port = undisturbed.port
    finished = 0
    for length in range(0, 6000, 150):
        with contextlib.closing(Cut(port, **{"to_server": 1 << 30, "to_client": 1 << 30, way: length})) as cut:
            broken = (OSError, EOFError, StopIteration, paramiko.SSHException)
            with contextlib.suppress(*broken), ssh_channel(cut.port) as channel:
                client = Raw(channel).greet()
                for _ in range(3):
                    assert client.request(GET) is not None
                finished += 1
    assert 0 < finished < 40


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"SSH-2.0-x\r\n",
        b"SSH-1.5-x\r\n",
        b"SSH-2.0\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"SSH-2.0-x\r\n" + struct.pack(">IB", 0xFFFFFFF0, 4),
        b"SSH-2.0-x\r\n" + struct.pack(">IB", 0, 0) + bytes(64),
        b"SSH-2.0-x\r\n" + struct.pack(">IB", 12, 255) + bytes(64),
        b"SSH-2.0-x\r\n" + struct.pack(">IBB", 12, 4, 20) + bytes(64),
    ],
)
def test_random_bytes_instead_of_ssh(undisturbed: Served, first: bytes) -> None:
    chance = random.Random(4)
    for _ in range(10):
        with connect_tcp(undisturbed.port) as client:
            send_all_it_takes(client, iter([first, chance.randbytes(chance.randrange(1, 3000))]))
            end_sending(client)
            assert read_to_end(client).startswith(b"SSH-2.0-")


@pytest.mark.parametrize("piece", [b"x" * 65536, b"x\n" * 32768, b"SSH-2.0-x\r\n" + b"\x00" * 65536])
def test_endless_bytes_before_the_login(undisturbed: Served, piece: bytes) -> None:
    before = undisturbed.state()["peak_rss"]
    with connect_tcp(undisturbed.port) as client:
        send_all_it_takes(client, (piece for _ in range(1600)))
        assert read_to_end(client).startswith(b"SSH-2.0-")
    assert undisturbed.state()["peak_rss"] - before < 16 * MEGABYTE


def test_no_more_than_64_kilobytes_are_taken_before_the_login(undisturbed: Served) -> None:
    with connect_tcp(undisturbed.port) as client:
        send_all_it_takes(client, iter([b"x" * 65537]))
        assert read_to_end(client).startswith(b"SSH-2.0-")
    why = "65536 bytes, and no session yet"
    wait_for(lambda: why in undisturbed.log.read_text(), "that is why the connection was closed")


def test_endless_packets_that_mean_nothing_disturb_nobody(undisturbed: Served) -> None:
    stop = threading.Event()

    def flood() -> None:
        with connect_tcp(undisturbed.port) as sock, contextlib.closing(paramiko.Transport(sock)) as transport:
            transport.set_log_channel("tests.nc.quiet")
            transport.connect(username="olga", password=PASSWORD)
            with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                while not stop.is_set():
                    transport.send_ignore(1000)

    flooding = threading.Thread(target=flood)
    flooding.start()
    for _ in range(5):
        assert is_served(undisturbed)
    stop.set()
    flooding.join()


@pytest.mark.parametrize("extended", [False, True])
def test_a_client_that_sends_more_than_its_window_is_cut_off(undisturbed: Served, extended: bool) -> None:
    before = undisturbed.state()["peak_rss"]
    with ssh_channel(undisturbed.port) as channel:
        client = Raw(channel).greet()
        client.send(chunked(rpc(ours("wait"))))
        wait_for(lambda: undisturbed.state()["waiting"] == 1, "the server does not read")
        channel.out_window_size = 1 << 30
        send_all_it_takes(
            channel if not extended else Stderr(channel), (b"x" * 32768 for _ in range(50 * MEGABYTE // 32768))
        )
        wait_for(lambda: not channel.get_transport().is_active(), "the server has closed the connection")
    undisturbed.ask("release")
    assert undisturbed.state()["peak_rss"] - before < 16 * MEGABYTE


def test_a_packet_of_gigabytes_ends_the_session(undisturbed: Served) -> None:
    before = undisturbed.state()["peak_rss"]
    with ssh_channel(undisturbed.port, "aes128-gcm@openssh.com") as channel:  # its lengths are not encrypted
        client = Raw(channel).greet()
        assert client.request(GET) is not None
        packet = itertools.chain([struct.pack(">I", 0xFFFFFFFC)], (bytes(65536) for _ in range(800)))
        send_all_it_takes(channel.get_transport().sock, packet)
        wait_for(lambda: not channel.get_transport().is_active(), "the server has closed the connection")
    wait_for(lambda: undisturbed.end_of(client.session_id) == "dropped", "the session is over")
    assert undisturbed.state()["peak_rss"] - before < 16 * MEGABYTE


class Stderr:
    """The other stream of a channel, which NETCONF does not use."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def sendall(self, data: bytes) -> None:
        self._channel.sendall_stderr(data)


# Many


def test_half_open_ssh_connections_keep_nobody_out(undisturbed: Served) -> None:
    port = undisturbed.port
    with contextlib.ExitStack() as stack:
        for number in range(200):
            client = stack.enter_context(connect_tcp(port))
            if number % 2:
                client.sendall(b"SSH-2.0-x\r\n")
            if number % 20 == 0:
                assert is_served(undisturbed)
        assert is_served(undisturbed)
        cut = "too many connections are at their login"
        wait_for(lambda: undisturbed.log.read_text().count(cut) >= 100, "the oldest 100 are cut off")


def test_half_open_unix_connections_keep_nobody_out(undisturbed: Served) -> None:
    with ssh_manager(undisturbed.port) as good, contextlib.ExitStack() as stack:
        for number in range(200):
            client = stack.enter_context(connect_socket(undisturbed.socket))
            if number % 2:
                client.sendall(hello(BASE_11)[:-1])
            if number % 20 == 0:
                assert is_served(undisturbed)
        assert is_served(undisturbed)
        assert good.get().data_ele.findtext(f"{{{TEST}}}value") == "42"


# Large


def large_chunk() -> Iterator[bytes]:
    yield b"\n#%d\n" % (100 * MEGABYTE)
    for _ in range(1600):
        yield b"x" * 65536


def small_chunks() -> Iterator[bytes]:
    for _ in range(100_000):
        yield b"\n#1024\n" + b"x" * 1024


def no_end() -> Iterator[bytes]:
    for _ in range(1600):
        yield b"]]>]]" * 13107


@pytest.mark.parametrize(
    ("base", "message"), [(BASE_11, large_chunk), (BASE_11, small_chunks), (BASE_10, no_end), (BASE_10, large_chunk)]
)
@pytest.mark.parametrize("over", ["unix", "ssh"])
def test_a_message_of_100_megabytes_takes_no_more_memory_than_the_limit(
    undisturbed: Served, base: str, message: Any, over: str
) -> None:
    undisturbed.serve(limits=SMALL)
    before = undisturbed.state()["peak_rss"]
    connect = ssh_channel(undisturbed.port) if over == "ssh" else connect_socket(undisturbed.socket)
    with connect as connection:
        client = Raw(connection).greet(base)
        assert client.request(GET) is not None
        send_all_it_takes(connection, message())
        with contextlib.suppress(ConnectionError, StopIteration):
            assert error_tag(client.receive()) == "too-big"
        assert undisturbed.end_of(client.session_id) == "other"
    assert undisturbed.state()["peak_rss"] - before < 8 * SMALL["message_size"]


def test_entity_bombs(undisturbed: Served) -> None:
    before = undisturbed.state()["peak_rss"]
    lols = "".join(f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>" for n in range(9))
    bombs = [
        f"<!DOCTYPE a [<!ENTITY a0 'lol'>{lols}]>" + f"<rpc xmlns='{NC}'><get>&a9;</get></rpc>",
        f"<!DOCTYPE a [<!ENTITY a '{'x' * 100_000}'>]>" + f"<rpc xmlns='{NC}'><get>{'&a;' * 10_000}</get></rpc>",
        "<!DOCTYPE a [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + f"<rpc xmlns='{NC}'><get>&a;</get></rpc>",
        "<a>" * 300_000,
        "<a" + " a='b'" * 100_000 + "/>",
    ]
    for bomb in bombs:
        with raw(undisturbed) as client:
            client.send(bomb.encode() + b"]]>]]>")
            assert client.is_closed()
            assert undisturbed.end_of(client.session_id) == "bad-hello"
    with raw(undisturbed).greet() as client:
        for bomb in bombs:
            client.send(chunked(bomb.encode()))
            reply = client.receive()
            assert error_tag(reply) == "malformed-message"
            assert b"root:" not in etree.tostring(reply)
        assert client.request(GET) is not None
    assert undisturbed.state()["peak_rss"] - before < 64 * MEGABYTE


# Slow


def test_a_client_that_sends_requests_and_never_reads(undisturbed: Served) -> None:
    before = undisturbed.state()["peak_rss"]
    requests = b"".join(chunked(rpc(ours("big", "100000"), str(number))) for number in range(20_000))
    for over_ssh in (True, False):
        connect = ssh_channel(undisturbed.port) if over_ssh else connect_socket(undisturbed.socket)
        with connect as connection:
            client = Raw(connection).greet()
            assert client.request(GET) is not None
            connection.settimeout(1)
            with pytest.raises(TimeoutError):
                connection.sendall(requests)
            assert is_served(undisturbed)
            with raw(undisturbed).greet() as killer:
                assert killer.request(kill(client.session_id)).find(f"{{{NC}}}ok") is not None
            assert undisturbed.end_of(client.session_id) == "killed"
    assert undisturbed.state()["peak_rss"] - before < 32 * MEGABYTE


@pytest.mark.parametrize("end", ["killed", "dropped"])
def test_a_client_whose_tcp_window_is_closed_can_be_killed_and_dropped(undisturbed: Served, end: str) -> None:
    """Its SSH library does not read either, so that the server is stuck in the middle of an SSH packet."""
    undisturbed.serve(limits={"write_timeout": 2 if end == "dropped" else 3600})
    with connect_tcp(undisturbed.port) as sock, contextlib.closing(Deaf(sock)) as transport:
        transport.connect(username="olga", password=PASSWORD)
        channel = transport.open_session(window_size=(1 << 31) - 1)
        channel.invoke_subsystem("netconf")
        client = Raw(channel).greet()
        assert client.request(GET) is not None
        transport.deaf.set()
        client.send(chunked(rpc(GET)))

        def queued() -> int:
            number: int = undisturbed.ask("notify", session_id=client.session_id, count=1000)
            return number

        wait_for(lambda: queued() == 0, "it is stuck")
        assert is_served(undisturbed)
        if end == "killed":
            with raw(undisturbed).greet() as killer:
                assert killer.request(kill(client.session_id)).find(f"{{{NC}}}ok") is not None
        # The kernel's buffers may have taken what waited after all, so more is queued until it is stuck for good.
        wait_for(lambda: queued() == 0 and undisturbed.end_of(client.session_id) == end, f"the session is {end}")


class Deaf(paramiko.Transport):
    """A client that stops reading its socket once it is deaf."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.deaf = threading.Event()
        self.heard = threading.Event()
        self.set_log_channel("tests.nc.quiet")
        read_message = self.packetizer.read_message

        def read_unless_deaf() -> Any:
            if self.deaf.is_set():
                self.heard.wait()
            return read_message()

        self.packetizer.read_message = read_unless_deaf  # type: ignore[method-assign]

    def close(self) -> None:
        self.deaf.clear()
        self.heard.set()
        super().close()
