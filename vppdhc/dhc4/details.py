"""What is kept of a client, beside its lease, for people to read."""

from vppdhc.dhc4.request import VENDOR_CLASS, Request, readable
from vppdhc.leases.lease import Details

_MOST = 65_536
"""Details that are remembered to be shared."""


class SharedDetails:
    """Gives equal details as one object: most clients of a relay agent, or of a kind, have the same."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Details, Details] = {}

    def of(self, request: Request, fqdn: str) -> Details:
        """Return the details of a client.

        fqdn: the full name that was agreed on, empty without.
        """
        relay = request.relay
        vendor_class = request.message.options.get(VENDOR_CLASS)
        details = Details(
            request.message.giaddr,
            relay.circuit_id,
            relay.remote_id,
            readable(vendor_class) if vendor_class else "",
            ", ".join([readable(user_class) for user_class in request.user_classes]),
            fqdn,
        )
        if len(self._known) >= _MOST:
            self._known.clear()
        return self._known.setdefault(details, details)
