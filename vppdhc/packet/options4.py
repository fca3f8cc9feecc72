"""The DHCPv4 options that have a name and a type, in one table, and those of option 82 in another.

A member of a table is its code, an int: `options[Option.ROUTERS]`. Names are those that ISC's and Kea's users write.
"""

from collections.abc import Mapping
from typing import Final

from vppdhc.packet import kinds4, structures4
from vppdhc.packet.kinds4 import Kind, Value
from vppdhc.packet.table import Table


class RelayOption(Table):
    """Suboptions of option 82, relay agent information (RFC 3046)."""

    CIRCUIT_ID = 1, kinds4.HEX
    REMOTE_ID = 2, kinds4.HEX
    DOCSIS_DEVICE_CLASS = 4, kinds4.UINT32  # RFC 3256
    LINK_SELECTION = 5, kinds4.ADDRESS  # RFC 3527
    SUBSCRIBER_ID = 6, kinds4.TEXT  # RFC 3993
    RADIUS = 7, kinds4.HEX  # RFC 4014
    AUTH = 8, kinds4.HEX  # RFC 4030
    VENDOR_SPECIFIC = 9, kinds4.HEX  # RFC 4243
    RELAY_FLAGS = 10, kinds4.UINT8  # RFC 5010
    SERVER_ID_OVERRIDE = 11, kinds4.ADDRESS  # RFC 5107
    RELAY_ID = 12, kinds4.HEX  # RFC 6925
    ACCESS_TECHNO_TYPE = 13, kinds4.UINT16  # RFC 7839, to 18
    ACCESS_NETWORK_NAME = 14, kinds4.TEXT
    ACCESS_POINT_NAME = 15, kinds4.TEXT
    ACCESS_POINT_BSSID = 16, kinds4.HEX
    OPERATOR_ID = 17, kinds4.UINT32
    OPERATOR_REALM = 18, kinds4.TEXT
    RELAY_PORT = 19, kinds4.PRESENCE  # RFC 8357
    VIRTUAL_SUBNET_SELECTION = 151, kinds4.HEX  # RFC 6607
    VIRTUAL_SUBNET_SELECTION_CONTROL = 152, kinds4.PRESENCE


_RELAY_OPTIONS: Final[Mapping[int, RelayOption]] = {option.value: option for option in RelayOption}
_RELAY_NAMES: Final[Mapping[str, RelayOption]] = {option.label: option for option in RelayOption}


def _decode_relay(raw: bytes) -> Value:
    """Return suboptions by name; those without one by number, in hexadecimal."""
    value: dict[str, Value] = {}
    for code, suboption in structures4.suboptions(raw).items():
        known = _RELAY_OPTIONS.get(code)
        if known is None:
            value[str(code)] = kinds4.hex_of(suboption)
        else:
            value[known.label] = known.decode(suboption)
    return value


def _encode_relay(value: object) -> bytes:
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not an object of suboptions")
    wire = b""
    for key, suboption in value.items():
        known = _RELAY_NAMES.get(key)
        if known is None:
            code, raw = structures4.suboption_code(key), kinds4.hex_to_bytes(suboption)
        else:
            code, raw = known.value, known.encode(suboption)
        wire += bytes((code,)) + structures4.with_length(raw)
    return wire


_RELAY_INFO: Final = Kind("relay agent information", _decode_relay, _encode_relay)


