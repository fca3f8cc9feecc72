"""get, get-config (RFC 6241, 7.1 and 7.7) and get-data (RFC 8526, 3.1.1).

All of them go the same way: copy what may be wanted, add the state that may be wanted, take out what the user may not
read, and only then filter: a filter must not tell him of what he may not read (RFC 8341, 3.2.4).
"""

from collections.abc import Sequence
from itertools import islice
from typing import Final

from lxml import etree

from nc.access import AccessControl
from nc.datastore import CANDIDATE, RUNNING, Datastores
from nc.defaults import DefaultedTrees, apply_mode
from nc.errors import invalid_value
from nc.filter import EVERYTHING, Filter, Want, filter_config
from nc.origin import apply_mode_in_use, filter_origin, mark, strip
from nc.rpc.request import (
    Request,
    filter_in,
    namespaces_at,
    unsupported_datastore,
    with_defaults_in,
)
from nc.schema import Schema, WithDefaults
from nc.select import select
from nc.state import Operational
from nc.xml import NC, NMDA, Element, elements, qname

OPERATIONAL: Final = "operational"
INTENDED: Final = "intended"

_OF_ORIGIN: Final = tuple(qname(NMDA, name) for name in ("with-origin", "origin-filter", "negated-origin-filter"))
_SMALL: Final = 500
"""Elements of a reply up to which it is looked into for the prefixes in it."""


class Retrieval:
    """Reads datastores and state."""

    def __init__(self, schema: Schema, datastores: Datastores, operational: Operational, access: AccessControl) -> None:
        self._schema = schema
        self._datastores = datastores
        self._operational = operational
        self._access = access
        self._defaulted = DefaultedTrees(schema)
        self._prefixes = {
            module.prefix: module.namespace for module in schema.modules.values() if not module.import_only
        }

    def get_config(self, request: Request) -> Sequence[Element]:
        """Read the configuration of a datastore."""
        name = request.datastore("source")
        filter_ = filter_in(request.input)
        tree = self._configuration(name, self._want(filter_), with_defaults_in(request) or "explicit")
        self._access.prune(request.session, tree)
        return [self._as_data(tree if filter_ is None else filter_.apply(self._schema, tree), NC)]

    def get(self, request: Request) -> Sequence[Element]:
        """Read running and the state."""
        filter_ = filter_in(request.input)
        mode = with_defaults_in(request) or "explicit"
        want = self._want(filter_)
        tree = self._configuration(RUNNING, want, mode)
        self._operational.add_state(tree, want, configuration=False)
        apply_mode(self._schema.top, tree, mode)
        self._access.prune(request.session, tree)
        return [self._as_data(tree if filter_ is None else filter_.apply(self._schema, tree), NC)]

    def get_data(self, request: Request) -> Sequence[Element]:
        """Read one of the datastores of NMDA."""
        name = request.datastore("datastore", NMDA)
        filter_ = _data_filter(request.input)
        want = self._want(filter_)
        mode = with_defaults_in(request, NMDA)
        origins = _origins(request)
        if name == OPERATIONAL:
            tree = self._in_use(want, mode or "report-all")
        else:
            tree = self._configuration(name, want, mode or "explicit")
        self._access.prune(request.session, tree)
        tree = self._filtered(tree, filter_, request.text("max-depth", NMDA))
        config = request.text("config-filter", NMDA)
        if config is not None:
            tree = filter_config(self._schema, tree, config=config == "true")
        if origins is not None:
            filter_origin(self._schema.top, tree, origins[0], negated=origins[1])
        if not request.has("with-origin", NMDA):
            strip(tree)
        return [self._as_data(tree, NMDA)]

    def _want(self, filter_: Filter | None) -> Want:
        return EVERYTHING if filter_ is None else filter_.want(self._schema)

    def _configuration(self, name: str, want: Want, mode: WithDefaults) -> Element:
        """Copy what is wanted of a configuration datastore. Intended is running: nothing in between changes it."""
        if name not in {RUNNING, CANDIDATE, INTENDED}:
            raise unsupported_datastore(name)
        datastore = CANDIDATE if name == CANDIDATE else RUNNING
        tree = self._datastores.candidate if datastore == CANDIDATE else self._datastores.running
        return select(self._schema.top, self._defaulted.get(datastore, tree, mode), want)

    def _in_use(self, want: Want, mode: WithDefaults) -> Element:
        """Make what is wanted of the operational datastore: all values in use, with their origins (RFC 8342, 5.3)."""
        tree = self._configuration(RUNNING, want, "report-all-tagged")
        mark(tree)
        self._operational.add_state(tree, want, configuration=True)
        apply_mode_in_use(self._schema.top, tree, mode)
        return tree

    def _filtered(self, tree: Element, filter_: Filter | None, depth: str | None) -> Element:
        """Filter a tree; without a filter the depth counts from the top-level nodes, as if they had been selected."""
        if depth not in {None, "unbounded"}:
            selected = filter_ or Filter.xpath("/*", {})
            return selected.apply(self._schema, tree, max_depth=int(depth or 0))
        return tree if filter_ is None else filter_.apply(self._schema, tree)

    def _as_data(self, tree: Element, namespace: str) -> Element:
        """Give a tree the root that it has in a reply.

        On it the prefixes are declared that values may have, as lxml drops declarations when elements are moved. In
        a small reply only those that are used are worth their place.
        """
        prefixes = self._prefixes
        if sum(1 for _ in islice(tree.iter(), _SMALL)) < _SMALL:
            text = etree.tostring(tree)
            prefixes = {name: uri for name, uri in prefixes.items() if f"{name}:".encode() in text}
        data = etree.Element(qname(namespace, "data"), nsmap=prefixes)
        data.extend(list(tree))
        return data


def look_at_origins(get_data: Element) -> None:
    """Refuse to ask for origins where there are none: RFC 8526 wants invalid-value, where the schema says otherwise."""
    name = (get_data.findtext(qname(NMDA, "datastore")) or "").strip().rpartition(":")[2]
    if name != OPERATIONAL and any(get_data.find(parameter) is not None for parameter in _OF_ORIGIN):
        raise invalid_value(f"the datastore {name} has no origins", type_="protocol")


def _data_filter(operation: Element) -> Filter | None:
    """Read the filter of get-data, a subtree-filter or an xpath-filter."""
    for parameter in elements(operation):
        if parameter.tag == qname(NMDA, "subtree-filter"):
            return Filter.subtree(parameter)
        if parameter.tag == qname(NMDA, "xpath-filter"):
            return Filter.xpath(parameter.text or "", namespaces_at(parameter))
    return None


def _origins(request: Request) -> tuple[list[str], bool] | None:
    """Read origin-filter or negated-origin-filter: the identities' names, and whether they are negated; or None."""
    for name, negated in (("origin-filter", False), ("negated-origin-filter", True)):
        leafs = request.input.findall(qname(NMDA, name))
        if leafs:
            return [(leaf.text or "").rpartition(":")[2] for leaf in leafs], negated
    return None
