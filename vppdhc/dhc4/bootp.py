"""Answers to BOOTP clients (RFC 951, RFC 1542), as a DHCP server gives them (RFC 1534)."""

from vppdhc.dhc4.options import BOOT_FILE_NAME
from vppdhc.dhc4.parameters import RELAY_AGENT
from vppdhc.dhc4.reply import Reply, answer_of, routed, to_client
from vppdhc.dhc4.request import Request
from vppdhc.dhc4.subnet import Subnet
from vppdhc.packet.dhcp4 import BOOTREPLY, CLIENT_PORT, MINIMUM_SIZE, Message

_UNUSED = b"\0"
"""A field with nothing in it that still is not taken for options, as BOOTP has no option overload."""


def bootp_reply(request: Request, subnet: Subnet, address: int) -> Reply:
    """Tell a client its address and what it boots.

    There are options only for a client that sent the magic cookie of RFC 1497, in a vendor field of 64 octets, and none
    of the DHCP protocol itself. What finds no room is left out.
    """
    asked = request.message
    answer = answer_of(request, subnet.terms_of(address))
    source = request.own_address(subnet)
    options = {}
    if asked.cookie:
        options = {code: value for code, value in answer.options.items() if code != BOOT_FILE_NAME}
        if RELAY_AGENT in asked.options:
            options[RELAY_AGENT] = asked.options[RELAY_AGENT]  # RFC 3046, 2.1: of BOOTP packets too
    message = Message(
        op=BOOTREPLY,
        htype=asked.htype,
        hlen=asked.hlen,
        xid=asked.xid,
        flags=asked.flags,
        ciaddr=asked.ciaddr,
        yiaddr=address,
        siaddr=answer.next_server,
        giaddr=asked.giaddr,
        chaddr=asked.chaddr,
        sname=_UNUSED,
        file=answer.file or _UNUSED,
        options=options,
        cookie=asked.cookie,
    )
    return _addressed(request, message, source)._replace(max_size=MINIMUM_SIZE)


def _addressed(request: Request, message: Message, source: int) -> Reply:
    """Address a BOOTREPLY (RFC 1542, 5.4): unlike for DHCP, ciaddr goes before giaddr."""
    asked = request.message
    if asked.ciaddr and asked.giaddr:
        return routed(request, message, source, asked.ciaddr, CLIENT_PORT)
    return to_client(request, message, source)
