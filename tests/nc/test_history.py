"""The configuration file and its versions: whatever fails or dies, the file is the old or the new one."""

import errno
import os
import signal
import stat
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from nc import history as module
from nc.history import History, Record, StorageError

BY_OLGA = Record("olga", "2026-11-24T12:00:00Z", "commit", "more leases")
BY_HAND = Record("", "2026-11-24T13:00:00Z", "file")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "vpp.json"


@pytest.fixture
def history(tmp_path: Path, config: Path) -> History:
    config.parent.mkdir()
    return History(config, tmp_path / "state" / "versions")


def again(config: Path) -> History:
    """The history as the next process finds it."""
    return History(config, config.parents[1] / "state" / "versions")


def saved(history: History, *texts: str) -> None:
    history.read()
    for text in texts:
        assert history.save(text, BY_OLGA) == []


def texts(history: History) -> list[str]:
    return [history.text(version.serial) for version in history.versions()]


def test_a_saved_configuration_is_in_the_file_and_in_the_history(history: History, config: Path) -> None:
    assert history.read() is None
    saved(history, "one\n", "zwei und drei ½\n")
    assert config.read_text(encoding="utf-8") == "zwei und drei ½\n"
    assert again(config).read() == "zwei und drei ½\n"
    versions = again(config).versions()
    assert [version.serial for version in versions] == [2, 1]
    assert {version.record for version in versions} == {BY_OLGA}
    assert texts(again(config)) == ["zwei und drei ½\n", "one\n"]


def test_only_the_owner_can_read_it(history: History, config: Path) -> None:
    old = os.umask(0)
    try:
        saved(history, "{}")
    finally:
        os.umask(old)
    directory = config.parents[1] / "state" / "versions"
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()] == [0o600]


def test_ten_versions_are_kept_besides_the_one_in_the_file(history: History, config: Path) -> None:
    saved(history, *(f"{number}" for number in range(1, 16)))
    assert texts(history) == [f"{number}" for number in range(15, 4, -1)]
    assert sorted(path.name for path in (config.parents[1] / "state" / "versions").iterdir()) == [
        f"{serial:08d}.version" for serial in range(5, 16)
    ]


def test_a_version_that_never_was_is_a_key_error(history: History) -> None:
    saved(history, "one")
    with pytest.raises(KeyError):
        history.text(7)


