"""The authentication option of DHCPv6, and the reconfiguration key authentication protocol (RFC 8415, 20.4 and 21.11).

A server gives each client a key in a Reply. By it the client knows that a later Reconfigure is of that server: the
message carries a digest that nobody can make without the key.
"""

import hmac
import struct
from dataclasses import replace
from typing import Final, NamedTuple

from vppdhc.packet.dhcp6 import Message, encode_unrelayed
from vppdhc.packet.errors import DecodeError

RKAP: Final = 3
"""Protocol: the reconfiguration key authentication protocol."""
HMAC_MD5: Final = 1
"""Its only algorithm."""
MONOTONIC: Final = 0
"""Replay detection method: each value is greater than the one before."""
KEY_SIZE: Final = 16
"""Bytes of a reconfigure key."""

_AUTH = 11  # the option
_KEY = 1  # what follows in the authentication information
_DIGEST = 2
_NO_DIGEST = bytes(16)
_HEADER = struct.Struct(">BBBQ")


class Auth(NamedTuple):
    """Option 11.

    rdm: replay detection method. replay_detection: its value as a number.
    information: authentication information, as the protocol has it.
    """

    protocol: int
    algorithm: int
    rdm: int
    replay_detection: int
    information: bytes


def decode(raw: bytes) -> Auth:
    """Read option 11. Raises DecodeError when it is cut."""
    if len(raw) < _HEADER.size:
        raise DecodeError("dhcp6-option", len(raw), f"{len(raw)} bytes instead of {_HEADER.size} at least")
    protocol, algorithm, rdm, replay_detection = _HEADER.unpack_from(raw)
    return Auth(protocol, algorithm, rdm, replay_detection, raw[_HEADER.size :])


def encode(auth: Auth) -> bytes:
    """Return the bytes of option 11. Raises ValueError for numbers out of range."""
    try:
        return _HEADER.pack(auth.protocol, auth.algorithm, auth.rdm, auth.replay_detection) + auth.information
    except struct.error as error:
        raise ValueError(f"a field of the authentication option is out of range: {error}") from error


def encode_key(key: bytes, replay_detection: int) -> bytes:
    """Return the bytes of option 11 that give a client its key, KEY_SIZE bytes (RFC 8415, 20.4.2).

    replay_detection: greater than in every message before to this client.
    """
    if len(key) != KEY_SIZE:
        raise ValueError(f"a reconfigure key has {KEY_SIZE} bytes, not {len(key)}")
    return _encode_rkap(_KEY, key, replay_detection)


def key_of(auth: Auth) -> bytes | None:
    """Return the key that the option gives to a client, None if it gives none."""
    return _information(auth, _KEY)


def sign(message: Message, key: bytes, replay_detection: int) -> Message:
    """Return the message with an option 11 behind its others that proves who made it (RFC 8415, 20.4.2).

    replay_detection: greater than in every message before to this client.
    """

    def with_digest(digest: bytes) -> Message:
        auth = _encode_rkap(_DIGEST, digest, replay_detection)
        return replace(message, options=[*message.options, (_AUTH, auth)])

    return with_digest(_digest(key, with_digest(_NO_DIGEST)))


def verify(message: Message, key: bytes) -> Auth | None:
    """Return option 11 of a message if it proves that the owner of the key made it, else None (RFC 8415, 20.4.3).

    Whether its replay detection is greater than the last one is left to the caller.
    """
    if len(message.all(_AUTH)) != 1:
        return None
    place = next(index for index, (code, _) in enumerate(message.options) if code == _AUTH)
    try:
        auth = decode(message.options[place][1])
    except DecodeError:
        return None
    digest = _information(auth, _DIGEST)
    if digest is None:
        return None
    options = list(message.options)
    options[place] = (_AUTH, _encode_rkap(_DIGEST, _NO_DIGEST, auth.replay_detection))
    expected = _digest(key, replace(message, options=options))
    return auth if hmac.compare_digest(digest, expected) else None


def _information(auth: Auth, kind: int) -> bytes | None:
    """Return key or digest of the option, None if it is not RKAP's or has something else."""
    if (auth.protocol, auth.algorithm, auth.rdm) != (RKAP, HMAC_MD5, MONOTONIC):
        return None
    value = auth.information[1:]
    return value if auth.information[:1] == bytes((kind,)) and len(value) == KEY_SIZE else None


def _encode_rkap(kind: int, value: bytes, replay_detection: int) -> bytes:
    return encode(Auth(RKAP, HMAC_MD5, MONOTONIC, replay_detection, bytes((kind,)) + value))


def _digest(key: bytes, message: Message) -> bytes:
    return hmac.digest(key, encode_unrelayed(message), "md5")
