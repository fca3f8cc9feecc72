"""The schema of most of these tests, and libyang's opinion of the same modules."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import files
from pathlib import Path
from typing import Final

import oopt_gnpy_libyang as libyang
from lxml import etree

from nc.errors import RpcErrors
from nc.schema import ModuleRequest, Schema
from nc.xml import Element, parse

HERE: Final = Path(__file__).parent
NS: Final = {"t": "urn:example:nc-test", "augment": "urn:example:nc-augment"}
MODULES: Final = [
    ModuleRequest("nc-test", frozenset({"on"})),
    ModuleRequest("nc-augment"),
    ModuleRequest("ietf-netconf", frozenset({"candidate", "xpath", "validate"})),
    ModuleRequest("ietf-netconf-acm"),
    ModuleRequest("ietf-datastores"),
    ModuleRequest("ietf-origin"),
    ModuleRequest("ietf-netconf-nmda"),
    ModuleRequest("ietf-netconf-with-defaults"),
    ModuleRequest("notifications"),
    ModuleRequest("nc-notifications"),
]

WHOLE: Final = """{
  "nc-test:top": {
    "name": "x",
    "server": [
      {"name": "a", "address": "192.0.2.1", "weight": 1, "nc-augment:pet": "nc-test:dog"},
      {"name": "it's", "port": 5}
    ],
    "pair": [{"first": 1, "second": "dog"}],
    "step": [{"name": "2"}, {"name": "1", "tag": ["q", "p"]}],
    "number": [3, 1, 2],
    "nagle": [null],
    "box": {"size": 3}
  },
  "nc-test:values": {
    "int64": "-5",
    "decimal": "1.5",
    "boolean": true,
    "bits": "a c",
    "identity": "nc-augment:cat",
    "union": 7,
    "instance": "/nc-test:top/server[name='a']/nc-augment:pet",
    "text": "ä \\" \\\\ \\n"
  }
}"""
"""A configuration with something of everything."""


def module_path() -> list[Path]:
    """Where modules are: ours, the library's, and those of pyang's distribution."""
    found = {Path(str(entry.locate())).resolve().parent for entry in files("pyang") or () if entry.suffix == ".yang"}
    return [HERE / "yang", HERE.parents[1] / "nc/yang", *sorted(found)]


@contextmanager
def example_schema() -> Iterator[Schema]:
    schema = Schema.load(MODULES, module_path())
    try:
        yield schema
    finally:
        schema.close()


def libyang_context() -> libyang.Context:
    libyang.set_log_options(libyang.LogOptions.Store)
    path = ":".join(str(place) for place in module_path())
    context = libyang.Context(path, libyang.ContextOptions.NoYangLibrary | libyang.ContextOptions.DisableSearchCwd)
    for request in MODULES[:4]:
        context.load_module(request.name, None, sorted(request.features or ()))
    return context


def document(tree: Element) -> str:
    """The children of a data tree, as libyang reads and writes them."""
    return b"".join(etree.tostring(child, encoding="UTF-8") for child in tree).decode()


def data(inside: str) -> Element:
    """A <data> element, with the prefixes t and augment."""
    scope = " ".join(f'xmlns:{prefix}="{namespace}"' for prefix, namespace in NS.items())
    return parse(f'<data xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" {scope}>{inside}</data>'.encode())


def facts(error: RpcErrors) -> list[tuple[str, str, str]]:
    """What matters of errors: tag, path, app-tag."""
    return [(one.tag, str(one.path or ""), one.app_tag or "") for one in error.errors]
