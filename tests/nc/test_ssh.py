"""SSH: who is let in and who is not, with what algorithms, and what else a connection cannot do."""

import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest
from ncclient.transport.errors import AuthenticationError
from netconf_client.ncclient import Manager
from netconf_client.session import Session

from nc.hostkey import NAME, HostKeyError, host_key_file
from nc.users import parse_public_key
from tests.nc.clients import BASE_11, GET, PATIENCE, TEST, Raw, hello, is_served, ncclient_ssh, rpc, ssh_manager
from tests.nc.served import PASSWORD, USERS, Served
from tests.nc.test_users import make_key
from tests.waiting import wait_for


@contextlib.contextmanager
def transport(served: Served, **algorithms: tuple[str, ...]) -> Iterator[paramiko.Transport]:
    """A connection of paramiko as a client, before its login.

    algorithms: `ciphers`, `digests`, `kex` or `key_types` that it is to have, and no others.
    """
    sock = socket.create_connection(("127.0.0.1", served.port), PATIENCE)
    connection = paramiko.Transport(sock)
    options = connection.get_security_options()
    for kind, names in algorithms.items():
        setattr(options, kind, names)
    try:
        connection.start_client(timeout=PATIENCE)
        yield connection
    finally:
        connection.close()
        sock.close()


def is_over(connection: paramiko.Transport) -> bool:
    return wait_for(lambda: not connection.is_active(), "the server has closed the connection")


# Login


def test_ncclient_logs_in_with_a_password(served: Served) -> None:
    with ncclient_ssh(served.port) as client:
        assert "42" in client.get().data_xml
        session = served.state()["sessions"][client.session_id]
        assert session["username"] == "olga"
        assert session["groups"] == ["operators"]
        assert session["transport"] == "netconf-ssh"
        assert session["source_host"] == "127.0.0.1"
        assert session["base"] == 11
    assert served.end_of(int(client.session_id)) == "closed"


@pytest.mark.parametrize("kind", [("ed25519", ""), ("rsa", "2048"), ("ecdsa", "256"), ("ecdsa", "521")])
def test_netconf_client_logs_in_with_a_key(served: Served, tmp_path: Path, kind: tuple[str, str]) -> None:
    key = make_key(tmp_path, *kind)
    served.serve(users={"kay": {"keys": [key]}})
    with ssh_manager(served.port, "kay", None, key_filename=str(tmp_path / "key")) as client:
        assert client.get().data_ele.findtext(f"{{{TEST}}}value") == "42"


def test_openssh_logs_in_with_a_key_and_knows_the_host_key(served: Served, tmp_path: Path) -> None:
    key = make_key(tmp_path, "ed25519", "")
    served.serve(users={"kay": {"keys": [key]}})
    options = ["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new"]
    files = ["-o", f"UserKnownHostsFile={tmp_path / 'known'}", "-i", str(tmp_path / "key"), "-p", str(served.port)]
    talk = subprocess.run(
        ["ssh", *options, *files, "-s", "kay@127.0.0.1", "netconf"],
        input=hello("urn:ietf:params:netconf:base:1.0") + rpc(GET) + b"]]>]]>" + rpc("<close-session/>") + b"]]>]]>",
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert b">42<" in talk.stdout, talk.stderr
    assert served.end_of(1) == "closed"
    known = subprocess.run(["ssh-keygen", "-lf", str(tmp_path / "known")], capture_output=True, text=True, check=True)
    assert served.state()["fingerprint"] in known.stdout


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("olga", "wrong"),
        ("olga", ""),
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("olga" * 1000, PASSWORD),
        ("ol\0ga", PASSWORD),
    ],
)
def test_a_wrong_password_or_name_is_not_let_in(served: Served, username: str, password: str) -> None:
    with pytest.raises(AuthenticationError):
        ncclient_ssh(served.port, username=username, password=password)
    assert is_served(served)


