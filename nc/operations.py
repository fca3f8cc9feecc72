"""From an rpc element to its rpc-reply: finds the operation, checks who asks and what for, and performs it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from lxml import etree

from nc.access import AccessControl
from nc.capabilities import capabilities
from nc.datastore import Datastores
from nc.errors import (
    RpcError,
    RpcErrors,
    missing_attribute,
    missing_element,
    operation_not_supported,
    to_element,
    unknown_element,
    unknown_namespace,
)
from nc.events import ServerEvents
from nc.notifications import Notifications
from nc.rpc.committing import Committing
from nc.rpc.editing import Editing, refuse_targets
from nc.rpc.request import Operation, Request
from nc.rpc.retrieval import Retrieval, look_at_origins
from nc.rpc.sessions import SessionOperations, look_at_subscription
from nc.schema import Schema, SchemaNode
from nc.session import Reply, Session, Sessions, Termination
from nc.state import Operational
from nc.xml import MONITORING, NC, NMDA, NOTIFICATION, YANG, Element, copy, elements, namespace_of, new_data, qname
from nc.yang_library import YangLibrary

_ACTION: Final = qname(YANG, "action")
_CLOSE_SESSION: Final = qname(NC, "close-session")
_CHECKED_FIRST: Final[Mapping[str, Callable[[Element], None]]] = {
    qname(NC, "edit-config"): refuse_targets,
    qname(NC, "copy-config"): refuse_targets,
    qname(NC, "delete-config"): refuse_targets,
    qname(NMDA, "get-data"): look_at_origins,
    qname(NOTIFICATION, "create-subscription"): look_at_subscription,
}
"""What is looked at before the schema is, as it has errors of its own."""


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """An action of a data model that is to be performed (RFC 7950, 7.15).

    input: the action's element, checked: values are canonical, absent leafs have their defaults.
    parent: the element of the data node that the action belongs to, within a data tree of it and its ancestors; of list
        entries with their keys. Whether they exist is for the action to find out.
    """

    session: Session
    input: Element
    parent: Element


Action = Callable[[ActionRequest], Sequence[Element]]
"""Performs an action and gives its output; nothing stands for <ok/>. Raises RpcError or RpcErrors."""


class Operations:
    """Answers rpc messages; the dispatcher of the sessions.

    Everything about the operations is in the schema; an operation without a function here is not supported.
    """

    def __init__(
        self,
        schema: Schema,
        datastores: Datastores,
        operational: Operational,
        access: AccessControl,
        notifications: Notifications,
        events: ServerEvents,
        library: YangLibrary,
        sessions: Sessions,
    ) -> None:
        self._schema = schema
        self._datastores = datastores
        self._access = access
        self._notifications = notifications
        self._events = events
        self._capabilities = capabilities(schema, library)
        retrieval = Retrieval(schema, datastores, operational, access)
        editing = Editing(schema, datastores, access)
        committing = Committing(datastores, access)
        session_operations = SessionOperations(schema, sessions, notifications)
        self._operations: dict[str, Operation] = {
            qname(NC, "get"): retrieval.get,
            qname(NC, "get-config"): retrieval.get_config,
            qname(NC, "edit-config"): editing.edit_config,
            qname(NC, "copy-config"): editing.copy_config,
            qname(NC, "delete-config"): editing.delete_config,
            qname(NC, "lock"): committing.lock,
            qname(NC, "unlock"): committing.unlock,
            qname(NC, "commit"): committing.commit,
            qname(NC, "cancel-commit"): committing.cancel_commit,
            qname(NC, "discard-changes"): editing.discard_changes,
            qname(NC, "validate"): editing.validate,
            qname(NC, "close-session"): session_operations.close_session,
            qname(NC, "kill-session"): session_operations.kill_session,
            qname(MONITORING, "get-schema"): session_operations.get_schema,
            qname(NMDA, "get-data"): retrieval.get_data,
            qname(NMDA, "edit-data"): editing.edit_data,
            qname(NOTIFICATION, "create-subscription"): session_operations.create_subscription,
        }
        self._actions: dict[str, Action] = {}

    def capabilities(self) -> list[str]:
        """Give the URIs for the server's hello."""
        return self._capabilities

    def register(self, tag: str, operation: Operation) -> None:
        """Have an RPC of a data model performed by a function.

        tag: lxml name of the RPC. Raises ValueError where the schema has no such RPC, or it has a function already.
        """
        if tag not in self._schema.rpcs or tag in self._operations:
            raise ValueError(f"{tag} is no RPC that is free")
        self._operations[tag] = operation

    def register_action(self, path: str, action: Action) -> None:
        """Have an action of a data model performed by a function.

        path: its schema path. Raises ValueError where the schema has no such action, or it has a function already.
        """
        node = self._schema.node_at(path)
        if node is None or node.kind != "action" or node.path in self._actions:
            raise ValueError(f"{path} is no action that is free")
        self._actions[node.path] = action

    def unsupported(self) -> list[SchemaNode]:
        """List the RPCs and actions of the schema that have no function; a server with one is not complete."""
        rpcs = [node for tag, node in self._schema.rpcs.items() if tag not in self._operations]
        return rpcs + [action for action in _actions(self._schema.top) if action.path not in self._actions]

    def session_opened(self, session: Session) -> None:
        """Announce a session."""
        self._events.session_started(session)

    def session_closed(self, session: Session, termination: Termination) -> None:
        """Release what a session held, and announce its end."""
        self._notifications.session_closed(session)
        self._datastores.session_closed(session)
        self._events.session_ended(session, termination)

    def handle(self, session: Session, rpc: Element) -> Reply:
        """Answer an rpc element. All its attributes are in the reply (RFC 6241, 4.1)."""
        close = False
        try:
            if "message-id" not in rpc.attrib:
                raise missing_attribute(rpc.tag, "message-id")
            contents = self._perform(session, _only_child(rpc))
            close = rpc[0].tag == _CLOSE_SESSION
        except RpcError as error:
            contents = [to_element(error)]
        except RpcErrors as errors:
            contents = [to_element(error) for error in errors.errors]
        # The stubs of lxml do not know that there may be a default namespace.
        reply = etree.Element(qname(NC, "rpc-reply"), nsmap=cast("dict[str, str]", rpc.nsmap))
        reply.attrib.update(rpc.attrib)
        reply.extend(contents or [etree.Element(qname(NC, "ok"))])
        return Reply(reply, close)

    def _perform(self, session: Session, given: Element) -> Sequence[Element]:
        if given.tag == _ACTION:
            return self._perform_action(session, given)
        node = self._schema.rpcs.get(given.tag)
        if node is None:
            raise self._unknown(given)
        self._access.check_operation(session, node)
        operation = self._operations.get(given.tag)
        if operation is None:
            raise operation_not_supported(f"this server does not perform {node.name}")
        check = _CHECKED_FIRST.get(given.tag)
        if check is not None:
            check(given)
        sent = frozenset(parameter.tag for parameter in elements(given))
        return operation(Request(session, self._schema.check_operation(given), sent, self._schema.prefixes))

    def _unknown(self, given: Element) -> RpcError:
        """The error for an operation that the schema does not have (RFC 6241, appendix A)."""
        namespaces = {module.namespace for module in self._schema.modules.values()}
        if namespace_of(given.tag) not in namespaces:
            return unknown_namespace(given.tag, type_="protocol")
        return operation_not_supported(f"there is no operation {given.tag}")

    def _perform_action(self, session: Session, given: Element) -> Sequence[Element]:
        """Perform the action that an <action> element leads to (RFC 7950, 7.15.2)."""
        tree = new_data()
        tree.extend(copy(child) for child in elements(given))
        children: Mapping[str, SchemaNode] = self._schema.top
        ancestors: list[tuple[SchemaNode, Element]] = []
        keys: Sequence[str] = ()
        parent = tree
        while True:
            element = _step(parent, keys)
            action = ancestors[-1][0].actions.get(element.tag) if ancestors else None
            if action is not None:
                break
            node = children.get(element.tag)
            if node is None or node.is_leaf:
                raise unknown_element(element.tag, type_="protocol")
            if node.kind == "list":
                _check_keys(node, element)
            ancestors.append((node, element))
            children, keys, parent = node.children, node.keys, element
        self._access.check_action(session, ancestors, action)
        function = self._actions.get(action.path)
        if function is None:
            raise operation_not_supported(f"this server does not perform {action.name}")
        checked = self._schema.check_operation(element)
        parent.remove(element)
        return function(ActionRequest(session, checked, parent))


def _only_child(rpc: Element) -> Element:
    children = list(elements(rpc))
    if not children:
        raise missing_element(rpc.tag, message="the rpc contains no operation", type_="rpc")
    if len(children) > 1:
        raise unknown_element(children[1].tag, message="an rpc contains one operation", type_="rpc")
    return children[0]


def _step(parent: Element, keys: Sequence[str]) -> Element:
    """Find the one child that leads on to the action, which is not a key."""
    steps = [child for child in elements(parent) if child.tag not in keys]
    if not steps:
        raise missing_element(parent.tag, message="there is no action in it", type_="protocol")
    if len(steps) > 1:
        raise unknown_element(steps[1].tag, message="only one action at a time is possible", type_="protocol")
    return steps[0]


def _check_keys(node: SchemaNode, entry: Element) -> None:
    for key in node.keys:
        if entry.find(key) is None:
            raise missing_element(key, type_="protocol")


def _actions(children: Mapping[str, SchemaNode]) -> list[SchemaNode]:
    found: list[SchemaNode] = []
    for node in children.values():
        found += node.actions.values()
        found += _actions(node.children)
    return found
