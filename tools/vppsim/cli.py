"""The command line socket, and how a line becomes a command: words may be shortened as long as they are unambiguous."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tools.vppsim.loop import Loop

Command = Callable[[list[str]], str]
"""Takes the words behind the command's name and returns what it prints."""

_LONGEST: Final = 65536


class CommandError(Exception):
    """A command that cannot be done; says why."""


def word_after(words: list[str], key: str) -> str | None:
    """Return the word behind a key word; None where there is none."""
    following = words[words.index(key) + 1 :] if key in words else []
    return following[0] if following else None


def whole_number(word: str) -> int:
    """Return a number that fits 32 bits. Raises CommandError."""
    if not (word.isascii() and word.isdecimal()) or int(word) > 0xFFFFFFFF:
        raise CommandError(f"expected a number, not `{word}'")
    return int(word)


class Cli:
    """All commands, by name. A name is one word or more."""

    def __init__(self) -> None:
        self._commands: dict[tuple[str, ...], Command] = {}

    def add(self, name: str, command: Command) -> None:
        """Add a command."""
        self._commands[tuple(name.split())] = command

    def run(self, line: str) -> tuple[bool, str]:
        """Run a line; return whether it went well, and what it printed."""
        words = line.split()
        name = self._find(words)
        if name is None:
            known = {command[0] for command in self._commands}
            start = bool(words) and any(word.startswith(words[0]) for word in known)
            unknown = " ".join(words[1:] if start else words)
            return False, f"{words[0]}: unknown input `{unknown}'\n" if start else f"unknown input `{unknown}'\n"
        try:
            output = self._commands[name](words[len(name) :])
        except CommandError as error:
            return False, f"{' '.join(name)}: {error}\n"
        return True, output if not output or output.endswith("\n") else output + "\n"

    def _find(self, words: list[str]) -> tuple[str, ...] | None:
        """Return the command with the longest name that the words begin with; a whole word wins over a longer one."""
        found: tuple[str, ...] | None = None
        candidates = list(self._commands)
        for position, word in enumerate(words):
            candidates = [n for n in candidates if len(n) > position and n[position].startswith(word)]
            candidates = [n for n in candidates if n[position] == word] or candidates
            if len({name[position] for name in candidates}) > 1:
                break
            found = next((name for name in candidates if len(name) == position + 1), found)
        return found


class CliServer:
    """The socket: a connection sends one line and gets back what it prints."""

    def __init__(self, loop: Loop, path: Path, cli: Cli) -> None:
        self._loop = loop
        self._path = path
        self._cli = cli
        self._listener: socket.socket | None = None

    def open(self) -> None:
        """Listen."""
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self._path))
        self._listener.listen(16)
        self._loop.watch(self._listener, self._accept)

    def close(self) -> None:
        """Listen no more."""
        if self._listener is not None:
            self._loop.forget(self._listener)
            self._listener.close()
            self._listener = None
            self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        assert self._listener is not None
        sock, _ = self._listener.accept()
        line = bytearray()

        def readable() -> None:
            data = sock.recv(4096)
            line.extend(data)
            if not data or b"\n" in data or len(line) > _LONGEST:
                self._loop.forget(sock)
                self._answer(sock, line.decode(errors="replace"))

        self._loop.watch(sock, readable)

    def _answer(self, sock: socket.socket, line: str) -> None:
        """Run the line and send what it printed; whoever does not read it has a second."""
        _, output = self._cli.run(line)
        with sock:
            sock.settimeout(1.0)
            try:
                sock.sendall(output.encode())
            except OSError:
                return
