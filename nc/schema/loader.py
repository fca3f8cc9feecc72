"""Reading modules with pyang: which there are, what is wrong with them, and their source."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from pyang import error as pyang_error
from pyang.context import Context
from pyang.repository import FileRepository
from pyang.statements import Statement
from pyang.translators.yin import emit_yin

from nc.schema.compiler import Compiler
from nc.schema.node import ModuleInfo, ModuleRequest, SchemaNode, SubmoduleInfo
from nc.schema.reftypes import Identity
from nc.schema.typecompiler import TypeCompiler


class SchemaError(Exception):
    """Modules that cannot be used; the text names files, lines and what is wrong."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """Everything that a set of modules says; see Schema."""

    modules: dict[str, ModuleInfo]
    identities: dict[tuple[str, str], Identity]
    top: dict[str, SchemaNode]
    rpcs: dict[str, SchemaNode]
    notifications: dict[str, SchemaNode]


def load(requests: Sequence[ModuleRequest], path: Sequence[Path]) -> Compiled:
    """Read and compile modules; see Schema.load()."""
    context = _read(requests, path)
    implemented = {request.name: _module(context, request.name) for request in requests}
    infos = {info.name: info for info in _infos(context, implemented)}
    namespaces = {name: info.namespace for name, info in infos.items()}
    identities = _identities(implemented.values(), infos)
    top: dict[str, SchemaNode] = {}
    types = TypeCompiler(
        top,
        identities,
        {info.namespace: info.prefix for info in infos.values()},
        {namespace: name for name, namespace in namespaces.items()},
    )
    compiler = Compiler(types, {name: namespaces[name] for name in implemented}, top)
    try:
        for module in implemented.values():
            compiler.add(module)
        compiler.finish()
    except ValueError as error:
        raise SchemaError(str(error)) from error
    return Compiled(infos, identities, top, compiler.rpcs, compiler.notifications)


def yin(name: str, path: Sequence[Path]) -> str:
    """Return the YIN form of a module or submodule (RFC 7950, section 13)."""
    context = Context(_repository(path))
    context.opts = SimpleNamespace(yin_canonical=False, yin_pretty_strings=False)
    statement = context.search_module(pyang_error.Position(name), name)
    # The namespaces of imported modules are written too, so these have to be found.
    context.validate()
    output = io.StringIO()
    emit_yin(context, statement, output)
    return output.getvalue()


def _repository(path: Sequence[Path]) -> FileRepository:
    return FileRepository(os.pathsep.join(str(place) for place in path), use_env=False, no_path_recurse=True)


def _read(requests: Sequence[ModuleRequest], path: Sequence[Path]) -> Context:
    context = Context(_repository(path))
    # A module that is only imported has no feature (RFC 8525, import-only-module).
    context.features = {name: [] for name in context.revs}
    for request in requests:
        if request.features is None:
            context.features.pop(request.name, None)
        else:
            context.features[request.name] = sorted(request.features)
    modules = [context.search_module(pyang_error.Position(request.name), request.name) for request in requests]
    context.validate()
    problems = [
        f"{position.ref}:{position.line}: {pyang_error.err_to_str(tag, arguments)}"
        for position, tag, arguments in context.errors
        if pyang_error.is_error(pyang_error.err_level(tag))
    ]
    for request, module in zip(requests, modules, strict=True):
        unknown = sorted((request.features or frozenset()) - set(module.i_features)) if module is not None else ()
        problems += [f"{request.name}: there is no feature '{name}'" for name in unknown]
    if problems:
        raise SchemaError("\n".join(problems))
    return context


def _module(context: Context, name: str) -> Statement:
    return next(statement for (found, _), statement in context.modules.items() if found == name)


def _infos(context: Context, implemented: Mapping[str, Statement]) -> Iterator[ModuleInfo]:
    """Describe every module that was read, the implemented ones first, as their prefixes come first."""
    imported = [
        statement
        for (name, _), statement in sorted(context.modules.items())
        if statement.keyword == "module" and name not in implemented
    ]
    deviations = _deviations(implemented.values())
    prefixes: set[str] = set()
    for module in [*implemented.values(), *imported]:
        prefix = module.i_prefix if module.i_prefix not in prefixes else module.arg
        prefixes.add(prefix)
        on = set(module.i_features) & set(context.features.get(module.arg, module.i_features))
        yield ModuleInfo(
            name=module.arg,
            revision=_revision(module),
            namespace=module.search_one("namespace").arg,
            yang_version=module.i_version,
            prefix=prefix,
            features=tuple(sorted(name for name in on if not hasattr(module.i_features[name], "i_not_implemented"))),
            deviations=tuple(sorted(deviations.get(module.arg, ()))),
            submodules=tuple(_submodules(context, module)),
            import_only=module.arg not in implemented,
            path=Path(module.pos.ref),
        )


def _revision(statement: Statement) -> str:
    return max((revision.arg for revision in statement.search("revision")), default="")


def _submodules(context: Context, module: Statement) -> Iterator[SubmoduleInfo]:
    for (name, _), statement in sorted(context.modules.items()):
        if statement.keyword == "submodule" and statement.i_including_modulename == module.arg:
            yield SubmoduleInfo(name, _revision(statement), Path(statement.pos.ref))


def _deviations(modules: Iterable[Statement]) -> dict[str, set[str]]:
    """Return the names of the modules that deviate from each module."""
    deviations: dict[str, set[str]] = {}
    for module in modules:
        for deviation in module.search("deviation"):
            target = deviation.i_target_node
            deviations.setdefault(target.i_module.i_modulename, set()).add(module.arg)
    return deviations


def _identities(modules: Iterable[Statement], infos: Mapping[str, ModuleInfo]) -> dict[tuple[str, str], Identity]:
    """Return the identities that values can be: those of implemented modules (RFC 7950, 9.10.2)."""
    identities = {}
    for module in modules:
        info = infos[module.arg]
        for name, statement in module.i_identities.items():
            if not hasattr(statement, "i_not_implemented"):
                bases = frozenset(_bases(statement))
                identities[module.arg, name] = Identity(module.arg, name, info.namespace, info.prefix, bases)
    return identities


def _bases(identity: Statement) -> Iterator[tuple[str, str]]:
    for base in identity.search("base"):
        yield base.i_identity.i_module.i_modulename, base.i_identity.arg
        yield from _bases(base.i_identity)
