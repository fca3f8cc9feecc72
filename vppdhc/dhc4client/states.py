"""The states of a client, by the names of the model."""

from enum import StrEnum


class State(StrEnum):
    """What the client does (RFC 2131, figure 5)."""

    LINK_DOWN = "link-down"
    INIT = "init"
    SELECTING = "selecting"
    REQUESTING = "requesting"
    INIT_REBOOT = "init-reboot"
    REBOOTING = "rebooting"
    BOUND = "bound"
    RENEWING = "renewing"
    REBINDING = "rebinding"
    DECLINED = "declined"
    IPV6_ONLY = "ipv6-only"
    RELEASED = "released"
