"""The actions of the DHCPv6 clients."""

from vppdhc.northbound.client_operations import ClientOperations


class Dhcp6ClientOperations(ClientOperations):
    """renew, rebind and release."""

    component = "dhc6pdclient"