def test_a_symbolic_link_is_followed(history: History, config: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.json"
    real.write_text("old")
    config.symlink_to(real)
    linked = again(config)
    saved(linked, "new")
    assert config.is_symlink()
    assert real.read_text() == "new"


def test_what_was_written_by_hand_becomes_a_version(history: History, config: Path) -> None:
    saved(history, "one")
    config.write_text("two, by hand")
    next_start = again(config)
    assert next_start.read() == "two, by hand"
    next_start.found("two, by hand", BY_HAND)
    next_start.found("two, by hand", BY_HAND)
    assert texts(next_start) == ["two, by hand", "one"]
    assert next_start.versions()[0].record == BY_HAND


def test_a_file_that_somebody_else_has_changed_is_not_overwritten(history: History, config: Path) -> None:
    saved(history, "one")
    config.write_text("precious")
    with pytest.raises(StorageError, match=r"somebody has changed it.*reload it") as caught:
        history.save("two", BY_OLGA)
    assert caught.value.path == config
    assert config.read_text() == "precious"
    assert texts(history) == ["one"]
    assert history.read() == "precious"
    assert history.save("two", BY_OLGA) == []


def test_a_file_that_is_gone_is_written_again(history: History, config: Path) -> None:
    saved(history, "one")
    config.unlink()
    assert history.save("two", BY_OLGA) == []
    assert config.read_text() == "two"


@pytest.mark.parametrize(
    ("content", "cause"),
    [(b"\xff\xfe", "not as it was written"), (b"x" * 100, "larger than")],
    ids=["no UTF-8", "too large"],
)
def test_a_file_that_cannot_be_the_configuration_is_an_error(
    history: History, config: Path, content: bytes, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 99)
    config.write_bytes(content)
    with pytest.raises(StorageError, match=cause):
        history.read()


def test_a_version_that_is_broken_is_an_error_that_names_it(history: History, config: Path) -> None:
    saved(history, "one", "two")
    broken = config.parents[1] / "state" / "versions" / "00000001.version"
    broken.write_text("[]\none")
    with pytest.raises(StorageError, match="does not describe a version") as caught:
        history.text(1)
    assert caught.value.path == broken
    assert history.text(2) == "two"


def test_a_directory_in_the_place_of_the_file_is_an_error_with_a_remedy(history: History, config: Path) -> None:
    config.mkdir()
    with pytest.raises(StorageError, match="name a file, not a directory"):
        history.read()


FUNCTIONS = [(os, "open"), (os, "fsync"), (os, "fchmod"), (Path, "replace"), (Path, "mkdir")]


class FullDisk:
    """Lets a number of operations on files succeed, and one fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
        self.left = failing
        self.failed = ""
        for owner, name in FUNCTIONS:
            monkeypatch.setattr(owner, name, self._counting(getattr(owner, name), name))

    def _counting(self, real: Callable[..., Any], name: str) -> Callable[..., Any]:
        def function(*arguments: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                self.failed = name
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **options)

        return function


def test_a_failure_at_any_point_leaves_the_old_file_or_is_reported_with_the_new_one(
    history: History, config: Path
) -> None:
    saved(history, "old")
    refused = reported = 0
    failing = 0
    while True:
        failing += 1
        with pytest.MonkeyPatch.context() as monkeypatch:
            disk = FullDisk(monkeypatch, failing)
            new = f"new {failing}"
            faults, error = attempt(history, new)
        if error is not None:
            assert "No space left" in str(error)
            assert "free some space" in str(error)
            assert config.read_text() == "old", f"{disk.failed}, call {failing}"
            refused += 1
        if faults is not None:
            assert config.read_text() == new
        if faults == [] and not disk.failed:
            break
        reported += faults != [] and faults is not None
        assert texts_after_restart(config) == (["old"] if faults is None else [new, "old"])
        if faults is not None:
            history.read()
            assert history.save("old", BY_OLGA) == []
            break_history(config, keep=1)
    assert refused >= 6
    assert reported >= 1


def attempt(history: History, text: str) -> tuple[list[StorageError] | None, StorageError | None]:
    """Save; either the faults or the error."""
    try:
        return history.save(text, BY_OLGA), None
    except StorageError as error:
        return None, error


def texts_after_restart(config: Path) -> list[str]:
    next_start = again(config)
    text = next_start.read()
    assert text is not None
    next_start.found(text, BY_HAND)
    return texts(next_start)


def break_history(config: Path, keep: int) -> None:
    """Forget all but the newest versions, for the next round."""
    for path in sorted((config.parents[1] / "state" / "versions").glob("*.version"))[:-keep]:
        path.unlink()


def killed_at(line: int, save: Callable[[], object]) -> bool:
    """Save in a process of its own that kills itself before the given line of the module; whether it got that far."""
    child = os.fork()
    if child == 0:
        left = line

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal left
            if frame.f_code.co_filename != module.__file__:
                return None
            if event == "line":
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        save()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_a_kill_at_any_line_leaves_the_old_file_or_the_new_one_and_a_history_to_match(
    history: History, config: Path
) -> None:
    saved(history, *(f"{number}" for number in range(1, 12)))
    outcomes = []
    line = 0
    while True:
        line += 1
        start = again(config)
        old = start.read()
        assert old is not None
        new = f"{line}: {old}"
        killed = killed_at(line, partial(start.save, new, BY_OLGA))
        after = again(config).read()
        assert after in {old, new}
        outcomes.append(after == new)
        kept = texts_after_restart(config)
        assert kept[0] == after
        assert len(kept) == 11
        assert not (config.parents[1] / "state" / "versions" / "pending").exists()
        if not killed:
            break
    assert outcomes[-1]
    assert outcomes.count(False) > 50
    assert outcomes.count(True) > 5
