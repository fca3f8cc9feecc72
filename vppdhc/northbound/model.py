"""The data model: which YANG modules the daemon serves, and where they are found."""

import sysconfig
from pathlib import Path
from typing import Final

import nc
from nc.build import Builder
from nc.capabilities import MODULES
from nc.schema import ModuleRequest, Schema

NAMESPACE: Final = "urn:vppdhc:yang"
MODULE: Final = "vppdhc"
BUILD: Final = Builder(NAMESPACE, MODULE)
"""Makes elements of the model."""

_SHARED: Final = Path(sysconfig.get_path("data")) / "share/yang/modules"
"""Where pyang installs the IETF's modules, and we install ours."""


def load_schema(model: Path | None = None) -> Schema:
    """Compile the model with all that the NETCONF server itself needs; takes a few tenths of a second.

    model: directory of our modules; None is where they are installed, or where the source is.
    Raises SchemaError where modules are missing: an installation that is not complete.
    """
    source = Path(__file__).parents[2] / "yang"
    ours = source if source.is_dir() else _SHARED / MODULE
    path = [model or ours, Path(nc.__file__).with_name("yang"), _SHARED / "ietf", _SHARED / "iana"]
    return Schema.load([*MODULES, ModuleRequest(MODULE)], path)


def name(local: str) -> str:
    """Return the lxml name of a node of the model."""
    return f"{{{NAMESPACE}}}{local}"
