"""lock, unlock, commit and cancel-commit (RFC 6241, 7.5, 7.6, 8.3 and 8.4)."""

from collections.abc import Sequence

import structlog

from nc.access import AccessControl
from nc.confirm import CONFIRM_TIMEOUT, Confirmation
from nc.datastore import CANDIDATE, RUNNING, Datastores
from nc.errors import missing_element
from nc.rpc.request import Request, unsupported_datastore
from nc.xml import NC, Element, qname


class Committing:
    """Locks datastores and makes the candidate running."""

    def __init__(self, datastores: Datastores, access: AccessControl) -> None:
        self._datastores = datastores
        self._access = access
        self._log = structlog.get_logger()

    def lock(self, request: Request) -> Sequence[Element]:
        """Lock running or the candidate."""
        self._datastores.lock(_target(request), request.session)
        return []

    def unlock(self, request: Request) -> Sequence[Element]:
        """Unlock running or the candidate."""
        self._datastores.unlock(_target(request), request.session)
        return []

    def commit(self, request: Request) -> Sequence[Element]:
        """Commit the candidate, confirmed or not.

        A confirm-timeout or persist without confirmed is refused: who sends it expects a commit that can be taken back.
        """
        confirmation = None
        if request.has("confirmed"):
            timeout = int(request.text("confirm-timeout") or CONFIRM_TIMEOUT)
            confirmation = Confirmation(timeout, request.text("persist"))
        elif request.has("confirm-timeout") or request.has("persist"):
            message = "confirm-timeout and persist need confirmed"
            raise missing_element(qname(NC, "confirmed"), message=message, type_="protocol")
        session = request.session
        warnings = self._datastores.commit(
            session,
            lambda old, new: self._access.check_write(session, old, new),
            confirmation=confirmation,
            persist_id=request.text("persist-id"),
        )
        for warning in warnings:
            self._log.warning("committed", path=str(warning.path or "/"), reason=warning.message)
        return []

    def cancel_commit(self, request: Request) -> Sequence[Element]:
        """Take back the pending confirmed commit."""
        self._datastores.cancel_commit(request.session, request.text("persist-id"))
        return []


def _target(request: Request) -> str:
    name = request.datastore("target")
    if name not in {RUNNING, CANDIDATE}:
        raise unsupported_datastore(name)
    return name
