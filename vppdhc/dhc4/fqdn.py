"""The full name of a client, as client and server agree on it (RFC 4702).

The server makes no changes in the DNS, and says so.
"""

from typing import NamedTuple

from vppdhc.packet import names
from vppdhc.packet.errors import DecodeError
from vppdhc.servers.fqdn import full_name

CLIENT_FQDN = 81

_FLAGS_AND_RCODES = 3
_S, _O, _E, _N = 1, 2, 4, 8
_RCODES = b"\xff\xff"
_LONGEST = 255


class ClientFqdn(NamedTuple):
    """Option 81 as a client sends it.

    update: whether it wants the server to set its address in the DNS (S).
    encoded: whether the name is in the wire format of the DNS (E), and not as text.
    name: as text; with a dot at its end when it is a full one, empty without.
    """

    update: bool
    encoded: bool
    name: str


def client_fqdn(raw: bytes | None) -> ClientFqdn | None:
    """Read option 81; None without, and where it makes no sense: nobody is refused an address because of its name.

    As text, which is deprecated, a name with a dot in it is a full one: Windows sends those without a dot at the end.
    Flags that are for servers, or for nobody, are ignored (RFC 4702, 2.1), and so are the RCODEs (2.2).
    """
    if raw is None or len(raw) < _FLAGS_AND_RCODES:
        return None
    flags = raw[0]
    try:
        if flags & _E:
            name = names.decode_partial(raw, _FLAGS_AND_RCODES) if len(raw) > _FLAGS_AND_RCODES else ""
        else:
            name = raw[_FLAGS_AND_RCODES:].rstrip(b"\0").decode("ascii")
            name = name if "." not in name.rstrip(".") or name.endswith(".") else f"{name}."
            names.encode_partial(name or ".")
    except (DecodeError, ValueError):
        return None
    return ClientFqdn(bool(flags & _S), bool(flags & _E), "" if name == "." else name)


def agreed_name(asked: ClientFqdn, reserved: str, domain: str) -> str:
    """Choose a client's name, written as in ClientFqdn.name.

    reserved: name of its reservation, empty for none; goes before the client's own.
    domain: option 15 as the client is told, empty for none; makes a name without a domain a full one.
    """
    name = reserved or asked.name
    if reserved:
        name = f"{reserved.rstrip('.')}." if "." in reserved.rstrip(".") else reserved
    return full_name(name, domain)


def server_fqdn(asked: ClientFqdn, name: str) -> bytes:
    """Return option 81 for a client: the name, and that the server changes nothing in the DNS (N, and O for S).

    The encoding is the client's (RFC 4702, 2.1); both RCODEs are 255 (2.2). A name that does not fit into an option is
    left out.
    """
    flags = _N | (_O if asked.update else 0) | (_E if asked.encoded else 0)
    wire = _encoded(name) if asked.encoded else name.rstrip(".").encode("ascii")
    if _FLAGS_AND_RCODES + len(wire) > _LONGEST:
        wire = b""
    return bytes((flags,)) + _RCODES + wire


def _encoded(name: str) -> bytes:
    return names.encode_partial(name) if name else b""
