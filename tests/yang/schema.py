"""The model as pyang compiles it, for the tests beside."""

from collections.abc import Iterator
from typing import Any

from pyang import context, repository

from tests.yang.model import MODELS, SEARCH_PATH

Statement = Any
"""A statement of pyang, which has no types."""

INSTANCES = ("container", "list", "leaf", "leaf-list", "choice", "case", "anydata", "rpc", "action", "notification")
LEAVES = ("leaf", "leaf-list")


def compiled() -> Statement:
    """Return module vppdhc."""
    files = repository.FileRepository(":".join(map(str, SEARCH_PATH)), use_env=False)
    reading = context.Context(files)
    module = reading.add_module("vppdhc.yang", (MODELS / "vppdhc.yang").read_text())
    reading.validate()
    assert [error for error in reading.errors if error[1] not in ("UNUSED_IMPORT",)] == []
    return module


def nodes(parent: Statement) -> Iterator[Statement]:
    """Return every node below one, as it is after all groupings are put in."""
    for node in parent.i_children:
        if node.keyword in INSTANCES:
            yield node
        yield from nodes(node) if hasattr(node, "i_children") else ()


def configuration(module: Statement) -> Iterator[Statement]:
    """Return every node that a configuration can have, and the choices and cases between them."""
    return (node for node in nodes(module) if getattr(node, "i_config", None) is True and not _in_operation(node))


def _in_operation(node: Statement) -> bool:
    while node is not None:
        if node.keyword in ("rpc", "action", "notification"):
            return True
        node = node.parent
    return False


def path(node: Statement) -> str:
    """Return the path of a node without choices and cases."""
    names: list[str] = []
    while node.keyword not in ("module", "submodule"):
        if node.keyword not in ("choice", "case"):
            names.insert(0, node.arg)
        node = node.parent
    return "/" + "/".join(names)


def types(node: Statement) -> Iterator[Statement]:
    """Return the type statements of a leaf, down to the built-in types, members of unions included."""
    pending = [node.search_one("type")]
    while pending:
        type_ = pending.pop()
        yield type_
        pending += type_.search("type")
        if getattr(type_, "i_typedef", None) is not None:
            pending.append(type_.i_typedef.search_one("type"))


def default_of(node: Statement) -> str | None:
    """Return the default of a leaf, None without one."""
    statement = node.search_one("default")
    return statement.arg if statement is not None else None
