"""The schema of a server: what every other module asks about the data models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

from lxml import etree

from nc.errors import InstancePath, RpcError, RpcErrors, malformed_message, operation_failed, resource_denied
from nc.schema.defaults import Defaults
from nc.schema.evaluator import Evaluator
from nc.schema.findings import Findings
from nc.schema.helper import Helper, HelperError
from nc.schema.instance import Step, find, parse_xml
from nc.schema.jsonlines import find_lines
from nc.schema.jsontree import from_json, to_json
from nc.schema.loader import Compiled, SchemaError, load, yin
from nc.schema.node import ModuleInfo, ModuleRequest, SchemaNode, SubmoduleInfo, Value
from nc.schema.operation import OperationChecker
from nc.schema.tree import Names, Reader
from nc.schema.validator import Finding, Validator
from nc.xml import DEFAULT_ATTRIBUTE, NC, YANG, Element, XmlError, copy, new_data, parse, qname

WithDefaults = Literal["report-all", "report-all-tagged", "trim", "explicit"]
"""The modes of RFC 6243, section 3."""

_SMALL: Final = 250_000
"""Bytes of a tree up to which libyang validates within a few tens of milliseconds: 5,000 entries of four leafs."""
_VALIDATION_SECONDS: Final = 120.0
_XPATH_SECONDS: Final = 10.0


class Schema:
    """Compiled modules.

    Data trees are lxml elements of tag nc.xml.DATA. Every namespace has one prefix in the whole process (`prefixes`),
    and trees never use a default namespace for data nodes: so prefixes in values (identityref, instance-identifier)
    survive any move or copy of elements, where lxml drops declarations that it takes for redundant.

    top: top-level data nodes by lxml name. rpcs, notifications: top-level ones by lxml name.
    modules: all modules, implemented and import-only, by name.
    prefixes: namespaces by their prefixes.
    evaluator: for XPath on small trees of this schema, where expressions can be trusted.
    """

    def __init__(self, compiled: Compiled, requests: Sequence[ModuleRequest], path: Sequence[Path]) -> None:
        """Take what the loader made; see load()."""
        self.top: Final[Mapping[str, SchemaNode]] = compiled.top
        self.rpcs: Final[Mapping[str, SchemaNode]] = compiled.rpcs
        self.notifications: Final[Mapping[str, SchemaNode]] = compiled.notifications
        self.modules: Final[Mapping[str, ModuleInfo]] = compiled.modules
        self.prefixes: Final[Mapping[str, str]] = {info.prefix: info.namespace for info in compiled.modules.values()}
        self.names: Final = Names(compiled.top, {info.namespace: info.prefix for info in compiled.modules.values()})
        self.evaluator: Final = Evaluator(self.names, compiled.identities)
        self._path = tuple(path)
        self._defaults = Defaults(self.names, self.evaluator)
        self._operations = OperationChecker(self.names, self.rpcs, self.evaluator)
        self._findings = Findings(self.names, {name: info.namespace for name, info in compiled.modules.items()})
        implemented = [info for info in compiled.modules.values() if not info.import_only]
        self._implemented = [(info.name, info.revision, info.features) for info in implemented]
        self._validator: Validator | None = None
        setup = {
            "modules": [
                (request.name, None if request.features is None else sorted(request.features)) for request in requests
            ],
            "implemented": self._implemented,
            "path": [str(place) for place in path],
        }
        self._validation = Helper(setup, _VALIDATION_SECONDS)
        self._xpath = Helper(setup, _XPATH_SECONDS)

    @classmethod
    def load(cls, modules: Sequence[ModuleRequest], path: Sequence[Path]) -> Schema:
        """Compile modules.

        modules: those to implement; what they import is found by itself, and is import-only.
        path: directories to search, the first one first.
        Raises SchemaError.
        """
        schema = cls(load(modules, path), modules, path)
        for prefix, namespace in [*schema.prefixes.items(), ("yang", YANG), ("wd", DEFAULT_ATTRIBUTE), ("nc", NC)]:
            if not prefix.startswith("ns"):  # lxml keeps those for itself
                etree.register_namespace(prefix, namespace)
        return schema

    def node_at(self, path: str) -> SchemaNode | None:
        """Return the data node, action or notification at a schema path ("/m:a/b/n:c"); None where there is none."""
        node: SchemaNode | None = None
        module = ""
        for name in path.removeprefix("/").split("/"):
            prefix, _, local = name.rpartition(":")
            module = prefix or module
            info = self.modules.get(module)
            if info is None:
                return None
            places = (
                (self.top, self.notifications) if node is None else (node.children, node.actions, node.notifications)
            )
            node = next((found for place in places if (found := place.get(qname(info.namespace, local)))), None)
            if node is None:
                return None
        return node

    def node_of(self, element: Element) -> SchemaNode | None:
        """Return the node that an element of a data tree is an instance of; None for the root and unknown ones."""
        return self.names.node(element)

    def instance_path(self, element: Element, root: Element | None = None) -> InstancePath:
        """Return the instance-identifier of an element of a data tree.

        root: the tree's root; None is the nearest <data> or <config> above, or the uppermost element.
        """
        return self.names.path(element, root)

    def find(self, tree: Element, path: InstancePath) -> Element | None:
        """Return the element of a data tree at an instance-identifier; None where there is none.

        Raises ValueError where the path is no instance-identifier.
        """
        return find(tree, parse_xml(path.text, path.namespaces))

    def source(self, name: str, revision: str | None = None, format_: Literal["yang", "yin"] = "yang") -> str:
        """Return the text of a module or submodule.

        Raises LookupError where there is none of that name and revision.
        """
        for info in self.modules.values():
            parts: list[ModuleInfo | SubmoduleInfo] = [info, *info.submodules]
            for part in parts:
                if part.name == name and revision in {None, part.revision}:
                    return part.path.read_text(encoding="utf-8") if format_ == "yang" else yin(name, self._path)
        raise LookupError(f"there is no module '{name}'{f' of revision {revision}' if revision else ''}")

    def validate(self, tree: Element) -> list[RpcError]:
        """Check a whole configuration (RFC 7950, section 8) and return every error found in it.

        Large trees are checked in another process, while other greenlets run on.
        """
        document = b"".join(etree.tostring(child, encoding="UTF-8") for child in tree)
        if len(document) <= _SMALL:
            if self._validator is None:
                self._validator = Validator(self._implemented, self._path)
            findings = self._validator.check(document.decode())
        else:
            try:
                answer = self._validation.ask({"ask": "validate"}, document)
            except HelperError as error:
                return [operation_failed(f"the configuration could not be validated: {error}; try again")]
            findings = [Finding(*finding) for finding in answer]
        return [self._findings.error(finding) for finding in findings]

    def select(self, tree: Element, expression: str, namespaces: Mapping[str, str]) -> list[Element]:
        """Return the elements that an XPath 1.0 expression selects, in document order; the root is the tree itself.

        It is evaluated in another process, as nobody can tell how long it takes.
        Raises RpcErrors where it is no XPath, selects no nodes, or takes too long.
        """
        question: dict[str, Any] = {"ask": "xpath", "expression": expression, "namespaces": dict(namespaces)}
        try:
            answer = self._xpath.ask(question, etree.tostring(tree, encoding="UTF-8"))
        except HelperError as error:
            what = "the XPath expression takes too long; make it simpler" if error.late else f"XPath failed: {error}"
            raise RpcErrors([resource_denied(what)]) from error
        if "error" in answer:
            raise RpcErrors([operation_failed(answer["error"])])
        numbers = set(answer["nodes"])
        return [element for number, element in enumerate(tree.iter()) if number in numbers]

    def check_operation(self, element: Element) -> Element:
        """Check the input of an RPC, or of an action at the element that stands for the action itself.

        element: the RPC's or action's element, below <rpc> or inside <action>.
        Returns the same element, whose leafs have canonical values now, with the defaults of those that were absent.
        Prefixes in values are the schema's, whatever is declared where they stand.
        Raises RpcErrors.
        """
        return self._operations.check(element)

    def check_value(self, node: SchemaNode, text: str, namespaces: Mapping[str | None, str]) -> Value:
        """Return a leaf's value in canonical form.

        namespaces: those in scope where the text stands.
        Raises ValueError saying what is wrong with it.
        """
        if node.type is None:
            raise ValueError(f"'{node.name}' has no value")
        return node.type.parse(text, namespaces)

    def to_json(self, tree: Element) -> str:
        """Return a data tree as canonical, indented JSON (RFC 7951): the same tree is always the same text."""
        return to_json(tree, self.top)

    def from_json(self, text: str, *, default_module: str | None = None, single_entries: bool = False) -> Element:
        """Return the data tree of JSON (RFC 7951).

        default_module: the module of top-level names without one; None takes such names for mistakes.
        single_entries: an object where a list is due is a list of one.
        Raises RpcErrors, with lines.
        """
        try:
            return from_json(text, self.names, self.modules, default_module, single_entries=single_entries)
        except RpcErrors as error:
            raise RpcErrors(self.locate(text, error.errors)) from error

    def from_xml(self, text: bytes) -> Element:
        """Return the data tree of a document with root <data> or <config>, in canonical form.

        Raises RpcErrors, with lines.
        """
        try:
            root = parse(text)
        except XmlError as error:
            raise RpcErrors([replace(malformed_message(error.what), line=error.line or None)]) from error
        return self._read(root, lines=True)

    def canonical(self, tree: Element) -> Element:
        """Return a copy of a data tree with canonical values, prefixes and order of keys.

        Raises RpcErrors for what the schema does not allow to be there.
        """
        return self._read(tree, lines=False)

    def with_defaults(self, tree: Element, mode: WithDefaults) -> Element:
        """Return a copy of a data tree with defaults as a mode of RFC 6243 has them.

        The server's basic mode is explicit: a tree contains what clients have set.
        """
        result = copy(tree)
        if mode in {"report-all", "report-all-tagged"}:
            self._defaults.fill(result, tag=mode == "report-all-tagged")
        elif mode == "trim":
            self._defaults.trim(result)
        return result

    def not_allowed(self, tree: Element) -> list[Element]:
        """Return the elements of a data tree whose "when" is not met (RFC 7950, 7.21.5)."""
        return self._defaults.not_allowed(tree)

    def locate(self, text: str, errors: Sequence[RpcError]) -> list[RpcError]:
        """Return errors of a tree with the lines of the JSON text that it was read from, where they can be known."""
        paths = [self._steps(error) for error in errors]
        if not any(paths):
            return list(errors)
        lines = iter(find_lines(text, [path for path in paths if path], self.modules))
        return [replace(error, line=next(lines)) if path else error for error, path in zip(errors, paths, strict=True)]

    def close(self) -> None:
        """End the helper processes, if there are any."""
        self._validation.close()
        self._xpath.close()

    def _steps(self, error: RpcError) -> tuple[Step, ...]:
        if error.path is None or error.line is not None:
            return ()
        try:
            return parse_xml(error.path.text, error.path.namespaces)
        except ValueError:
            return ()

    def _read(self, tree: Element, *, lines: bool) -> Element:
        reader = Reader(self.names, lines=lines)
        result = new_data()
        reader.children(tree, result, self.top)
        reader.errors.raise_any()
        return result


__all__ = ["Schema", "SchemaError", "WithDefaults"]
