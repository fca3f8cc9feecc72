"""Who may log in over SSH, and how he proves who he is."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from passlib.context import CryptContext
from passlib.hash import bcrypt, sha256_crypt, sha512_crypt

KEY_ALGORITHMS: Final = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)
"""The kinds of public keys; ssh-rsa is the name of the key, whose signatures have to use SHA-2 (RFC 8332)."""
SHORTEST_RSA: Final = 2048
"""Bits that an RSA key needs."""
MOST_ROUNDS: Final = 1_000_000
"""Rounds of $5$ and $6$ above which one login would take seconds."""
MOST_COST: Final = 14
"""The same for bcrypt, whose work is 2 to the power of this."""


def parse_public_key(line: str) -> bytes:
    """Read a public key as OpenSSH writes it, `algorithm base64 [comment]`, and return its blob (RFC 4253, 6.6).

    Raises ValueError saying what is wrong with it.
    """
    algorithm, _, rest = line.strip().partition(" ")
    if algorithm not in KEY_ALGORITHMS:
        raise ValueError(
            f"a public key begins with one of {', '.join(KEY_ALGORITHMS)}, without options; not with {algorithm[:40]!r}"
        )
    text = rest.strip().partition(" ")[0]
    try:
        key = load_ssh_public_key(f"{algorithm} {text}".encode())
        blob = base64.b64decode(text, validate=True)
    except (ValueError, UnsupportedAlgorithm, binascii.Error) as error:
        raise ValueError(f"not a public key: {error}") from None
    if isinstance(key, RSAPublicKey) and key.key_size < SHORTEST_RSA:
        raise ValueError(f"an RSA key of {key.key_size} bits is too short; {SHORTEST_RSA} is the least")
    return blob


def check_password_hash(text: str) -> None:
    """Check that a password can be verified against a hash.

    Supported are the crypt(3) strings of SHA-512 ($6$), SHA-256 ($5$) and bcrypt ($2b$, $2a$, $2y$). Yescrypt ($y$),
    which new Linux systems put into /etc/shadow, is not: `mkpasswd -m sha-512` or `openssl passwd -6` make a $6$.
    Raises ValueError saying what is wrong with it.
    """
    try:
        for scheme, most in ((sha512_crypt, MOST_ROUNDS), (sha256_crypt, MOST_ROUNDS), (bcrypt, MOST_COST)):
            if scheme.identify(text):
                _check_parts(scheme.from_string(text), most)
                return
    except ValueError as error:
        raise ValueError(f"not a password hash that can be used: {error}") from None
    raise ValueError(
        "not a password hash that can be used: it does not begin with $6$, $5$ or $2b$; `openssl passwd -6` makes one"
    )


class _Parts(Protocol):
    """What passlib takes out of a crypt(3) string."""

    rounds: int
    checksum: str | None


def _check_parts(parts: _Parts, most: int) -> None:
    if not parts.checksum:
        raise ValueError("it ends after its salt")
    if parts.rounds > most:
        raise ValueError(f"rounds={parts.rounds} is more than {most} and would make every login slow")


@dataclass(frozen=True, slots=True)
class User:
    """One who may log in over SSH, with any of his keys or with his password.

    name: 1 to 255 characters.
    keys: blobs of his public keys, from parse_public_key.
    password_hash: see check_password_hash; empty for none.
    groups: the groups he is a member of besides those that NACM's own configuration gives him.

    Raises ValueError for a name or a hash that cannot be used.
    """

    name: str
    keys: frozenset[bytes] = frozenset()
    password_hash: str = ""
    groups: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= 255:
            raise ValueError(f"a user name has 1 to 255 characters, not {len(self.name)}")
        if self.password_hash:
            check_password_hash(self.password_hash)


class Users:
    """All who may log in over SSH."""

    def __init__(self, users: Iterable[User] = ()) -> None:
        self._users = {user.name: user for user in users}
        self._hashes = CryptContext(schemes=["sha512_crypt", "sha256_crypt", "bcrypt"])
        self._decoy = next((user.password_hash for user in self._users.values() if user.password_hash), "")

    def get(self, name: str) -> User | None:
        """Find a user; None where there is none of that name."""
        return self._users.get(name)

    def key_fits(self, name: str, blob: bytes) -> bool:
        """Tell whether a public key is one of that user's; that the peer has its private half is another matter."""
        user = self._users.get(name)
        return user is not None and blob in user.keys

    def password_fits(self, name: str, password: str | bytes) -> bool:
        """Tell whether a password is that user's.

        Slow by design, milliseconds to a second: not to be called in the hub. A name that does not exist takes as long
        as one that does.
        """
        user = self._users.get(name)
        known = user.password_hash if user is not None else ""
        try:
            fits = bool(self._decoy) and self._hashes.verify(password, known or self._decoy)
        except ValueError:
            # A password that no hash can be made of: a zero byte in it, or far too long.
            return False
        return fits and bool(known)
