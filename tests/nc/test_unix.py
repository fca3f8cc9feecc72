"""The Unix socket: who connects, who may, and what becomes of its file."""

import grp
import os
import pwd
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gevent import socket as gevent_socket
from ncclient import manager

from nc.unix import bind_unix, peer_of
from tests.nc.clients import PATIENCE, connect_socket, is_served, raw
from tests.nc.served import Served
from tests.waiting import wait_for

ME = pwd.getpwuid(os.getuid())


def groups_of(user: pwd.struct_passwd) -> list[str]:
    return sorted(grp.getgrgid(group).gr_name for group in os.getgrouplist(user.pw_name, user.pw_gid))


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_ncclient_connects_as_the_user_that_it_runs_as(served: Served) -> None:
    with manager.connect_uds(path=str(served.socket), timeout=PATIENCE) as client:
        assert "42" in client.get().data_xml
        session: dict[str, Any] = served.state()["sessions"][client.session_id]
        assert session["username"] == ME.pw_name
        assert session["groups"] == groups_of(ME)
        assert session["transport"] == "netconf-unix"
        assert session["source_host"] == ""
        assert session["base"] == 11
    assert served.end_of(int(client.session_id)) == "closed"


def test_the_kernel_says_who_the_peer_is(tmp_path: Path) -> None:
    """As root: the user is another one than the server's, with more than one group; else it is oneself."""
    user = pwd.getpwnam("games") if os.getuid() == 0 else ME
    connect = (
        "import os, socket, sys\n"
        f"if os.getuid() == 0: os.setgroups([]); os.setgid({user.pw_gid}); os.setuid({user.pw_uid})\n"
        "socket.socket(socket.AF_UNIX).connect('socket')"
    )
    tmp_path.chmod(0o755)
    with bind_unix(tmp_path / "socket", 0o666) as listener:
        listener.listen()
        client = subprocess.Popen([sys.executable, "-c", connect], cwd=tmp_path)
        sock, _ = listener.accept()
        assert client.wait(PATIENCE) == 0
        with sock:
            peer = peer_of(sock)
    assert peer.username == user.pw_name
    assert sorted(peer.groups) == groups_of(user)


def test_only_owner_and_group_may_connect(served: Served, tmp_path: Path) -> None:
    assert mode_of(served.socket) == 0o660
    group = grp.getgrgid(os.getgid()).gr_name
    other = tmp_path / "other"
    served.serve(unix={str(other): {"mode": 0o600, "group": group}})
    assert mode_of(other) == 0o600
    assert other.stat().st_gid == os.getgid()


def test_a_socket_left_behind_is_replaced(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "left"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.is_socket()
    served.serve(unix={str(path): {}})
    with connect_socket(path) as client:
        assert client.recv(1) == b"<"


def test_a_socket_in_use_is_left_alone_until_it_is_free(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "used"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        served.serve(unix={str(path): {}})
        problem, bound_to = served.state()["endpoints"][f"unix {path}"]
        assert bound_to is None
        assert problem == (
            f"cannot listen on unix {path}: another process listens on {path}; stop it; it is tried again"
        )
        assert path.is_socket()
    wait_for(lambda: served.state()["endpoints"][f"unix {path}"] == [None, str(path)], "the socket is taken over")
    assert served.state()["reports"][-2:] == [[f"unix {path}", problem], [f"unix {path}", None]]


def test_what_is_no_socket_is_left_alone(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("precious")
    missing, foreign = tmp_path / "missing" / "socket", tmp_path / "foreign"
    served.serve(unix={str(path): {}, str(missing): {}, str(foreign): {"group": "no-such"}})
    endpoints = served.state()["endpoints"]
    assert "Address already in use" in endpoints[f"unix {path}"][0]
    assert "No such file or directory" in endpoints[f"unix {missing}"][0]
    assert "this host has no group no-such" in endpoints[f"unix {foreign}"][0]
    assert path.read_text() == "precious"


def test_the_socket_goes_when_the_server_stops(served: Served) -> None:
    assert served.socket.is_socket()
    with raw(served).greet() as client:
        served.ask("stop")
        assert not served.socket.exists()
        assert client.is_closed()
    served.ask("start")
    assert is_served(served)


def test_a_user_without_a_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nameless)
    one, other = gevent_socket.socketpair(socket.AF_UNIX)
    with one, other, pytest.raises(LookupError, match=f"user id {os.getuid()} has no name on this host"):
        peer_of(one)
