"""The rpc-error of RFC 6241, section 4.3, as an exception, with a constructor for each error-tag of appendix A."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Final, Literal

from lxml import etree
from netconf import error as vocabulary

from nc.xml import NC, YANG, Element, local_name, namespace_of, qname

ErrorType = Literal["transport", "rpc", "protocol", "application"]
"""The layer that an error happened on (RFC 6241, 4.3)."""

NON_UNIQUE: Final = "data-not-unique"
TOO_MANY: Final = "too-many-elements"
TOO_FEW: Final = "too-few-elements"
MUST_VIOLATION: Final = "must-violation"
INSTANCE_REQUIRED: Final = "instance-required"
MISSING_CHOICE: Final = "missing-choice"
MISSING_INSTANCE: Final = "missing-instance"
"""The error-app-tags of RFC 7950, section 15."""


MOST_ERRORS: Final = 1000
"""How many errors of one request or document are reported; what is wrong beyond them shows at the next try."""


@dataclass(frozen=True, slots=True)
class InstancePath:
    """Where in a data tree: an instance-identifier (RFC 7950, 9.13).

    text: its XML form, in which every name has a prefix.
    namespaces: the namespace of each of those prefixes.
    """

    text: str
    namespaces: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text


@dataclass(eq=False)
class RpcError(Exception):
    """One rpc-error of severity "error" (RFC 6241, 4.3).

    type, tag: error-type and error-tag.
    message: error-message, in English.
    path: error-path; None where the error belongs to no data node.
    app_tag: error-app-tag, or None.
    info: the children of error-info.
    line: line of the text that the error is in, counted from 1, where an operator wrote a file; never sent.
    """

    type: ErrorType
    tag: str
    message: str
    path: InstancePath | None = None
    app_tag: str | None = None
    info: Sequence[Element] = ()
    line: int | None = None

    def __str__(self) -> str:
        where = [f"line {self.line}"] if self.line else []
        if self.path is not None:
            where.append(self.path.text)
        return ": ".join([*where, self.message])


class RpcErrors(Exception):  # noqa: N818 - the plural of RpcError
    """Several rpc-errors at once, of which there is at least one.

    errors: in the order in which they were found.
    """

    def __init__(self, errors: Sequence[RpcError]) -> None:
        super().__init__("; ".join(str(error) for error in errors))
        self.errors: Final = tuple(errors)


class ErrorList:
    """Collects errors, as many as make sense: a document with thousands of mistakes has one mistake.

    errors: in the order in which they were found.
    """

    def __init__(self) -> None:
        self.errors: Final[list[RpcError]] = []

    def add(self, error: RpcError) -> None:
        """Take in an error; raises RpcErrors with all of them when there are MOST_ERRORS."""
        self.errors.append(error)
        if len(self.errors) >= MOST_ERRORS:
            raise RpcErrors(self.errors)

    def raise_any(self) -> None:
        """Raise RpcErrors if there is any."""
        if self.errors:
            raise RpcErrors(self.errors)


def to_element(error: RpcError) -> Element:
    """Return an rpc-error element (RFC 6241, 4.3), with the namespaces that its path needs."""
    element = etree.Element(qname(NC, "rpc-error"), nsmap={"nc": NC})
    _leaf(element, "error-type", error.type)
    _leaf(element, "error-tag", error.tag)
    _leaf(element, "error-severity", "error")
    if error.app_tag is not None:
        _leaf(element, "error-app-tag", error.app_tag)
    if error.path is not None:
        path = etree.SubElement(element, qname(NC, "error-path"), nsmap=dict(error.path.namespaces))
        path.text = error.path.text
    message = _leaf(element, "error-message", error.message)
    message.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    if error.info:
        info = etree.SubElement(element, qname(NC, "error-info"))
        info.extend(deepcopy(element) for element in error.info)
    return element


def in_use(message: str, type_: ErrorType = "protocol") -> RpcError:
    """The resource is in use already."""
    return RpcError(type_, vocabulary.RPCERR_TAG_IN_USE, message)


def invalid_value(
    message: str,
    path: InstancePath | None = None,
    *,
    type_: ErrorType = "application",
    app_tag: str | None = None,
    info: Sequence[Element] = (),
) -> RpcError:
    """A parameter or a leaf has a value that it cannot have."""
    return RpcError(type_, vocabulary.RPCERR_TAG_INVALID_VALUE, message, path, app_tag, info)


def too_big(message: str, type_: ErrorType = "rpc") -> RpcError:
    """The request, or the reply to it, is larger than can be handled."""
    return RpcError(type_, vocabulary.RPCERR_TAG_TOO_BIG, message)


def missing_attribute(
    element: str, attribute: str, path: InstancePath | None = None, type_: ErrorType = "rpc"
) -> RpcError:
    """An attribute is missing; element and attribute are lxml names."""
    message = f"the attribute '{local_name(attribute)}' is missing"
    return RpcError(
        type_, vocabulary.RPCERR_TAG_MISSING_ATTRIBUTE, message, path, info=_attribute_info(element, attribute)
    )


def bad_attribute(
    element: str, attribute: str, message: str, path: InstancePath | None = None, type_: ErrorType = "rpc"
) -> RpcError:
    """An attribute has a value that it cannot have; element and attribute are lxml names."""
    return RpcError(type_, vocabulary.RPCERR_TAG_BAD_ATTRIBUTE, message, path, info=_attribute_info(element, attribute))


def unknown_attribute(
    element: str, attribute: str, path: InstancePath | None = None, type_: ErrorType = "rpc"
) -> RpcError:
    """An attribute is not expected here; element and attribute are lxml names."""
    message = f"the attribute '{local_name(attribute)}' is not known here"
    return RpcError(
        type_, vocabulary.RPCERR_TAG_UNKNOWN_ATTRIBUTE, message, path, info=_attribute_info(element, attribute)
    )


def missing_element(
    element: str,
    path: InstancePath | None = None,
    *,
    message: str | None = None,
    type_: ErrorType = "application",
    app_tag: str | None = None,
) -> RpcError:
    """An element is missing; element is its lxml name."""
    return RpcError(
        type_,
        vocabulary.RPCERR_TAG_MISSING_ELEMENT,
        message or f"the element '{local_name(element)}' is missing",
        path,
        app_tag,
        [_name_info("bad-element", element)],
    )


def bad_element(
    element: str, message: str, path: InstancePath | None = None, type_: ErrorType = "application"
) -> RpcError:
    """An element's value or content is wrong; element is its lxml name."""
    info = [_name_info("bad-element", element)]
    return RpcError(type_, vocabulary.RPCERR_TAG_BAD_ELEMENT, message, path, info=info)


