"""The model as libyang sees it, for the tests beside."""

import json
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path
from typing import Any

import oopt_gnpy_libyang as libyang

MODELS = Path(__file__).resolve().parents[2] / "yang"


def _standard_modules() -> list[Path]:
    """Return the directories with the IETF and IANA modules that pyang brings."""
    return sorted({Path(str(file.locate())).parent for file in files("pyang") or () if file.suffix == ".yang"})


SEARCH_PATH = [MODELS, *_standard_modules()]


@dataclass(frozen=True)
class Refusal:
    """One error of a document: where it is, and its error-app-tag."""

    path: str | None
    app_tag: str | None


class Model:
    """Module vppdhc in a libyang context."""

    def __init__(self) -> None:
        libyang.set_log_level(libyang.LogLevel.Warning)
        libyang.set_log_options(libyang.LogOptions.Store)
        self._context = libyang.Context(":".join(map(str, SEARCH_PATH)))
        self._context.load_module("vppdhc")
        self.complaints = [error.message for error in self._context.errors()]
        self._context.clean_all_errors()

    def parse(self, tree: dict[str, Any]) -> dict[str, Any]:
        """Return a valid configuration with all defaults; raises libyang.Error for another."""
        root = self._context.parse_data(
            json.dumps(tree),
            libyang.DataFormat.JSON,
            libyang.ParseOptions.Strict | libyang.ParseOptions.NoState,
            libyang.ValidationOptions.MultiError | libyang.ValidationOptions.NoState,
        )
        assert root is not None
        flags = libyang.PrintFlags.WithSiblings | libyang.PrintFlags.WithDefaultsAll
        printed: dict[str, Any] = json.loads(root.print(libyang.DataFormat.JSON, flags) or "{}")
        return printed

    def refusals(self, tree: dict[str, Any]) -> list[Refusal]:
        """Return every error of a configuration; none for a valid one."""
        self._context.clean_all_errors()
        try:
            self.parse(tree)
        except libyang.Error:
            return [Refusal(error.data_path, error.app_tag) for error in self._context.errors()]
        return []


def qualified(tree: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with the module's name before each name at its top."""
    return {f"vppdhc:{name}": value for name, value in tree.items()}
