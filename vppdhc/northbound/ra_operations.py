"""The action of router advertisements."""

from collections.abc import Sequence

from nc.errors import ErrorList, invalid_value, operation_failed
from nc.operations import ActionRequest, Operations
from nc.xml import Element
from vppdhc.northbound.operations import Input
from vppdhc.ra.service import RaService


class RaOperations:
    """send-ra."""

    def __init__(self, service: RaService) -> None:
        self._service = service

    def register(self, operations: Operations) -> None:
        """Have it performed."""
        operations.register_action("/vppdhc:ip6ndra/send-ra", self._send_ra)

    def _send_ra(self, request: ActionRequest) -> Sequence[Element]:
        """Send on all that are named, or on none; that it was sent shows in the state."""
        named = Input(request.input).texts("interface")
        senders, errors = self._service.senders, ErrorList()
        for interface in named:
            if interface not in senders:
                errors.add(invalid_value(f"ip6ndra does not have {interface}: name it in 'interfaces'"))
            elif senders[interface].problem:
                errors.add(operation_failed(f"nothing can be sent on {interface}: {senders[interface].problem}"))
        errors.raise_any()
        self._service.send_ra(named)
        return []
