"""The full name of a client, as far as its options are the same for addresses of both kinds."""

from vppdhc.packet import names


def full_name(name: str, domain: str) -> str:
    """Return a client's name with a domain behind it, and a dot at its end.

    name: as text; one that is full already, an empty one, and one that is too long with the domain stay as they are.
    domain: empty without.
    """
    if not name or name.endswith(".") or not domain:
        return name
    full = f"{name}.{domain.rstrip('.')}."
    try:
        names.encode_partial(full)
    except ValueError:
        return name
    return full
