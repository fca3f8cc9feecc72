"""Passwords and public keys: those that fit, those that do not, and those that cannot be."""

import base64
import subprocess
from pathlib import Path

import pytest

from nc.users import User, Users, check_password_hash, parse_public_key
from tests.nc.served import PASSWORD, PASSWORD_HASH

EXAMPLES = [
    # Of the specification of SHA-crypt.
    (PASSWORD, PASSWORD_HASH),
    ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
    (
        "This is just a test",
        "$6$rounds=5000$toolongsaltstrin$lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0",
    ),
    # Of OpenBSD's bcrypt, as printed in its tests.
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
]


@pytest.mark.parametrize(("password", "password_hash"), EXAMPLES)
def test_published_hashes_are_verified(password: str, password_hash: str) -> None:
    users = Users([User("olga", password_hash=password_hash)])
    assert users.password_fits("olga", password)
    for wrong in (
        "",
        password + "x",
        password[:-1],
        password.upper() + "!",
        "\0",
        password + "\0",
        "x" * 100_000,
        b"\xff",
    ):
        assert not users.password_fits("olga", wrong)


def test_openssl_and_the_server_agree() -> None:
    for scheme in ("-5", "-6"):
        made = subprocess.run(["openssl", "passwd", scheme, "päss wörd"], capture_output=True, check=True, text=True)
        users = Users([User("olga", password_hash=made.stdout.strip())])
        assert users.password_fits("olga", "päss wörd")
        assert not users.password_fits("olga", "pass word")


def test_nobody_has_an_empty_or_another_ones_password() -> None:
    users = Users([User("olga", password_hash=PASSWORD_HASH), User("igor")])
    assert users.password_fits("olga", PASSWORD)
    assert not users.password_fits("igor", PASSWORD)
    assert not users.password_fits("igor", "")
    assert not users.password_fits("nobody", PASSWORD)
    assert not Users().password_fits("olga", PASSWORD)


@pytest.mark.parametrize(
    "text",
    [
        "Hello world!",
        "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7",
        "$1$saltstri$YMyguxXMBpd2TEZ.vS/3q1",
        "$6$",
        "$6$saltstring",
        "$6$rounds=99999999$salt$" + "x" * 86,
        PASSWORD_HASH.replace("$6$", "$6$rounds=2000000$"),
        "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    ],
)
def test_a_hash_that_cannot_be_used_is_refused_with_its_reason(text: str) -> None:
    with pytest.raises(ValueError, match="not a password hash that can be used: "):
        check_password_hash(text)
    with pytest.raises(ValueError, match="not a password hash that can be used: "):
        User("olga", password_hash=text)


@pytest.mark.parametrize(
    "kind", [("ed25519", ""), ("rsa", "2048"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521")]
)
def test_keys_of_openssh_are_read(tmp_path: Path, kind: tuple[str, str]) -> None:
    line = make_key(tmp_path, *kind)
    blob = parse_public_key(line)
    assert base64.b64encode(blob).decode() == line.split()[1]
    users = Users([User("olga", keys=frozenset([blob])), User("igor")])
    assert users.key_fits("olga", blob)
    assert not users.key_fits("olga", blob[:-1] + b"x")
    assert not users.key_fits("igor", blob)
    assert not users.key_fits("nobody", blob)


def test_short_keys_are_refused(tmp_path: Path) -> None:
    line = make_key(tmp_path, "rsa", "1024")
    with pytest.raises(ValueError, match="1024 bits is too short"):
        parse_public_key(line)


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    line = make_key(tmp_path, "ed25519", "")
    algorithm, text, _ = line.split()
    for wrong in ("", "x", algorithm, f"{algorithm} {text[:-8]}", f"{algorithm} {text}!", f"ssh-rsa {text}"):
        with pytest.raises(ValueError, match="public key"):
            parse_public_key(wrong)
    for wrong in (f'command="ls" {line}', f"ssh-dss {text}"):
        with pytest.raises(ValueError, match="begins with one of"):
            parse_public_key(wrong)


def test_names_have_a_length() -> None:
    for name in ("", "x" * 256):
        with pytest.raises(ValueError, match="1 to 255 characters"):
            User(name)


def make_key(directory: Path, kind: str, bits: str) -> str:
    path = directory / "key"
    size = ["-b", bits] if bits else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", "comment", "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text()
