"""The DHCPv6 options that have a name and a type, in one table.

A member is its code, an int: `message.get(Option.DNS_SERVERS)`. Names are those that Kea's users write, others those of
the registry. Identity associations, by which leases are talked about, are read and written by ia6 where it has to
be fast; the kinds here are for people.
"""

from collections.abc import Mapping
from typing import Final

from vppdhc.packet import kinds4, kinds6, structures6
from vppdhc.packet.kinds4 import Kind, Value


def _options(*codes: int) -> Kind:
    """Return the kind of lists of options in an option, with those that belong there by name."""
    return kinds6.option_list(lambda: {code: _OPTIONS[code] for code in codes})


class Option(kinds6.Table):
    """DHCPv6 options: RFC 8415 up to 26, then what the comments say."""

    CLIENTID = 1, kinds6.DUID
    SERVERID = 2, kinds6.DUID
    IA_NA = 3, structures6.identity_association(_options(5, 13))
    IA_TA = 4, structures6.temporary_association(_options(5, 13))
    IAADDR = 5, structures6.ia_address(_options(13))
    ORO = 6, kinds6.or_none(kinds4.UINT16_LIST)
    PREFERENCE = 7, kinds4.UINT8
    ELAPSED_TIME = 8, kinds4.UINT16  # hundredths of a second
    RELAY_MSG = 9, kinds4.HEX  # a whole message, for dhcp6.decode()
    AUTH = 11, structures6.AUTHENTICATION
    UNICAST = 12, kinds6.ADDRESS  # RFC 9915 has dropped it
    STATUS_CODE = 13, structures6.STATUS
    RAPID_COMMIT = 14, kinds4.PRESENCE
    USER_CLASS = 15, structures6.TEXT_LIST
    VENDOR_CLASS = 16, structures6.VENDOR_CLASS
    VENDOR_OPTS = 17, structures6.VENDOR_OPTIONS
    INTERFACE_ID = 18, kinds4.HEX
    RECONF_MSG = 19, kinds4.UINT8
    RECONF_ACCEPT = 20, kinds4.PRESENCE
    SIP_SERVER_DNS = 21, kinds4.PLAIN_NAME_LIST  # RFC 3319
    SIP_SERVER_ADDR = 22, kinds6.ADDRESS_LIST
    DNS_SERVERS = 23, kinds6.ADDRESS_LIST  # RFC 3646
    DOMAIN_SEARCH = 24, kinds4.PLAIN_NAME_LIST
    IA_PD = 25, structures6.identity_association(_options(26, 13))
    IAPREFIX = 26, structures6.ia_prefix(_options(13, 67))
    NIS_SERVERS = 27, kinds6.ADDRESS_LIST  # RFC 3898
    NISP_SERVERS = 28, kinds6.ADDRESS_LIST
    NIS_DOMAIN_NAME = 29, kinds4.NAME
    NISP_DOMAIN_NAME = 30, kinds4.NAME
    SNTP_SERVERS = 31, kinds6.ADDRESS_LIST  # RFC 4075
    INFORMATION_REFRESH_TIME = 32, kinds4.UINT32  # RFC 8415
    BCMCS_SERVER_DNS = 33, kinds4.PLAIN_NAME_LIST  # RFC 4280
    BCMCS_SERVER_ADDR = 34, kinds6.ADDRESS_LIST
    GEOCONF_CIVIC = 36, kinds4.HEX  # RFC 4776
    REMOTE_ID = 37, structures6.REMOTE_ID  # RFC 4649
    SUBSCRIBER_ID = 38, kinds4.TEXT  # RFC 4580
    CLIENT_FQDN = 39, kinds6.FQDN  # RFC 4704
    PANA_AGENT = 40, kinds6.ADDRESS_LIST  # RFC 5192
    NEW_POSIX_TIMEZONE = 41, kinds4.TEXT  # RFC 4833
    NEW_TZDB_TIMEZONE = 42, kinds4.TEXT
    ERO = 43, kinds6.or_none(kinds4.UINT16_LIST)  # RFC 4994
    LQ_QUERY = 44, structures6.leasequery(_options(1, 5))  # RFC 5007, to 48
    CLIENT_DATA = 45, _options(1, 5, 26, 46, 47)
    CLT_TIME = 46, kinds4.UINT32
    LQ_RELAY_DATA = 47, structures6.RELAY_DATA
    LQ_CLIENT_LINK = 48, kinds6.ADDRESS_LIST
    V6_LOST = 51, kinds4.NAME  # RFC 5223
    CAPWAP_AC_V6 = 52, kinds6.ADDRESS_LIST  # RFC 5417
    RELAY_ID = 53, kinds6.DUID  # RFC 5460
    MOS_ADDRESS = 54, kinds4.HEX  # RFC 5678
    MOS_FQDN = 55, kinds4.HEX
    NTP_SERVER = 56, structures6.NTP_SERVERS  # RFC 5908
    V6_ACCESS_DOMAIN = 57, kinds4.NAME  # RFC 5986
    SIP_UA_CS_LIST = 58, kinds4.PLAIN_NAME_LIST  # RFC 6011
    BOOTFILE_URL = 59, kinds4.TEXT  # RFC 5970, to 62
    BOOTFILE_PARAM = 60, structures6.TEXT_LIST
    CLIENT_ARCH_TYPE = 61, kinds4.UINT16_LIST
    NII = 62, structures6.NETWORK_INTERFACE
    GEOLOCATION = 63, kinds4.HEX  # RFC 6225
    AFTR_NAME = 64, kinds4.NAME  # RFC 6334
    ERP_LOCAL_DOMAIN_NAME = 65, kinds4.NAME  # RFC 6440
    RSOO = 66, _options(65)  # RFC 6422
    PD_EXCLUDE = 67, kinds6.EXCLUDED  # RFC 6603
    VSS = 68, kinds4.HEX  # RFC 6607
    RDNSS_SELECTION = 74, structures6.RDNSS_SELECTION  # RFC 6731
    CLIENT_LINKLAYER_ADDR = 79, structures6.LINK_LAYER_ADDRESS  # RFC 6939
    LINK_ADDRESS = 80, kinds6.ADDRESS  # RFC 6977
    RADIUS = 81, kinds4.HEX  # RFC 7037
    SOLMAX_RT = 82, kinds4.UINT32  # RFC 8415
    INF_MAX_RT = 83, kinds4.UINT32
    ADDRSEL = 84, structures6.address_selection(_options(85))  # RFC 7078
    ADDRSEL_TABLE = 85, structures6.ADDRESS_POLICY
    V6_PCP_SERVER = 86, kinds6.ADDRESS_LIST  # RFC 7291
    DHCPV4_MESSAGE = 87, kinds4.HEX  # RFC 7341
    DHCP4O6_SERVER_ADDR = 88, kinds6.or_none(kinds6.ADDRESS_LIST)
    S46_RULE = 89, structures6.mapping_rule(_options(93))  # RFC 7598, to 96
    S46_BR = 90, kinds6.ADDRESS
    S46_DMR = 91, structures6.LEADING_PREFIX
    S46_V4V6BIND = 92, structures6.softwire_binding(_options(93))
    S46_PORTPARAMS = 93, structures6.PORT_PARAMETERS
    S46_CONT_MAPE = 94, _options(89, 90)
    S46_CONT_MAPT = 95, _options(89, 91)
    S46_CONT_LW = 96, _options(90, 92)
    V6_4RD = 97, kinds4.HEX  # RFC 7600, to 99
    V6_4RD_MAP_RULE = 98, kinds4.HEX
    V6_4RD_NON_MAP_RULE = 99, kinds4.HEX
    LQ_BASE_TIME = 100, kinds4.UINT32  # RFC 7653, to 102
    LQ_START_TIME = 101, kinds4.UINT32
    LQ_END_TIME = 102, kinds4.UINT32
    V6_CAPTIVE_PORTAL = 103, kinds4.TEXT  # RFC 8910
    MPL_PARAMETERS = 104, kinds4.HEX  # RFC 7774
    ANI_ATT = 105, kinds4.UINT16  # RFC 7839, to 110
    ANI_NETWORK_NAME = 106, kinds4.TEXT
    ANI_AP_NAME = 107, kinds4.TEXT
    ANI_AP_BSSID = 108, kinds4.HEX
    ANI_OPERATOR_ID = 109, kinds4.UINT32
    ANI_OPERATOR_REALM = 110, kinds4.TEXT
    S46_PRIORITY = 111, kinds4.UINT16_LIST  # RFC 8026
    MUD_URL = 112, kinds4.TEXT  # RFC 8520
    V6_PREFIX64 = 113, kinds4.HEX  # RFC 8115
    RELAY_SOURCE_PORT = 135, kinds4.UINT16  # RFC 8357
    V6_SZTP_REDIRECT = 136, structures6.TEXT_LIST  # RFC 8572
    S46_BIND_IPV6_PREFIX = 137, structures6.LEADING_PREFIX  # RFC 8539
    IA_LL = 138, structures6.identity_association(_options(139, 13))  # RFC 8947
    LLADDR = 139, structures6.LINK_LAYER_BLOCK
    SLAP_QUAD = 140, kinds4.HEX  # RFC 8948
    V6_DOTS_RI = 141, kinds4.NAME  # RFC 8973
    V6_DOTS_ADDRESS = 142, kinds6.ADDRESS_LIST
    IPV6_ADDRESS_ANDSF = 143, kinds6.ADDRESS_LIST  # RFC 6153
    V6_DNR = 144, structures6.ENCRYPTED_DNS  # RFC 9463
    REGISTERED_DOMAIN = 145, kinds4.NAME  # RFC 9527, to 147
    FORWARD_DIST_MANAGER = 146, structures6.DISTRIBUTION_MANAGER
    REVERSE_DIST_MANAGER = 147, structures6.DISTRIBUTION_MANAGER
    ADDR_REG_ENABLE = 148, kinds4.PRESENCE  # RFC 9686


_OPTIONS: Final[Mapping[int, Option]] = {option.value: option for option in Option}
_NAMES: Final[Mapping[str, Option]] = {option.label: option for option in Option}


def by_code(code: int) -> Option | None:
    """Return the option with this code, None for one that the table does not have."""
    return _OPTIONS.get(code)


def by_name(name: str) -> Option | None:
    """Return the option with this name, as "dns-servers"; None for one that the table does not have."""
    return _NAMES.get(name)


def decode_value(code: int, raw: bytes) -> Value:
    """Return the value of an option for people, JSON and YANG; in hexadecimal when the table does not have it.

    Raises DecodeError, its offset counted in raw, or in the option within that it names.
    """
    option = _OPTIONS.get(code)
    return kinds4.hex_of(raw) if option is None else option.decode(raw)


def encode_value(code: int, value: object) -> bytes:
    """Return the bytes of an option: of what decode_value() gives, and of the same from JSON.

    Raises ValueError when the option cannot have that value.
    """
    option = _OPTIONS.get(code)
    if option is not None:
        return option.encode(value)
    if not 0 < code <= 0xFFFF:
        raise ValueError(f"{code} is not the code of an option")
    return kinds4.hex_to_bytes(value)
