"""The actions of the DHCPv4 clients."""

from collections.abc import Callable, Sequence

from nc.errors import data_missing
from nc.operations import Action, ActionRequest, Operations
from nc.xml import Element
from vppdhc.dhc4client.client import DhcpClients
from vppdhc.northbound.model import name


class Dhcp4ClientOperations:
    """renew, rebind and release."""

    def __init__(self, clients: DhcpClients) -> None:
        self._clients = clients

    def register(self, operations: Operations) -> None:
        """Have them performed."""
        clients = self._clients
        for local, perform in (("renew", clients.renew), ("rebind", clients.rebind), ("release", clients.release)):
            operations.register_action(f"/vppdhc:dhc4client/{local}", _action(perform))


def _action(perform: Callable[[str], None]) -> Action:
    """Return an action on the client that it is called at; its effect shows in the state."""

    def action(request: ActionRequest) -> Sequence[Element]:
        interface = request.parent.findtext(name("interface")) or ""
        try:
            perform(interface)
        except KeyError:
            raise data_missing(f"there is no dhc4client on {interface}") from None
        return []

    return action
