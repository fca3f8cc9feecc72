"""Configurations of the DHCPv6 server as an operator writes them, and what becomes of them, for tests."""

from collections.abc import Mapping
from typing import Any

from nc.schema import Schema
from tests.northbound import dhc4_settings
from tests.northbound.dhc4_settings import tree_of
from vppdhc.dhc6.config import ServerConfig
from vppdhc.northbound.dhc6_component import Dhcp6Component
from vppdhc.northbound.dhc6_config import dhc6server_config

WAN = {"interface": "wan0"}
"""A client on the WAN, without which nothing can be learned."""


def config_of(schema: Schema, server: Mapping[str, Any], **others: Any) -> ServerConfig:
    """Return the configuration that settings make; nothing in them may be wrong."""
    reading = dhc6server_config(schema, tree_of(schema, server, "dhc6server", **others))
    assert reading is not None
    assert reading.faults == ()
    return reading.config


class Judge(dhc4_settings.Judge):
    """The component of the DHCPv6 server, whose configuration changes."""

    component = Dhcp6Component
