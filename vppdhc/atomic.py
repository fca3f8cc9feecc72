"""Small files that are either the old one or the new one, whatever happens while they are written."""

import os
from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Put content into a file, durable when this returns, readable by its owner only.

    path: its directory exists. Raises OSError; the file is then as it was.
    """
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make durable which names are in a directory; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_aside(path: Path) -> Path:
    """Give a damaged file another name, in place of an older one of that kind, and return that; raises OSError."""
    aside = path.with_name(f"{path.name}.damaged")
    path.replace(aside)
    return aside
