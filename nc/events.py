"""The notifications of the NETCONF server about itself (RFC 6470)."""

from typing import Final

from lxml import etree

from nc.build import Builder
from nc.confirm import ConfirmEvent
from nc.diff import differences
from nc.notifications import Notifications
from nc.schema import Schema
from nc.session import Session, Termination
from nc.xml import Element, qname

NAMESPACE: Final = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"

MOST_EDITS: Final = 100
"""Edits that one netconf-config-change lists; where there are more, it names the top-level nodes that they are in."""

_OPERATIONS: Final = {"create": "create", "delete": "delete", "update": "merge", "move": "merge"}
_BUILD: Final = Builder(NAMESPACE, "ncn")


class ServerEvents:
    """Publishes what happens to sessions and to running; the listener of the datastores."""

    def __init__(self, schema: Schema, notifications: Notifications) -> None:
        self._schema = schema
        self._notifications = notifications

    def running_changed(self, old: Element, new: Element, by: Session | None) -> None:
        """Publish netconf-config-change."""
        changed_by = _parameters(by) if by is not None else [_BUILD.node("server")]
        self._notifications.publish(
            _BUILD.node(
                "netconf-config-change",
                [
                    _BUILD.node("changed-by", changed_by),
                    _BUILD.leaf("datastore", "running"),
                    *self._edits(old, new),
                ],
            )
        )

    def confirmed_commit(self, event: ConfirmEvent, by: Session | None, timeout: int) -> None:
        """Publish netconf-confirmed-commit."""
        content = [] if by is None else _parameters(by)
        content.append(_BUILD.leaf("confirm-event", event.value))
        if event in {ConfirmEvent.START, ConfirmEvent.EXTEND}:
            content.append(_BUILD.leaf("timeout", timeout))
        self._notifications.publish(_BUILD.node("netconf-confirmed-commit", content))

    def session_started(self, session: Session) -> None:
        """Publish netconf-session-start."""
        self._notifications.publish(_BUILD.node("netconf-session-start", _parameters(session)))

    def session_ended(self, session: Session, termination: Termination) -> None:
        """Publish netconf-session-end."""
        how = _BUILD.leafs(killed_by=termination.killed_by, termination_reason=termination.reason.value)
        self._notifications.publish(_BUILD.node("netconf-session-end", [*_parameters(session), *how]))

    def _edits(self, old: Element, new: Element) -> list[Element]:
        """List the differences, or where there are too many the top-level nodes that they are in."""
        edits: list[Element] = []
        top_level: dict[str, Element] = {}
        count = 0
        for difference in differences(self._schema, old, new):
            count += 1
            if count <= MOST_EDITS:
                edits.append(self._edit(difference.element, _OPERATIONS[difference.operation]))
            top = [difference.element, *difference.element.iterancestors()][-2]
            top_level.setdefault(top.tag, top)
        return edits if count <= MOST_EDITS else [self._edit(top, "merge") for top in top_level.values()]

    def _edit(self, element: Element, operation: str) -> Element:
        path = self._schema.instance_path(element)
        target = etree.Element(qname(NAMESPACE, "target"), nsmap={"ncn": NAMESPACE, **path.namespaces})
        target.text = path.text
        return _BUILD.node("edit", [target, _BUILD.leaf("operation", operation)])


def _parameters(session: Session) -> list[Element]:
    """The grouping common-session-parms."""
    return _BUILD.leafs(
        username=session.username,
        session_id=session.session_id,
        source_host=session.source_host or None,
    )
