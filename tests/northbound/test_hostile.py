"""Whatever NETCONF clients do, hosts get their leases, good clients are served, and memory stays bounded."""

import contextlib
import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nc.clients import BASE_11, NC, chunked, hello
from tests.northbound.managed import Managed, config, subtree, text
from tests.waiting import wait_for

GROWTH_MOST = 128 << 20
"""Bytes that the daemon may grow by: a message of the largest size that is allowed, some copies of it, and change."""


def resident(managed: Managed) -> int:
    pages = int(Path(f"/proc/{managed.daemon.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def undisturbed(managed: Managed) -> Iterator[None]:
    """See that the daemon is as well after the body as before it: hosts and good clients are served."""
    assert managed.address(managed.host(1))
    before = resident(managed)
    yield
    assert managed.address(managed.host(2))
    managed.rig.ctl("simulate host host1 dhcp renew")
    managed.daemon.logged("lease renewed")
    with managed.client() as client:
        found = client.get_config(source="running", filter=subtree("<dhc4server><lease-time/></dhc4server>"))
        assert text(found.data_ele, ".//v:lease-time") == "3600"
    assert resident(managed) - before < GROWTH_MOST
    assert managed.daemon.lines("greenlet failed, starting it again") == []


def connect(managed: Managed) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(managed.socket))  # waits for room among those that are not accepted yet
    connection.settimeout(30)
    return connection


def send(connection: socket.socket, data: bytes) -> bool:
    """Send what the daemon takes; returns whether it took all of it."""
    try:
        connection.sendall(data)
    except OSError:
        return False
    return True


def last_words(connection: socket.socket) -> bytes:
    """Read to the end of the stream."""
    heard = b""
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65536):
            heard = (heard + data)[-65536:]
    return heard


def test_random_bytes(managed: Managed) -> None:
    noise = random.Random(7)
    with undisturbed(managed):
        for number in range(100):
            with socket.socket(socket.AF_UNIX if number % 2 else socket.AF_INET) as connection:
                connection.settimeout(30)
                connection.connect(str(managed.socket) if number % 2 else ("127.0.0.1", managed.port))
                send(connection, noise.randbytes(noise.randrange(1, 5000)))


def test_two_hundred_half_open_connections(managed: Managed) -> None:
    with contextlib.ExitStack() as stack, undisturbed(managed):
        for number in range(200):
            family = socket.AF_UNIX if number % 4 == 0 else socket.AF_INET
            connection = stack.enter_context(socket.socket(family))
            connection.settimeout(30)
            connection.connect(str(managed.socket) if family == socket.AF_UNIX else ("127.0.0.1", managed.port))


def test_a_message_of_100_megabytes(managed: Managed) -> None:
    with undisturbed(managed), connect(managed) as connection:
        connection.sendall(hello(BASE_11))
        megabyte = b"\n#1048576\n" + b"<a>" + b" " * (1048576 - 3)
        sent = sum(send(connection, megabyte) for _ in range(100))
        assert sent < 100, "the daemon does not take it all"
        assert b"too-big" in last_words(connection)


@pytest.mark.parametrize(
    "bomb",
    [
        b'<!DOCTYPE rpc [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><rpc xmlns="%s">&b;</rpc>',
        b'<!DOCTYPE rpc [<!ENTITY a SYSTEM "file:///etc/passwd">]><rpc xmlns="%s">&a;</rpc>',
        b'<rpc message-id="1" xmlns="%s">' + b"<a>" * 100_000,
        b'<rpc message-id="1" xmlns="%s"><get/>',
    ],
)
def test_documents_that_explode(managed: Managed, bomb: bytes) -> None:
    with undisturbed(managed), connect(managed) as connection:
        connection.sendall(hello(BASE_11))
        connection.sendall(chunked(bomb % NC.encode() if b"%s" in bomb else bomb))
        connection.shutdown(socket.SHUT_WR)
        heard = last_words(connection)
        assert b"malformed-message" in heard
        assert b"root:" not in heard


def test_edits_that_were_damaged_on_their_way(managed: Managed) -> None:
    """Every one of them is answered, or ends its session; none of them gets into the running configuration."""
    chance = random.Random(11)
    edit = "<dhc4server><lease-time>600</lease-time><name-server>192.0.2.1</name-server></dhc4server>"
    operation = f"<edit-config><target><candidate/></target>{config(edit)}</edit-config>"
    good = f'<rpc xmlns="{NC}" message-id="1">{operation}</rpc>'.encode()
    with undisturbed(managed):
        for _ in range(300):
            damaged = bytearray(good)
            for _ in range(chance.randrange(1, 6)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            with connect(managed) as connection:
                connection.sendall(hello(BASE_11) + chunked(bytes(damaged)))
                connection.shutdown(socket.SHUT_WR)
                assert b"hello" in last_words(connection)


def test_a_client_that_closes_at_any_point(managed: Managed) -> None:
    edit = "<dhc4server><lease-time>600</lease-time></dhc4server>"
    operation = f"<edit-config><target><candidate/></target>{config(edit)}</edit-config>"
    message = hello(BASE_11) + chunked(f'<rpc xmlns="{NC}" message-id="1">{operation}</rpc>'.encode())
    with undisturbed(managed):
        for end in range(0, len(message), 3):
            with connect(managed) as connection:
                connection.sendall(message[:end])
        wait_for(lambda: sessions(managed) == 1, "all sessions have ended but ours")


def sessions(managed: Managed) -> int:
    with managed.client() as client:
        monitoring = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
        wanted = f'<filter><netconf-state xmlns="{monitoring}"><sessions/></netconf-state></filter>'
        return len(list(client.get(filter=wanted).data_ele.iter(f"{{{monitoring}}}session")))
