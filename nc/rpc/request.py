"""What an operation gets, and how the parameters that several of them have are read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from nc.errors import InstancePath, bad_attribute, invalid_value, missing_attribute
from nc.filter import Filter
from nc.schema import WithDefaults
from nc.session import Session
from nc.xml import DATASTORES, NC, NMDA, WITH_DEFAULTS, Element, elements, local_name, namespace_of, qname

_DATASTORE: Final = qname(NMDA, "datastore")


@dataclass(frozen=True, slots=True)
class Request:
    """One protocol operation that is to be performed.

    input: the operation's element, checked against the schema: values are canonical, absent leafs have their defaults.
    sent: lxml names of the parameters that the client sent himself.
    prefixes: namespaces of the prefixes in values.
    """

    session: Session
    input: Element
    sent: frozenset[str]
    prefixes: Mapping[str, str]

    def text(self, name: str, namespace: str = NC) -> str | None:
        """Give the value of a parameter; None where it is absent and has no default."""
        return self.input.findtext(qname(namespace, name))

    def has(self, name: str, namespace: str = NC) -> bool:
        """Whether the client sent a parameter."""
        return qname(namespace, name) in self.sent

    def parameter(self, name: str, namespace: str = NC) -> Element:
        """Give a parameter that the schema says is there."""
        return next(self.input.iterchildren(qname(namespace, name)))

    def datastore(self, name: str, namespace: str = NC) -> str:
        """Name the datastore that a parameter is about; `config` where there is a configuration in it.

        name: of a source or target, or of a leaf of type datastore-ref. Datastores with an element of their own and
            those named by an identity (RFC 8526, 3.2) are named alike.

        Raises RpcError invalid-value for a datastore of a module that the server knows nothing of.
        """
        chosen = self.parameter(name, namespace)
        if chosen.tag != _DATASTORE:
            chosen = next(elements(chosen))
        if chosen.tag != _DATASTORE:
            return local_name(chosen.tag)
        prefix, _, identity = (chosen.text or "").rpartition(":")
        if self.prefixes.get(prefix) != DATASTORES:
            raise unsupported_datastore(chosen.text or "")
        return identity


Operation = Callable[[Request], Sequence[Element]]
"""Performs an operation and gives what the reply contains; nothing stands for <ok/>. Raises RpcError or RpcErrors."""


def unsupported_datastore(name: str) -> Exception:
    """Make the error for a datastore that the server has not, or that the operation is not for (RFC 8526, 3)."""
    return invalid_value(f"this is not possible with the datastore {name}", type_="protocol")


def filter_in(operation: Element, namespace: str = NC) -> Filter | None:
    """Read a `filter` parameter (RFC 6241, 6.1 and 8.9.5.1); None where there is none.

    Raises RpcError or RpcErrors.
    """
    element = operation.find(qname(namespace, "filter"))
    if element is None:
        return None
    # The attributes are written without a namespace or with NETCONF's own; clients do both.
    kind = element.get("type", element.get(qname(NC, "type"), "subtree"))
    namespaces = {"nc": NC, "op": namespace_of(operation.tag), "f": namespace}
    path = InstancePath(f"/nc:rpc/op:{local_name(operation.tag)}/f:filter", namespaces)
    if kind == "subtree":
        return Filter.subtree(element)
    if kind != "xpath":
        raise bad_attribute(element.tag, "type", f"there are no filters of type {kind}", path, "protocol")
    select = element.get("select", element.get(qname(NC, "select")))
    if select is None:
        raise missing_attribute(element.tag, "select", path, "protocol")
    return Filter.xpath(select, namespaces_at(element))


def namespaces_at(element: Element) -> dict[str, str]:
    """Give the namespaces in scope at an element that an XPath expression can use."""
    return {prefix: namespace for prefix, namespace in element.nsmap.items() if prefix}


def with_defaults_in(request: Request, namespace: str = WITH_DEFAULTS) -> WithDefaults | None:
    """Read the `with-defaults` parameter (RFC 6243, 4.5); None where the client does not say."""
    return cast("WithDefaults | None", request.text("with-defaults", namespace))