def unknown_element(
    element: str,
    path: InstancePath | None = None,
    *,
    message: str | None = None,
    type_: ErrorType = "application",
) -> RpcError:
    """An element is not expected here; element is its lxml name."""
    return RpcError(
        type_,
        vocabulary.RPCERR_TAG_UNKNOWN_ELEMENT,
        message or f"the element '{local_name(element)}' is not known here",
        path,
        info=[_name_info("bad-element", element)],
    )


def unknown_namespace(element: str, path: InstancePath | None = None, type_: ErrorType = "application") -> RpcError:
    """An element is in a namespace that nobody knows; element is its lxml name."""
    namespace = namespace_of(element)
    return RpcError(
        type_,
        vocabulary.RPCERR_TAG_UNKNOWN_NAMESPACE,
        f"the namespace '{namespace}' is not known",
        path,
        info=[_name_info("bad-element", element), _info("bad-namespace", namespace)],
    )


def access_denied(
    message: str = "access denied", path: InstancePath | None = None, type_: ErrorType = "application"
) -> RpcError:
    """The user may not do that (RFC 8341)."""
    return RpcError(type_, vocabulary.RPCERR_TAG_ACCESS_DENIED, message, path)


def lock_denied(session_id: int, message: str | None = None) -> RpcError:
    """The lock belongs to a session; 0 is something else than a NETCONF session (RFC 6241, 7.5)."""
    return RpcError(
        "protocol",
        vocabulary.RPCERR_TAG_LOCK_DENIED,
        message or f"the lock is held by session {session_id}",
        info=[_info("session-id", str(session_id))],
    )


