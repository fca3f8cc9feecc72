"""The YANG library (RFC 8525): which modules, features and datastores the server has."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from nc.build import Builder
from nc.filter import Want
from nc.schema import ModuleInfo, Schema, SubmoduleInfo
from nc.xml import DATASTORES, LIBRARY, Element

REVISION: Final = "2019-01-04"
"""Of ietf-yang-library, for the capability (RFC 8525, section 3; RFC 8526, section 2)."""

_BUILD: Final = Builder(LIBRARY, "yanglib", {"ds": DATASTORES})
_SET: Final = "complete"
"""Name of the one module-set, and of the one schema, that all datastores have."""

_DATASTORES: Final = ("running", "candidate", "intended", "operational")


class YangLibrary:
    """What the server says of its modules.

    content_id: changes whenever anything in the library does.
    """

    def __init__(self, schema: Schema) -> None:
        self._modules = sorted(schema.modules.values(), key=_order)
        self.content_id: Final = content_id(self._modules)

    def capabilities(self) -> list[str]:
        """Give the capabilities that lead clients here: of RFC 8526, and for older clients of RFC 7950, 5.6.4."""
        base = "urn:ietf:params:netconf:capability:yang-library"
        return [
            f"{base}:1.1?revision={REVISION}&content-id={self.content_id}",
            f"{base}:1.0?revision={REVISION}&module-set-id={self.content_id}",
        ]

    def update(self) -> Element:
        """Make the notification yang-library-update."""
        return _BUILD.node("yang-library-update", _BUILD.leafs(content_id=self.content_id))

    def library(self) -> Element:
        """Make the container yang-library."""
        module_set = _BUILD.node("module-set", _BUILD.leafs(name=_SET))
        module_set.extend(_module(module) for module in self._modules if not module.import_only)
        module_set.extend(_imported(module) for module in self._modules if module.import_only)
        schema = _BUILD.node("schema", _BUILD.leafs(name=_SET, module_set=_SET))
        datastores = [_BUILD.node("datastore", _BUILD.leafs(name=f"ds:{name}", schema=_SET)) for name in _DATASTORES]
        return _BUILD.node("yang-library", [module_set, schema, *datastores, *_BUILD.leafs(content_id=self.content_id)])

    def modules_state(self) -> Element:
        """Make the container modules-state, which clients from before RFC 8525 read."""
        modules = [_BUILD.node("module", self._old_module(module)) for module in self._modules]
        return _BUILD.node("modules-state", [*_BUILD.leafs(module_set_id=self.content_id), *modules])

    def _old_module(self, module: ModuleInfo) -> Iterator[Element]:
        yield from _BUILD.leafs(name=module.name, revision=module.revision, namespace=module.namespace)
        yield from (_BUILD.leaf("feature", feature) for feature in module.features)
        revisions = {other.name: other.revision for other in self._modules}
        for deviation in module.deviations:
            yield _BUILD.node("deviation", _BUILD.leafs(name=deviation, revision=revisions[deviation]))
        yield _BUILD.leaf("conformance-type", "import" if module.import_only else "implement")
        for submodule in module.submodules:
            yield _BUILD.node("submodule", _BUILD.leafs(name=submodule.name, revision=submodule.revision))


class YangLibraryState:
    """The container yang-library as operational state."""

    path = "/ietf-yang-library:yang-library"

    def __init__(self, library: YangLibrary) -> None:
        self._library = library

    def read(self, want: Want) -> Iterator[Element]:
        """Give the container."""
        yield self._library.library()


class ModulesState:
    """The container modules-state as operational state."""

    path = "/ietf-yang-library:modules-state"

    def __init__(self, library: YangLibrary) -> None:
        self._library = library

    def read(self, want: Want) -> Iterator[Element]:
        """Give the container."""
        yield self._library.modules_state()


def _module(module: ModuleInfo) -> Element:
    return _BUILD.node(
        "module",
        [
            *_BUILD.leafs(name=module.name, revision=module.revision or None, namespace=module.namespace),
            *map(_submodule, module.submodules),
            *(_BUILD.leaf("feature", feature) for feature in module.features),
            *(_BUILD.leaf("deviation", deviation) for deviation in module.deviations),
        ],
    )


def _imported(module: ModuleInfo) -> Element:
    return _BUILD.node(
        "import-only-module",
        [
            *_BUILD.leafs(name=module.name, revision=module.revision, namespace=module.namespace),
            *map(_submodule, module.submodules),
        ],
    )


def _order(module: ModuleInfo) -> tuple[str, str]:
    return module.name, module.revision


def _submodule(submodule: SubmoduleInfo) -> Element:
    return _BUILD.node("submodule", _BUILD.leafs(name=submodule.name, revision=submodule.revision or None))


def content_id(modules: Iterable[ModuleInfo]) -> str:
    """Make a short text of everything that the library says of modules; it is another one when anything is."""
    digest = hashlib.blake2b(digest_size=16)
    for module in sorted(modules, key=_order):
        about = (
            module.name,
            module.revision,
            module.namespace,
            sorted(module.features),
            sorted(module.deviations),
            sorted((submodule.name, submodule.revision) for submodule in module.submodules),
            module.import_only,
        )
        digest.update(repr(about).encode())
    return digest.hexdigest()


def announce(library: YangLibrary, last_seen: Path, publish: Callable[[Element], None]) -> None:
    """Publish yang-library-update where the library is another one than when the server last started (RFC 8525).

    While the server runs the library never changes; who replays notifications after an upgrade learns of it.

    last_seen: file with the content-id of the last start; written where it differs.
    Raises OSError where it cannot be read or written.
    """
    before = last_seen.read_text(encoding="utf-8") if last_seen.exists() else None
    if before == library.content_id:
        return
    last_seen.write_text(library.content_id, encoding="utf-8")
    if before is not None:
        publish(library.update())
