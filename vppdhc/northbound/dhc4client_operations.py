"""The actions of the DHCPv4 clients."""

from vppdhc.northbound.client_operations import ClientOperations


class Dhcp4ClientOperations(ClientOperations):
    """renew, rebind and release."""

    component = "dhc4client"
