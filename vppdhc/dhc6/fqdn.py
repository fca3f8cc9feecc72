"""The full name of a client, as client and server agree on it (RFC 4704).

The server makes no changes in the DNS, and says so.
"""

from typing import Final, NamedTuple

from vppdhc.packet import names
from vppdhc.packet.errors import DecodeError
from vppdhc.servers.fqdn import full_name

_FLAGS: Final = 1
_S, _O, _N = 1, 2, 4


class ClientFqdn(NamedTuple):
    """Option 39 as a client sends it.

    update: whether it wants the server to set its address in the DNS (S).
    name: as text; with a dot at its end when it is a full one, empty without.
    """

    update: bool
    name: str


def client_fqdn(raw: bytes | None) -> ClientFqdn | None:
    """Read option 39; None without, and where it makes no sense: nobody is refused an address because of its name.

    Flags that are for servers, or for nobody, are ignored (RFC 4704, 4.1).
    """
    if not raw:
        return None
    try:
        name = names.decode_partial(raw, _FLAGS) if len(raw) > _FLAGS else ""
    except DecodeError:
        return None
    return ClientFqdn(bool(raw[0] & _S), "" if name == "." else name)


def agreed_name(asked: ClientFqdn, domain: str) -> str:
    """Return a client's name, written as in ClientFqdn.name.

    domain: the first of the domains in which it looks up names, empty without; makes a name without a domain a full
        one (RFC 4704, 6).
    """
    return full_name(asked.name, domain)


def server_fqdn(asked: ClientFqdn, name: str) -> bytes:
    """Return option 39 for a client: the name, and that the server changes nothing in the DNS (N, and O for S)."""
    flags = _N | (_O if asked.update else 0)
    return bytes((flags,)) + (names.encode_partial(name) if name else b"")
