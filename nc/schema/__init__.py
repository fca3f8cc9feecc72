"""Data models in YANG: the only package that knows pyang and libyang."""

from nc.schema.node import Choice, Kind, ModuleInfo, ModuleRequest, SchemaNode, SubmoduleInfo, Value
from nc.schema.schema import Schema, SchemaError, WithDefaults

__all__ = [
    "Choice",
    "Kind",
    "ModuleInfo",
    "ModuleRequest",
    "Schema",
    "SchemaError",
    "SchemaNode",
    "SubmoduleInfo",
    "Value",
    "WithDefaults",
]