def test_a_key_lets_in_only_who_has_its_private_half(served: Served, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    known, mine = make_key(tmp_path, "ed25519", ""), tmp_path / "mine"
    make_key(mine, "ed25519", "")
    served.serve(users={"kay": {"keys": [known]}})
    with transport(served) as connection, pytest.raises(paramiko.AuthenticationException):
        connection.auth_publickey("kay", paramiko.Ed25519Key.from_private_key_file(str(mine / "key")))

    class Forged(paramiko.Ed25519Key):
        """Shows one key and signs with another."""

        def asbytes(self) -> bytes:
            return parse_public_key(known)

    forged = Forged.from_private_key_file(str(mine / "key"))
    with transport(served) as connection, pytest.raises(paramiko.AuthenticationException):
        connection.auth_publickey("kay", forged)
    assert served.state()["opened"] == []


def test_nobody_is_let_in_without_proof_and_nothing_opens_before_it(served: Served) -> None:
    with transport(served) as connection:
        with pytest.raises(paramiko.BadAuthenticationType) as refused:
            connection.auth_none("olga")
        assert refused.value.allowed_types == ["publickey", "password"]
    with transport(served) as connection, pytest.raises(paramiko.SSHException):
        connection.open_session(timeout=PATIENCE)
    assert served.state()["opened"] == []


def test_after_too_many_tries_the_connection_ends(served: Served) -> None:
    served.serve(login={"tries": 2})
    with transport(served) as connection:
        with pytest.raises(paramiko.AuthenticationException):
            connection.auth_password("olga", "wrong")
        assert connection.is_active()
        with pytest.raises(paramiko.SSHException):
            connection.auth_password("olga", "wrong again")
        assert is_over(connection)
    with transport(served) as connection:
        with pytest.raises(paramiko.AuthenticationException):
            connection.auth_password("olga", "wrong")
        connection.auth_password("olga", PASSWORD)
        assert connection.is_authenticated()


def test_who_does_not_log_in_in_time_is_cut_off(served: Served) -> None:
    served.serve(login={"seconds": 0.3})
    with transport(served) as connection:
        assert is_over(connection)
    with transport(served) as connection:
        connection.auth_password("olga", PASSWORD)
        connection.open_session(timeout=PATIENCE)
        assert is_over(connection)
    with ssh_manager(served.port) as client:
        with transport(served) as later:
            assert is_over(later)
        assert client.get().data_ele.findtext(f"{{{TEST}}}value") == "42"


def test_newcomers_beyond_the_limit_push_the_oldest_out(served: Served) -> None:
    served.serve(login={"connections": 3})
    with transport(served) as one, transport(served) as two, transport(served) as three, ssh_manager(served.port):
        assert is_over(one)
        assert two.is_active()
        assert three.is_active()


def test_users_change_while_sessions_go_on(served: Served, tmp_path: Path) -> None:
    key = make_key(tmp_path, "ed25519", "")
    with ssh_manager(served.port) as client:
        served.ask("configure", **(served.usual() | {"users": {"kay": {"keys": [key], "groups": ["admins"]}}}))
        with pytest.raises(AuthenticationError):
            ncclient_ssh(served.port)
        with ssh_manager(served.port, "kay", None, key_filename=str(tmp_path / "key")) as kay:
            assert served.state()["sessions"][str(kay.session.session_id)]["groups"] == ["admins"]
        assert client.get().data_ele.findtext(f"{{{TEST}}}value") == "42"


def test_others_are_served_while_a_slow_password_is_verified(served: Served) -> None:
    slow = subprocess.run(
        ["openssl", "passwd", "-6", "-salt", "rounds=1000000$salt", "x"], capture_output=True, check=True, text=True
    )
    users = {**USERS, "slow": {"password_hash": slow.stdout.strip()}}
    served.ask("configure", **(served.usual() | {"users": users}))
    asked, refused = threading.Event(), threading.Event()

    def log_in() -> None:
        with transport(served) as connection, contextlib.suppress(paramiko.AuthenticationException):
            asked.set()
            connection.auth_password("slow", "wrong")
        refused.set()

    with ssh_manager(served.port) as client:
        login = threading.Thread(target=log_in)
        login.start()
        assert asked.wait(PATIENCE)
        answers = 0
        while not refused.is_set():
            answers += client.get().data_ele.findtext(f"{{{TEST}}}value") == "42"
        login.join()
        assert answers > 10


# Connections


@pytest.mark.parametrize(
    "algorithms",
    [
        {"ciphers": ("aes128-cbc", "aes256-cbc", "3des-cbc")},
        {"kex": ("diffie-hellman-group14-sha256", "diffie-hellman-group16-sha512")},
        {"digests": ("hmac-sha1", "hmac-md5", "hmac-sha1-96", "hmac-md5-96"), "ciphers": ("aes128-ctr",)},
        {"key_types": ("rsa-sha2-512", "ecdsa-sha2-nistp256")},
    ],
)
def test_clients_with_other_algorithms_only_are_refused(served: Served, algorithms: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(paramiko.SSHException), transport(served, **algorithms):
        pass
    assert is_served(served)


@pytest.mark.parametrize(
    "algorithms",
    [
        {"ciphers": ("aes128-gcm@openssh.com",), "kex": ("curve25519-sha256@libssh.org",)},
        {"ciphers": ("aes256-gcm@openssh.com",), "kex": ("mlkem768x25519-sha256",)},
        {"ciphers": ("aes128-ctr",), "digests": ("hmac-sha2-256",), "kex": ("ecdh-sha2-nistp256",)},
        {"ciphers": ("aes192-ctr",), "digests": ("hmac-sha2-512",), "kex": ("ecdh-sha2-nistp384",)},
        {"ciphers": ("aes256-ctr",), "digests": ("hmac-sha2-256-etm@openssh.com",), "kex": ("ecdh-sha2-nistp521",)},
        {"ciphers": ("aes256-ctr",), "digests": ("hmac-sha2-512-etm@openssh.com",)},
    ],
)
def test_all_safe_algorithms_carry_a_session(served: Served, algorithms: dict[str, tuple[str, ...]]) -> None:
    with transport(served, **algorithms) as connection:
        connection.auth_password("olga", PASSWORD)
        channel = connection.open_session()
        channel.invoke_subsystem("netconf")
        with Manager(Session(channel), timeout=PATIENCE) as client:
            assert client.get().data_ele.findtext(f"{{{TEST}}}value") == "42"


def test_the_server_does_not_begin_more_than_one_session_in_a_connection(served: Served) -> None:
    with transport(served) as connection:
        connection.auth_password("olga", PASSWORD)
        channel = connection.open_session()
        channel.invoke_subsystem("netconf")
        with pytest.raises(paramiko.ChannelException):
            connection.open_session()
        with pytest.raises(paramiko.SSHException):
            channel.invoke_subsystem("netconf")


@pytest.mark.parametrize(
    "wish",
    [
        paramiko.Channel.get_pty,
        paramiko.Channel.invoke_shell,
        lambda channel: channel.exec_command("id"),
        lambda channel: channel.invoke_subsystem("sftp"),
        lambda channel: channel.invoke_subsystem("NETCONF"),
    ],
)
def test_a_channel_is_for_netconf_only(served: Served, wish: Callable[[paramiko.Channel], object]) -> None:
    with transport(served) as connection:
        connection.auth_password("olga", PASSWORD)
        channel = connection.open_session()
        with pytest.raises(paramiko.SSHException):
            wish(channel)
    assert served.state()["opened"] == []


def test_nothing_is_forwarded(served: Served) -> None:
    with transport(served) as connection:
        connection.auth_password("olga", PASSWORD)
        with pytest.raises(paramiko.SSHException):
            connection.request_port_forward("", 0)
        for kind, target in (("direct-tcpip", ("127.0.0.1", served.port)), ("x11", None), ("session2", None)):
            with pytest.raises(paramiko.ChannelException):
                connection.open_channel(kind, target, ("127.0.0.1", 1), timeout=PATIENCE)


def test_a_session_beyond_the_limit_is_refused(served: Served) -> None:
    served.serve(session_limit=1)
    with ssh_manager(served.port) as client, transport(served) as connection:
        connection.auth_password("olga", PASSWORD)
        channel = connection.open_session()
        with pytest.raises(paramiko.SSHException):
            channel.invoke_subsystem("netconf")
        assert client.get().data_ele.findtext(f"{{{TEST}}}value") == "42"


def test_the_connection_ends_with_its_session(served: Served) -> None:
    with transport(served) as connection:
        connection.auth_password("olga", PASSWORD)
        channel = connection.open_session()
        channel.invoke_subsystem("netconf")
        client = Raw(channel).greet(BASE_11)
        client.request("<close-session/>")
        assert client.is_closed()
        assert is_over(connection)
    assert served.state()["sessions"] == {}


def test_new_keys_are_agreed_on_in_the_middle_of_a_session(served: Served) -> None:
    with transport(served) as connection:
        connection.auth_password("olga", PASSWORD)
        channel = connection.open_session()
        channel.invoke_subsystem("netconf")
        with Manager(Session(channel), timeout=PATIENCE) as client:
            for _ in range(3):
                connection.renegotiate_keys()
                assert client.get().data_ele.findtext(f"{{{TEST}}}value") == "42"


# Host key


def test_the_host_key_stays_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = host_key_file(tmp_path / "a" / "b")
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == [NAME]
    assert host_key_file(tmp_path / "a" / "b").read_text() == text
    shown = subprocess.run(["ssh-keygen", "-lf", str(path)], capture_output=True, text=True, check=True)
    assert "(ED25519)" in shown.stdout


def test_a_host_key_made_by_openssh_is_taken(tmp_path: Path) -> None:
    make_key(tmp_path, "ed25519", "")
    (tmp_path / "key").rename(tmp_path / NAME)
    text = (tmp_path / NAME).read_text()
    assert host_key_file(tmp_path).read_text() == text


def test_a_host_key_that_cannot_be_used_says_what_to_do(tmp_path: Path) -> None:
    path = host_key_file(tmp_path)
    path.chmod(0o640)
    with pytest.raises(HostKeyError, match=r"\(mode 0640\): chmod 600 "):
        host_key_file(tmp_path)
    path.chmod(0o600)
    for text in ("", "x", path.read_text()[:200]):
        path.write_text(text)
        with pytest.raises(HostKeyError, match="move it away"):
            host_key_file(tmp_path)
    path.unlink()
    path.mkdir(mode=0o700)
    with pytest.raises(HostKeyError, match="cannot be read or made: Is a directory"):
        host_key_file(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(HostKeyError, match="cannot be read or made"):
        host_key_file(tmp_path / "file")
    make_key(tmp_path, "rsa", "2048")
    path.rmdir()
    (tmp_path / "key").rename(path)
    with pytest.raises(HostKeyError, match="is not an Ed25519 key"):
        host_key_file(tmp_path)
