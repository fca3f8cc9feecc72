"""The actions of the router's own clients, of DHCPv4 and of DHCPv6."""

from collections.abc import Callable, Sequence
from typing import Protocol

from nc.errors import data_missing
from nc.operations import Action, ActionRequest, Operations
from nc.xml import Element
from vppdhc.northbound.model import MODULE, name


class Clients(Protocol):
    """The clients of a protocol, by interface. Each of these raises KeyError where there is none."""

    def renew(self, interface: str) -> None:
        """Have the server asked for more time."""

    def rebind(self, interface: str) -> None:
        """Have any server asked."""

    def release(self, interface: str) -> None:
        """Have the lease given back."""


class ClientOperations:
    """renew, rebind and release. component: name of the list that the clients are configured in."""

    component: str

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def register(self, operations: Operations) -> None:
        """Have them performed."""
        clients = self._clients
        for local, perform in (("renew", clients.renew), ("rebind", clients.rebind), ("release", clients.release)):
            operations.register_action(f"/{MODULE}:{self.component}/{local}", self._action(perform))

    def _action(self, perform: Callable[[str], None]) -> Action:
        """Return an action on the client that it is called at; its effect shows in the state."""

        def action(request: ActionRequest) -> Sequence[Element]:
            interface = request.parent.findtext(name("interface")) or ""
            try:
                perform(interface)
            except KeyError:
                raise data_missing(f"there is no {self.component} on {interface}") from None
            return []

        return action
