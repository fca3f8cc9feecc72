"""edit-config, copy-config, delete-config, discard-changes, validate (RFC 6241) and edit-data (RFC 8526)."""

from collections.abc import Callable, Sequence
from typing import Final, cast

from nc.access import AccessControl
from nc.datastore import CANDIDATE, RUNNING, Datastores
from nc.edit import DefaultOperation, apply_edit
from nc.errors import invalid_value, operation_not_supported
from nc.rpc.request import Request, unsupported_datastore, with_defaults_in
from nc.schema import Schema
from nc.session import Session
from nc.xml import NC, NMDA, Element, copy, elements, local_name, new_data, qname

_CONFIG: Final = "config"


class Editing:
    """Changes the candidate, the one datastore that clients can write."""

    def __init__(self, schema: Schema, datastores: Datastores, access: AccessControl) -> None:
        self._schema = schema
        self._datastores = datastores
        self._access = access

    def edit_config(self, request: Request) -> Sequence[Element]:
        """Edit the candidate (RFC 6241, 7.2).

        The candidate is validated here only where the client asks for it with a test-option; without one this waits for
        commit or validate, as RFC 7950, 8.3.3, has it for the candidate. No edit is ever made in part, so that the
        three error-options have the same effect: that of rollback-on-error.
        """
        edit = self._edit(request, NC)
        option = request.text("test-option") if request.has("test-option") else "set"
        if option == "test-only":
            old = self._datastores.candidate
            new = edit(old)
            self._access.check_write(request.session, old, new)
            self._datastores.check(new)
            return []

        def authorise(old: Element, new: Element) -> None:
            self._access.check_write(request.session, old, new)
            if option == "test-then-set":
                self._datastores.check(new)

        self._datastores.edit_candidate(request.session, edit, authorise)
        return []

    def edit_data(self, request: Request) -> Sequence[Element]:
        """Edit the candidate (RFC 8526, 3.1.2)."""
        name = request.datastore("datastore", NMDA)
        if name != CANDIDATE:
            raise unsupported_datastore(name)
        self._datastores.edit_candidate(request.session, self._edit(request, NMDA), self._authorise(request.session))
        return []

    def copy_config(self, request: Request) -> Sequence[Element]:
        """Make the candidate a copy of running or of a configuration in the request (RFC 6241, 7.3).

        What the user may not read of a datastore is not copied (RFC 8341, 3.2.7). With with-defaults (RFC 6243, 4.5.1)
        the copy has the defaults in it that the mode reports.
        """
        new = self._source(request)
        self._datastores.edit_candidate(request.session, lambda _: new, self._authorise(request.session))
        return []

    def delete_config(self, request: Request) -> Sequence[Element]:
        """Delete nothing: running cannot be deleted (RFC 6241, 7.4), and there is no startup and no URL."""
        refuse_targets(request.input)
        raise operation_not_supported("this server has no datastore that can be deleted")

    def discard_changes(self, request: Request) -> Sequence[Element]:
        """Make the candidate what running is (RFC 6241, 8.3.4.2)."""
        self._datastores.discard_changes(request.session)
        return []

    def validate(self, request: Request) -> Sequence[Element]:
        """Check a configuration as a commit would (RFC 6241, 8.6.4.1), what components say of it included."""
        name = request.datastore("source")
        if name == _CONFIG:
            self._datastores.check(self._inline(request))
        elif name in {RUNNING, "intended"}:
            self._datastores.check(self._datastores.running)
        elif name == CANDIDATE:
            self._datastores.check(self._datastores.candidate)
        else:
            raise unsupported_datastore(name)
        return []

    def _edit(self, request: Request, namespace: str) -> Callable[[Element], Element]:
        config = request.parameter("config", namespace)
        default = cast("DefaultOperation", request.text("default-operation", namespace) or "merge")
        return lambda tree: apply_edit(self._schema, tree, config, default)

    def _authorise(self, session: Session) -> Callable[[Element, Element], None]:
        return lambda old, new: self._access.check_write(session, old, new)

    def _source(self, request: Request) -> Element:
        name = request.datastore("source")
        if name == _CONFIG:
            return self._inline(request)
        if name == CANDIDATE:
            raise invalid_value("source and target are the same datastore", type_="protocol")
        tree = self._datastores.running
        mode = with_defaults_in(request)
        if mode is not None:
            # A datastore has no tags: what is in it is set.
            tree = self._schema.with_defaults(tree, "report-all" if mode == "report-all-tagged" else mode)
        readable = copy(tree)
        return readable if self._access.prune(request.session, readable) else tree

    def _inline(self, request: Request) -> Element:
        """Make a datastore's content of the configuration in a request."""
        return apply_edit(self._schema, new_data(), next(elements(request.parameter("source"))), "merge")


def refuse_targets(request: Element) -> None:
    """Say what the matter is with a target that only servers with other capabilities have.

    Raises RpcError operation-not-supported.
    """
    operation = local_name(request.tag)
    for target in request.iterfind(f"{qname(NC, 'target')}/*"):
        name = local_name(target.tag)
        if operation == "delete-config" and name in {RUNNING, CANDIDATE}:
            raise operation_not_supported(f"{name} cannot be deleted")
        if name == RUNNING:
            raise operation_not_supported("running cannot be written to; edit the candidate and commit it")
        if name in {"startup", "url"}:
            raise operation_not_supported(f"this server has no {name}")
