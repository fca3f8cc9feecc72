"""The server's SSH host key: made at the first start, kept for good."""

import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_ssh_private_key,
)

NAME: Final = "ssh_host_ed25519_key"
_REMEDY: Final = "move it away, and a new one is made, which clients then have to accept"


class HostKeyError(Exception):
    """The host key cannot be read or made; the message says why and what to do."""


def host_key_file(directory: Path) -> Path:
    """Return the file of the host key in a directory (Ed25519, OpenSSH's format), making both where they are missing.

    The file is complete or not there, also after a crash, and only its owner can read it.
    Raises HostKeyError.
    """
    path = directory / NAME
    try:
        if not path.exists():
            _make(path)
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            raise HostKeyError(f"others have access to {path} (mode {mode:04o}): chmod 600 {path}")
        key = load_ssh_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise HostKeyError(f"the SSH host key {path} cannot be read or made: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise HostKeyError(f"{path} is not a private key without passphrase ({error}); {_REMEDY}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise HostKeyError(f"{path} is not an Ed25519 key; {_REMEDY}")
    return path


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)
    with draft.open("wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