class Option(Table):
    """DHCPv4 options: RFC 2132 up to 61 and 64 to 76, then what the comments say."""

    SUBNET_MASK = 1, kinds4.ADDRESS
    TIME_OFFSET = 2, kinds4.INT32
    ROUTERS = 3, kinds4.ADDRESS_LIST
    TIME_SERVERS = 4, kinds4.ADDRESS_LIST
    NAME_SERVERS = 5, kinds4.ADDRESS_LIST  # IEN 116, not DNS
    DOMAIN_NAME_SERVERS = 6, kinds4.ADDRESS_LIST
    LOG_SERVERS = 7, kinds4.ADDRESS_LIST
    COOKIE_SERVERS = 8, kinds4.ADDRESS_LIST
    LPR_SERVERS = 9, kinds4.ADDRESS_LIST
    IMPRESS_SERVERS = 10, kinds4.ADDRESS_LIST
    RESOURCE_LOCATION_SERVERS = 11, kinds4.ADDRESS_LIST
    HOST_NAME = 12, kinds4.TEXT
    BOOT_SIZE = 13, kinds4.UINT16
    MERIT_DUMP = 14, kinds4.TEXT
    DOMAIN_NAME = 15, kinds4.TEXT
    SWAP_SERVER = 16, kinds4.ADDRESS
    ROOT_PATH = 17, kinds4.TEXT
    EXTENSIONS_PATH = 18, kinds4.TEXT
    IP_FORWARDING = 19, kinds4.FLAG
    NON_LOCAL_SOURCE_ROUTING = 20, kinds4.FLAG
    POLICY_FILTER = 21, structures4.FILTERS
    MAX_DGRAM_REASSEMBLY = 22, kinds4.UINT16
    DEFAULT_IP_TTL = 23, kinds4.UINT8
    PATH_MTU_AGING_TIMEOUT = 24, kinds4.UINT32
    PATH_MTU_PLATEAU_TABLE = 25, kinds4.UINT16_LIST
    INTERFACE_MTU = 26, kinds4.UINT16
    ALL_SUBNETS_LOCAL = 27, kinds4.FLAG
    BROADCAST_ADDRESS = 28, kinds4.ADDRESS
    PERFORM_MASK_DISCOVERY = 29, kinds4.FLAG
    MASK_SUPPLIER = 30, kinds4.FLAG
    ROUTER_DISCOVERY = 31, kinds4.FLAG
    ROUTER_SOLICITATION_ADDRESS = 32, kinds4.ADDRESS
    STATIC_ROUTES = 33, structures4.STATIC_ROUTES
    TRAILER_ENCAPSULATION = 34, kinds4.FLAG
    ARP_CACHE_TIMEOUT = 35, kinds4.UINT32
    IEEE802_3_ENCAPSULATION = 36, kinds4.FLAG
    DEFAULT_TCP_TTL = 37, kinds4.UINT8
    TCP_KEEPALIVE_INTERVAL = 38, kinds4.UINT32
    TCP_KEEPALIVE_GARBAGE = 39, kinds4.FLAG
    NIS_DOMAIN = 40, kinds4.TEXT
    NIS_SERVERS = 41, kinds4.ADDRESS_LIST
    NTP_SERVERS = 42, kinds4.ADDRESS_LIST
    VENDOR_ENCAPSULATED_OPTIONS = 43, kinds4.HEX
    NETBIOS_NAME_SERVERS = 44, kinds4.ADDRESS_LIST
    NETBIOS_DD_SERVER = 45, kinds4.ADDRESS_LIST
    NETBIOS_NODE_TYPE = 46, kinds4.UINT8
    NETBIOS_SCOPE = 47, kinds4.TEXT
    FONT_SERVERS = 48, kinds4.ADDRESS_LIST
    X_DISPLAY_MANAGER = 49, kinds4.ADDRESS_LIST
    DHCP_REQUESTED_ADDRESS = 50, kinds4.ADDRESS
    DHCP_LEASE_TIME = 51, kinds4.UINT32
    DHCP_OPTION_OVERLOAD = 52, kinds4.UINT8
    DHCP_MESSAGE_TYPE = 53, kinds4.UINT8
    DHCP_SERVER_IDENTIFIER = 54, kinds4.ADDRESS
    DHCP_PARAMETER_REQUEST_LIST = 55, kinds4.UINT8_LIST
    DHCP_MESSAGE = 56, kinds4.TEXT
    DHCP_MAX_MESSAGE_SIZE = 57, kinds4.UINT16
    DHCP_RENEWAL_TIME = 58, kinds4.UINT32
    DHCP_REBINDING_TIME = 59, kinds4.UINT32
    VENDOR_CLASS_IDENTIFIER = 60, kinds4.TEXT
    DHCP_CLIENT_IDENTIFIER = 61, kinds4.HEX
    NWIP_DOMAIN_NAME = 62, kinds4.TEXT  # RFC 2242
    NWIP_SUBOPTIONS = 63, kinds4.HEX
    NISPLUS_DOMAIN_NAME = 64, kinds4.TEXT
    NISPLUS_SERVERS = 65, kinds4.ADDRESS_LIST
    TFTP_SERVER_NAME = 66, kinds4.TEXT
    BOOT_FILE_NAME = 67, kinds4.TEXT
    MOBILE_IP_HOME_AGENT = 68, kinds4.ADDRESS_LIST_OR_NONE
    SMTP_SERVER = 69, kinds4.ADDRESS_LIST
    POP_SERVER = 70, kinds4.ADDRESS_LIST
    NNTP_SERVER = 71, kinds4.ADDRESS_LIST
    WWW_SERVER = 72, kinds4.ADDRESS_LIST
    FINGER_SERVER = 73, kinds4.ADDRESS_LIST
    IRC_SERVER = 74, kinds4.ADDRESS_LIST
    STREETTALK_SERVER = 75, kinds4.ADDRESS_LIST
    STREETTALK_DIRECTORY_ASSISTANCE_SERVER = 76, kinds4.ADDRESS_LIST
    USER_CLASS = 77, structures4.USER_CLASS  # RFC 3004
    SLP_DIRECTORY_AGENT = 78, structures4.SLP_AGENTS  # RFC 2610
    SLP_SERVICE_SCOPE = 79, structures4.SLP_SCOPE
    RAPID_COMMIT = 80, kinds4.PRESENCE  # RFC 4039
    FQDN = 81, structures4.FQDN  # RFC 4702
    DHCP_AGENT_OPTIONS = 82, _RELAY_INFO  # RFC 3046
    ISNS = 83, kinds4.HEX  # RFC 4174
    NDS_SERVERS = 85, kinds4.ADDRESS_LIST  # RFC 2241
    NDS_TREE_NAME = 86, kinds4.TEXT
    NDS_CONTEXT = 87, kinds4.TEXT
    BCMS_CONTROLLER_NAMES = 88, kinds4.PLAIN_NAME_LIST  # RFC 4280
    BCMS_CONTROLLER_ADDRESS = 89, kinds4.ADDRESS_LIST
    AUTHENTICATION = 90, kinds4.HEX  # RFC 3118
    CLIENT_LAST_TRANSACTION_TIME = 91, kinds4.UINT32  # RFC 4388
    ASSOCIATED_IP = 92, kinds4.ADDRESS_LIST
    CLIENT_SYSTEM = 93, kinds4.UINT16_LIST  # RFC 4578
    CLIENT_NDI = 94, structures4.NETWORK_INTERFACE
    LDAP = 95, kinds4.TEXT  # RFC 3679
    UUID_GUID = 97, kinds4.HEX  # RFC 4578
    UAP_SERVERS = 98, kinds4.TEXT  # RFC 2485
    GEOCONF_CIVIC = 99, kinds4.HEX  # RFC 4776
    PCODE = 100, kinds4.TEXT  # RFC 4833
    TCODE = 101, kinds4.TEXT
    V6_ONLY_PREFERRED = 108, kinds4.UINT32  # RFC 8925
    DHCP4O6_S46_SADDR = 109, kinds4.IPV6_ADDRESS  # RFC 8539
    NETINFO_SERVER_ADDRESS = 112, kinds4.ADDRESS_LIST  # RFC 3679
    NETINFO_SERVER_TAG = 113, kinds4.TEXT
    V4_CAPTIVE_PORTAL = 114, kinds4.TEXT  # RFC 8910
    AUTO_CONFIG = 116, kinds4.FLAG  # RFC 2563
    NAME_SERVICE_SEARCH = 117, kinds4.UINT16_LIST  # RFC 2937
    SUBNET_SELECTION = 118, kinds4.ADDRESS  # RFC 3011
    DOMAIN_SEARCH = 119, kinds4.NAME_LIST  # RFC 3397
    SIP_SERVERS = 120, structures4.SIP_SERVERS  # RFC 3361
    CLASSLESS_STATIC_ROUTE = 121, structures4.ROUTES  # RFC 3442
    CABLELABS_CLIENT_CONFIGURATION = 122, kinds4.HEX  # RFC 3495
    GEOCONF = 123, kinds4.HEX  # RFC 6225
    VIVCO_SUBOPTIONS = 124, structures4.VENDOR_CLASS  # RFC 3925
    VIVSO_SUBOPTIONS = 125, structures4.VENDOR_OPTIONS
    PANA_AGENT = 136, kinds4.ADDRESS_LIST  # RFC 5192
    V4_LOST = 137, kinds4.NAME  # RFC 5223
    CAPWAP_AC_V4 = 138, kinds4.ADDRESS_LIST  # RFC 5417
    MOS_ADDRESS = 139, kinds4.HEX  # RFC 5678
    MOS_FQDN = 140, kinds4.HEX
    SIP_UA_CS_DOMAINS = 141, kinds4.PLAIN_NAME_LIST  # RFC 6011
    ANDSF_ADDRESS = 142, kinds4.ADDRESS_LIST  # RFC 6153
    V4_SZTP_REDIRECT = 143, structures4.URI_LIST  # RFC 8572
    GEOLOC = 144, kinds4.HEX  # RFC 6225
    FORCERENEW_NONCE_CAPABLE = 145, kinds4.UINT8_LIST  # RFC 6704
    RDNSS_SELECTION = 146, structures4.RDNSS_SELECTION  # RFC 6731
    V4_DOTS_RI = 147, kinds4.NAME  # RFC 8973
    V4_DOTS_ADDRESS = 148, kinds4.ADDRESS_LIST
    TFTP_SERVER_ADDRESS = 150, kinds4.ADDRESS_LIST  # RFC 5859
    STATUS_CODE = 151, structures4.STATUS  # RFC 6926, to 157
    BASE_TIME = 152, kinds4.UINT32
    START_TIME_OF_STATE = 153, kinds4.UINT32
    QUERY_START_TIME = 154, kinds4.UINT32
    QUERY_END_TIME = 155, kinds4.UINT32
    DHCP_STATE = 156, kinds4.UINT8
    DATA_SOURCE = 157, kinds4.UINT8
    V4_PCP_SERVER = 158, structures4.PCP_SERVERS  # RFC 7291
    V4_PORTPARAMS = 159, structures4.PORT_PARAMETERS  # RFC 7618
    MUD_URL = 161, kinds4.TEXT  # RFC 8520
    V4_DNR = 162, kinds4.HEX  # RFC 9463
    ETHERBOOT = 175, kinds4.HEX
    IP_TELEPHONE = 176, kinds4.TEXT
    PXELINUX_MAGIC = 208, kinds4.HEX  # RFC 5071
    PXELINUX_CONFIG_FILE = 209, kinds4.TEXT
    PXELINUX_PATH_PREFIX = 210, kinds4.TEXT
    PXELINUX_REBOOT_TIME = 211, kinds4.UINT32
    OPTION_6RD = 212, structures4.SIXRD  # RFC 5969
    V4_ACCESS_DOMAIN = 213, kinds4.NAME  # RFC 5986
    SUBNET_ALLOCATION = 220, kinds4.HEX  # RFC 6656
    VIRTUAL_SUBNET_SELECTION = 221, kinds4.HEX  # RFC 6607
    MS_CLASSLESS_STATIC_ROUTE = 249, structures4.ROUTES
    WPAD = 252, kinds4.TEXT


_OPTIONS: Final[Mapping[int, Option]] = {option.value: option for option in Option}
_NAMES: Final[Mapping[str, Option]] = {option.label: option for option in Option}


def by_code(code: int) -> Option | None:
    """Return the option with this code, None for one that the table does not have."""
    return _OPTIONS.get(code)


def by_name(name: str) -> Option | None:
    """Return the option with this name, as "domain-name-servers"; None for one that the table does not have."""
    return _NAMES.get(name)


def decode_value(code: int, raw: bytes) -> Value:
    """Return the value of an option for people, JSON and YANG; in hexadecimal when the table does not have it.

    Raises DecodeError, its offset counted in raw, or in the suboption that it names.
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
    if not 0 < code < 255:
        raise ValueError(f"{code} is not the code of an option")
    return kinds4.hex_to_bytes(value)


def relay_suboptions(raw: bytes) -> dict[int, bytes]:
    """Return the suboptions of option 82 by code, raw. Raises DecodeError."""
    return structures4.suboptions(raw)
