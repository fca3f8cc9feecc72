"""What happens on links that others may want to be told of."""

from ipaddress import IPv6Address
from typing import NamedTuple


class Inconsistent(NamedTuple):
    """Another router of a link advertises something else than this one (RFC 4861, 6.2.7).

    interface: of the link. address: link-local address of that router. inconsistencies: what it says otherwise.
    """

    interface: str
    address: IPv6Address
    inconsistencies: tuple[str, ...]
