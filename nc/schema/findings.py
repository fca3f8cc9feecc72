"""From what the validator says to the rpc-errors of RFC 7950, section 15."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from nc.errors import (
    INSTANCE_REQUIRED,
    MUST_VIOLATION,
    NON_UNIQUE,
    TOO_FEW,
    TOO_MANY,
    InstancePath,
    RpcError,
    bad_element,
    data_exists,
    data_missing,
    invalid_value,
    missing_choice,
    not_unique,
    operation_failed,
    unknown_element,
)
from nc.schema.instance import Step, follow, parse_json
from nc.schema.node import SchemaNode
from nc.schema.tree import Names
from nc.schema.types import Scope
from nc.schema.validator import Finding
from nc.xml import namespace_of, qname

_UNIQUE: Final = re.compile(
    r'leaf\(s\) "(?P<leafs>[^"]*)" not satisfied in "(?P<one>.*)" and "(?P<other>.*)"\.', re.DOTALL
)
_MISSING: Final = re.compile(r'Mandatory (?P<what>node|choice) "(?P<name>[^"]*)"')
_FAILED: Final = frozenset({MUST_VIOLATION, TOO_MANY, TOO_FEW})


class Findings:
    """Translates findings.

    modules: namespaces by module name.
    """

    def __init__(self, names: Names, modules: Mapping[str, str]) -> None:
        self._names = names
        self._modules = modules
        self._scope: Scope = {info: modules[info] for info in modules}

    def error(self, finding: Finding) -> RpcError:
        """Return the rpc-error for a finding."""
        path = self._path(finding.path)
        message = finding.message if path or not finding.path else f"{finding.path}: {finding.message}"
        missing = _MISSING.search(finding.message)
        if missing:
            return self._missing(finding, missing["what"], missing["name"])
        if finding.app_tag == NON_UNIQUE:
            return self._not_unique(finding, path)
        if finding.app_tag == INSTANCE_REQUIRED:
            return data_missing(message, path, app_tag=INSTANCE_REQUIRED)
        if finding.app_tag:
            # A "must" with an error-app-tag of its own; values with one have been refused before.
            return operation_failed(message, path, app_tag=finding.app_tag)
        tag = self._tag(finding.path)
        if finding.message.startswith("When condition"):
            return unknown_element(tag, path, message=message)
        if finding.message.startswith("Duplicate instance"):
            return data_exists(message, path)
        if finding.message.startswith("Data for both cases"):
            return bad_element(tag, message, path)
        return invalid_value(message, path)

    def _missing(self, finding: Finding, what: str, name: str) -> RpcError:
        """The path ends with what is not there; for a choice, with the node that it is in (RFC 7950, 15.6)."""
        steps = self._steps(finding.path) if finding.path else ()
        if what == "choice":
            message = f"one of the cases of '{name}' has to be there"
            return missing_choice(message, name, self._names.write(steps) if steps else None)
        if steps:
            namespace = self._child_namespace(steps, name)
            path = self._names.write((*steps, Step(qname(namespace, name))))
        else:
            # Without a data path it is a top-level node, and its schema path is its path.
            path = self._path(finding.missing) or InstancePath("/")
        return data_missing(f"'{name}' has to be there", path)

    def _not_unique(self, finding: Finding, path: InstancePath | None) -> RpcError:
        """RFC 7950, 15.1: every leaf that is part of it is named."""
        match = _UNIQUE.search(finding.message)
        if match is None:
            return not_unique(finding.message, [], path)
        leafs = []
        for entry in (match["one"], match["other"]):
            steps = self._steps(entry)
            for relative in match["leafs"].split() if steps else ():
                below: tuple[Step, ...] = steps
                for name in relative.split("/"):
                    below = (
                        *below,
                        Step(qname(self._child_namespace(below, name.rpartition(":")[2]), name.rpartition(":")[2])),
                    )
                leafs.append(self._names.write(below))
        return not_unique(finding.message, leafs, path)

    def _path(self, text: str) -> InstancePath | None:
        steps = self._steps(text) if text else ()
        return self._names.write(steps) if steps else None

    def _tag(self, text: str) -> str:
        steps = self._steps(text) if text else ()
        return steps[-1].tag if steps else "data"

    def _steps(self, text: str) -> tuple[Step, ...]:
        """Read a data path; () where it cannot be read, as with a key that has both kinds of quotes in it."""
        try:
            steps = parse_json(text, self._modules)
            return tuple(self._canonical(steps[:number]) for number in range(1, len(steps) + 1))
        except ValueError:
            return ()

    def _canonical(self, steps: tuple[Step, ...]) -> Step:
        """Return the last step with its keys as XML has them; libyang has the names of modules in them."""
        node = follow(self._names.top, steps)
        step = steps[-1]
        keys = []
        for tag, value in step.keys:
            leaf = node if tag == "." else node.children[tag]
            assert leaf.type is not None
            keys.append((tag, leaf.type.parse(value, self._scope).text))
        return Step(step.tag, tuple(keys), step.position)

    def _child_namespace(self, steps: tuple[Step, ...], name: str) -> str:
        """Return the namespace of a child that is only known by its name."""
        node: SchemaNode = follow(self._names.top, steps)
        matching = (child.namespace for child in node.children.values() if child.name == name)
        return next(matching, namespace_of(steps[-1].tag))
