"""Validating whole configurations (RFC 7950, section 8) with libyang, which nobody else imports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import oopt_gnpy_libyang as libyang

from nc.errors import MOST_ERRORS


@dataclass(frozen=True, slots=True)
class Finding:
    """What libyang says is wrong.

    message: its words. path: a data path in the form of RFC 7951; "" for none. app_tag: "" for none.
    missing: a schema path of something that is not there at all; "" for none.
    """

    message: str
    path: str = ""
    missing: str = ""
    app_tag: str = ""


class Validator:
    """libyang with the implemented modules of a schema.

    It has newer revisions of ietf-inet-types and ietf-yang-types inside, and takes those where an import names none:
    what they do not allow is refused here, even where the older revision would allow it.

    modules: name, revision ("" for the latest) and the features that are on.
    path: directories with their files.
    """

    def __init__(self, modules: Sequence[tuple[str, str, Sequence[str]]], path: Sequence[Path]) -> None:
        libyang.set_log_options(libyang.LogOptions.Store)
        options = libyang.ContextOptions.NoYangLibrary | libyang.ContextOptions.DisableSearchCwd
        self._context = libyang.Context(":".join(str(place) for place in path), options)
        for name, revision, features in modules:
            self._context.load_module(name, revision or None, list(features))

    def check(self, document: str) -> list[Finding]:
        """Return everything that is wrong with a configuration.

        document: its top-level elements, one after the other.
        """
        self._context.clean_all_errors()
        parse = libyang.ParseOptions.Strict | libyang.ParseOptions.NoState
        validate = libyang.ValidationOptions.NoState | libyang.ValidationOptions.MultiError
        try:
            self._context.parse_data(document, libyang.DataFormat.XML, parse, validate)
        except libyang.Error as error:
            found = [
                Finding(entry.message or "", entry.data_path or "", entry.schema_path or "", entry.app_tag or "")
                for entry in self._context.errors()
                if entry.level == libyang.LogLevel.Error
            ]
            return list(dict.fromkeys(found))[:MOST_ERRORS] or [Finding(str(error))]
        return []
