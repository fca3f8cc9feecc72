"""The tables in docs/ that say which test shows what a standard asks for: the tests and modules they name are there."""

import ast
import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]
TABLES = sorted((TOP / "docs").glob("rfc-*.md"))
WORDS = {"MUST", "MUST NOT", "SHALL", "SHALL NOT", "SHOULD", "SHOULD NOT", "MAY", "REQUIRED", "RECOMMENDED"}


def rows(table: Path) -> list[list[str]]:
    """The cells of all rows of a document's tables, without their heads."""
    lines = [line for line in table.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0].strip() != "section" and not set("".join(row)) <= set("|- ")]


def names_of_tests(path: Path) -> set[str]:
    """The test functions and classes of a module."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    defined = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    made = {
        target.id
        for node in body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {name for name in defined | made if name.startswith(("test_", "Test"))}


def test_there_are_tables() -> None:
    assert TABLES


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.stem))
def test_every_row_names_tests_that_exist(table: Path) -> None:
    found = rows(table)
    assert len(found) > 10
    for row in found:
        assert len(row) == 5, row
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row[4])
        assert named, f"no test for {row[1]}"
        assert len(named) == row[4].count("`") // 2, f"not only tests: {row[4]}"
        for file, name in named:
            assert (TOP / file).is_file(), file
            assert not name or name in names_of_tests(TOP / file), f"{file} has no {name}"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.stem))
def test_every_row_names_modules_that_exist(table: Path) -> None:
    below = re.search(r"Modules are below `([\w/]+/)`", table.read_text(encoding="utf-8"))
    assert below is not None
    for row in rows(table):
        named = re.findall(r"`([\w/]+\.\w+)`", row[3])
        assert named, f"no module for {row[1]}"
        for module in named:
            assert (TOP / module).is_file() or (TOP / below.group(1) / module).is_file(), module


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.stem))
def test_words_are_those_of_rfc_2119(table: Path) -> None:
    for row in rows(table):
        assert all(word in WORDS for word in row[2].split(", ") if word), row
