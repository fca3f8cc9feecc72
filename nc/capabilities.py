"""What the server can do: the capabilities of its hello, and the modules they need."""

from typing import Final

from nc.schema import ModuleInfo, ModuleRequest, Schema
from nc.yang_library import YangLibrary

MODULES: Final = (
    ModuleRequest(
        "ietf-netconf", frozenset({"candidate", "confirmed-commit", "rollback-on-error", "validate", "xpath"})
    ),
    ModuleRequest("ietf-netconf-with-defaults"),
    ModuleRequest("ietf-netconf-nmda", frozenset({"origin", "with-defaults"})),
    ModuleRequest("ietf-netconf-monitoring"),
    ModuleRequest("ietf-netconf-notifications"),
    ModuleRequest("ietf-netconf-acm"),
    ModuleRequest("ietf-datastores"),
    ModuleRequest("ietf-origin"),
    ModuleRequest("ietf-yang-library"),
    ModuleRequest("notifications"),
    ModuleRequest("nc-notifications"),
    ModuleRequest("nc-transports"),
)
"""What a schema needs for the operations and the state of the server itself."""

_DEFAULTS: Final = "basic-mode={}&also-supported={}"
_CAPABILITY: Final = "urn:ietf:params:netconf:capability:"


def capabilities(schema: Schema, library: YangLibrary) -> list[str]:
    """List the capabilities of the server (RFC 6241, section 8, and the RFCs of each)."""
    with_defaults = _DEFAULTS.format("explicit", "report-all,report-all-tagged,trim")
    operational_defaults = _DEFAULTS.format("report-all", "report-all-tagged,trim,explicit")
    return [
        "urn:ietf:params:netconf:base:1.0",
        "urn:ietf:params:netconf:base:1.1",
        f"{_CAPABILITY}candidate:1.0",
        f"{_CAPABILITY}confirmed-commit:1.1",
        f"{_CAPABILITY}rollback-on-error:1.0",
        f"{_CAPABILITY}validate:1.1",
        f"{_CAPABILITY}xpath:1.0",
        f"{_CAPABILITY}notification:1.0",
        f"{_CAPABILITY}interleave:1.0",
        f"{_CAPABILITY}with-defaults:1.0?{with_defaults}",
        f"{_CAPABILITY}with-operational-defaults:1.0?{operational_defaults}",
        *library.capabilities(),
        *(_module(module) for module in schema.modules.values() if _is_announced(module)),
    ]


def _is_announced(module: ModuleInfo) -> bool:
    """Modules of YANG 1.1 are found in the YANG library only (RFC 7950, 5.6.4)."""
    return module.yang_version == "1" and not module.import_only


def _module(module: ModuleInfo) -> str:
    """The capability of a module of YANG 1 (RFC 6020, 5.6.4)."""
    parameters = [("module", module.name), ("revision", module.revision)]
    parameters += [("features", ",".join(module.features)), ("deviations", ",".join(module.deviations))]
    query = "&".join(f"{name}={value}" for name, value in parameters if value)
    return f"{module.namespace}?{query}"
