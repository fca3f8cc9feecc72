"""What goes wrong with the lease store."""

from pathlib import Path


class LeaseStoreError(Exception):
    """The lease store cannot be opened, read or written.

    path: the file or directory it is about.
    cause: what is wrong.
    remedy: what an operator can do about it.
    """

    def __init__(self, path: Path, cause: str, remedy: str) -> None:
        super().__init__(path, cause, remedy)
        self.path = path
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        return f"lease store {self.path}: {self.cause}; {self.remedy}"