def resource_denied(message: str, type_: ErrorType = "application") -> RpcError:
    """There are not enough resources to do that."""
    return RpcError(type_, vocabulary.RPCERR_TAG_RESOURCE_DENIED, message)


def rollback_failed(message: str, type_: ErrorType = "application") -> RpcError:
    """What a failed request had changed could not be taken back."""
    return RpcError(type_, vocabulary.RPCERR_TAG_ROLLBACK_FAILED, message)


def data_exists(message: str, path: InstancePath | None = None) -> RpcError:
    """Something is to be created that exists already."""
    return RpcError("application", vocabulary.RPCERR_TAG_DATA_EXISTS, message, path)


def data_missing(message: str, path: InstancePath | None = None, *, app_tag: str | None = None) -> RpcError:
    """Something that the request, or a constraint of the model, needs does not exist."""
    return RpcError("application", vocabulary.RPCERR_TAG_DATA_MISSING, message, path, app_tag)


def operation_not_supported(message: str, path: InstancePath | None = None, type_: ErrorType = "protocol") -> RpcError:
    """This server does not have that operation."""
    return RpcError(type_, vocabulary.RPCERR_TAG_OPERATION_NOT_SUPPORTED, message, path)


def operation_failed(
    message: str,
    path: InstancePath | None = None,
    *,
    type_: ErrorType = "application",
    app_tag: str | None = None,
    info: Sequence[Element] = (),
) -> RpcError:
    """The operation failed for a reason that no other error-tag says."""
    return RpcError(type_, vocabulary.RPCERR_TAG_OPERATION_FAILED, message, path, app_tag, info)


def malformed_message(message: str) -> RpcError:
    """The message is not XML as NETCONF allows it."""
    return RpcError("rpc", vocabulary.RPCERR_TAG_MALFORMED_MESSAGE, message)


# partial-operation has no constructor: RFC 6241, appendix A, asks servers not to send it any more.


def not_unique(message: str, paths: Sequence[InstancePath], path: InstancePath | None = None) -> RpcError:
    """List entries break a "unique" statement (RFC 7950, 15.1).

    paths: the leafs that are the same.
    """
    info = []
    for entry in paths:
        element = etree.Element(qname(YANG, "non-unique"), nsmap={"yang": YANG, **entry.namespaces})
        element.text = entry.text
        info.append(element)
    return operation_failed(message, path, app_tag=NON_UNIQUE, info=info)


def missing_choice(message: str, name: str, path: InstancePath | None = None) -> RpcError:
    """None of the cases of a mandatory choice exists (RFC 7950, 15.6); name is the choice's."""
    element = etree.Element(qname(YANG, "missing-choice"), nsmap={"yang": YANG})
    element.text = name
    error = data_missing(message, path, app_tag=MISSING_CHOICE)
    error.info = [element]
    return error


def _leaf(parent: Element, name: str, text: str) -> Element:
    element = etree.SubElement(parent, qname(NC, name))
    element.text = text
    return element


def _info(name: str, text: str) -> Element:
    element = etree.Element(qname(NC, name), nsmap={"nc": NC})
    element.text = text
    return element


def _name_info(name: str, tag: str) -> Element:
    """An error-info child whose content is an xs:QName (RFC 6241, appendix B): names outside NETCONF get a prefix."""
    namespace = namespace_of(tag)
    if namespace in {NC, ""}:
        return _info(name, local_name(tag))
    element = etree.Element(qname(NC, name), nsmap={"nc": NC, "bad": namespace})
    element.text = f"bad:{local_name(tag)}"
    return element


def _attribute_info(element: str, attribute: str) -> list[Element]:
    return [_name_info("bad-attribute", attribute), _name_info("bad-element", element)]
