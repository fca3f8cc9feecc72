"""The helper process: what may take long, or never end, without harm to anybody."""

from __future__ import annotations

import resource
import sys
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final

from lxml import etree

from nc.schema.evaluator import Evaluator
from nc.schema.helper import read_message, write_message
from nc.schema.loader import load
from nc.schema.node import ModuleRequest
from nc.schema.tree import Names
from nc.schema.validator import Validator
from nc.schema.xpath import XPathError
from nc.xml import Element, parse

_MOST_MEMORY: Final = 4 << 30


class _Worker:
    """Answers questions; what a kind of question needs is made for the first one.

    setup: "modules" (name and features, None for all), "implemented" (the same with revision, and features complete),
    "path".
    """

    def __init__(self, setup: dict[str, Any]) -> None:
        self._setup = setup
        self._path = [Path(place) for place in setup["path"]]
        self._validator: Validator | None = None
        self._evaluator: Evaluator | None = None

    def answer(self, question: dict[str, Any], payload: bytes) -> Any:
        """Return the answer as JSON can have it."""
        if question["ask"] == "validate":
            return [astuple(finding) for finding in self._get_validator().check(payload.decode())]
        return self._xpath(question["expression"], question["namespaces"], parse(payload))

    def _xpath(self, expression: str, namespaces: dict[str, str], tree: Element) -> dict[str, Any]:
        try:
            found = self._get_evaluator().evaluate(expression, namespaces, tree, tree)
        except XPathError as error:
            return {"error": str(error)}
        if not isinstance(found, list):
            return {"error": "the XPath expression does not select nodes"}
        # A text or attribute node stands for its element; a namespace node, which has no parent here, for nothing.
        nodes = {
            node if isinstance(node, etree._Element) else node.getparent()
            for node in found
            if not isinstance(node, tuple)
        }
        return {"nodes": [number for number, element in enumerate(tree.iter()) if element in nodes]}

    def _get_validator(self) -> Validator:
        if self._validator is None:
            self._validator = Validator(self._setup["implemented"], self._path)
        return self._validator

    def _get_evaluator(self) -> Evaluator:
        if self._evaluator is None:
            requests = [
                ModuleRequest(name, None if features is None else frozenset(features))
                for name, features in self._setup["modules"]
            ]
            compiled = load(requests, self._path)
            prefixes = {info.namespace: info.prefix for info in compiled.modules.values()}
            self._evaluator = Evaluator(Names(compiled.top, prefixes), compiled.identities)
        return self._evaluator


def main() -> None:
    """Answer until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    setup, _ = read_message(sys.stdin.buffer)
    worker = _Worker(setup)
    while True:
        try:
            question, payload = read_message(sys.stdin.buffer)
        except EOFError:
            return
        write_message(sys.stdout.buffer, worker.answer(question, payload), b"")


if __name__ == "__main__":
    main()
