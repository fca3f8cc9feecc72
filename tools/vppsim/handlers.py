"""The API messages about interfaces, their addresses, and what else is set on an interface."""

from collections.abc import Iterator
from typing import Any, Final

from tools.vppsim import addresses
from tools.vppsim import router as state
from tools.vppsim.addresses import NONE, Prefix
from tools.vppsim.api import ApiServer, Client, Values
from tools.vppsim.interfaces import ADMIN_UP, MTU, SERVICE_TAGGED, Interface, Interfaces
from tools.vppsim.ip6 import Advertisement, Ip6Input
from tools.vppsim.router import AddressInUseError, Router

_ALREADY: Final = -31
_INVALID_VALUE: Final = -7
_LONGEST_BINDING: Final = 64
_ONE_TAG, _TWO_TAGS, _DOT1AD, _EXACT_MATCH = 2, 4, 8, 16


def prefix_from_api(value: dict[str, Any]) -> Prefix:
    """Return the prefix of a `vl_api_prefix_t`, host bits kept."""
    af = 6 if value["address"]["af"] else 4
    return Prefix(af, addresses.unpack(af, value["address"]["un"]), value["len"])


def prefix_to_api(prefix: Prefix) -> dict[str, Any]:
    """Return a prefix as a `vl_api_prefix_t`."""
    return {"address": address_to_api(prefix.af, prefix.address), "len": prefix.length}


def address_to_api(af: int, address: int) -> dict[str, Any]:
    """Return an address as a `vl_api_address_t`."""
    return {"af": 0 if af == 4 else 1, "un": addresses.pack(af, address)}


class InterfaceHandlers:
    """Requests and events about interfaces."""

    def __init__(self, server: ApiServer, router: Router, ip6: Ip6Input) -> None:
        self._server = server
        self._router = router
        self._ip6 = ip6
        self._watching: dict[str, dict[Client, int]] = {"interfaces": {}, "advertisements": {}}
        server.on_gone.append(self._gone)
        ip6.on_advertisement.append(self._advertised)
        server.handlers |= {
            "sw_interface_dump": self._dump,
            "sw_interface_set_flags": self._set_flags,
            "sw_interface_set_mtu": self._set_mtu,
            "sw_interface_get_table": self._get_table,
            "sw_interface_add_del_address": self._add_del_address,
            "ip_address_dump": self._dump_addresses,
            "sw_interface_ip4_enable_disable": self._enable_ip4,
            "sw_interface_ip6_enable_disable": self._enable_ip6,
            "sw_interface_ip6_get_link_local_address": self._get_link_local,
            "sw_interface_ip6_set_link_local_address": self._set_link_local,
            "sw_interface_ip6nd_ra_config": self._configure_advertisements,
            "sw_interface_ip6nd_ra_dump": self._dump_advertisements,
            "ip6nd_send_router_solicitation": self._solicit_router,
            "dhcp_client_detect_enable_disable": self._detect,
            "npt66_binding_add_del": self._bind,
            "want_interface_events": lambda c, v: self._want("interfaces", c, v["enable_disable"], v["pid"]),
            "want_ip6_ra_events": lambda c, v: self._want("advertisements", c, v["enable"], v["pid"]),
        }

    @property
    def _interfaces(self) -> Interfaces:
        return self._router.interfaces

    def attach(self) -> None:
        """Hear of what happens to the router's interfaces."""
        self._router.on_interface.append(self._changed)

    def _find(self, values: Values) -> Interface | None:
        return self._interfaces.get(values["sw_if_index"])

    # --- interfaces

    def _dump(self, _: Client, values: Values) -> Iterator[Values]:
        for interface in self._interfaces:
            if values["sw_if_index"] not in (NONE, 0, interface.index):
                continue
            if not values["name_filter_valid"] or values["name_filter"] in interface.name:
                yield self._details(interface)

    def _details(self, interface: Interface) -> Values:
        tags = [vlan for _, vlan in interface.vlans]
        flags = {1: _ONE_TAG, 2: _TWO_TAGS}.get(len(tags), 0)
        if tags:
            flags |= _EXACT_MATCH if interface.exact_match else 0
            flags |= _DOT1AD if interface.vlans[0][0] == SERVICE_TAGGED else 0
        return {
            "sw_if_index": interface.index,
            "sup_sw_if_index": interface.parent,
            "l2_address": interface.mac,
            "flags": self._interfaces.flags(interface),
            "type": int(interface.is_sub),
            "link_mtu": 0 if interface.name == "local0" else MTU,
            "mtu": interface.mtu,
            "sub_id": interface.sub_id,
            "sub_number_of_tags": len(tags),
            "sub_outer_vlan_id": tags[0] if tags else 0,
            "sub_inner_vlan_id": tags[1] if len(tags) > 1 else 0,
            "sub_if_flags": flags,
            "interface_name": interface.name,
            "interface_dev_type": interface.kind,
        }

    def _set_flags(self, _: Client, values: Values) -> Values:
        interface = self._find(values)
        if interface is None:
            return {"retval": state.INVALID_INTERFACE}
        self._router.set_state(interface, up=bool(values["flags"] & ADMIN_UP))
        return {}

    def _set_mtu(self, _: Client, values: Values) -> Values:
        interface = self._find(values)
        if interface is None:
            return {"retval": state.INVALID_INTERFACE}
        interface.mtu = list(values["mtu"])
        return {}

    def _get_table(self, _: Client, values: Values) -> Values:
        interface = self._find(values)
        if interface is None:
            return {"retval": state.INVALID_INTERFACE, "vrf_id": NONE}
        return {"vrf_id": interface.tables[6 if values["is_ipv6"] else 4]}

    def _want(self, what: str, client: Client, enable: int, pid: int) -> Values:
        watching = self._watching[what]
        if bool(enable) == (client in watching):
            return {"retval": _ALREADY}
        if enable:
            watching[client] = pid
        else:
            del watching[client]
        return {}

    def _gone(self, client: Client) -> None:
        for watching in self._watching.values():
            watching.pop(client, None)

    def _changed(self, index: int, flags: int, deleted: bool) -> None:
        values = {"sw_if_index": index, "flags": flags, "deleted": deleted}
        for client, pid in list(self._watching["interfaces"].items()):
            self._server.event(client, "sw_interface_event", {**values, "pid": pid})

    # --- addresses

    def _add_del_address(self, _: Client, values: Values) -> Values:
        interface = self._find(values)
        if interface is None:
            return {"retval": state.INVALID_INTERFACE}
        prefix = prefix_from_api(values["prefix"])
        if not prefix.is_sound:
            return {"retval": state.INVALID_ADDRESS}
        if values["del_all"]:
            self._router.delete_all_addresses(interface)
            return {}
        if not values["is_add"]:
            return {"retval": self._router.delete_address(interface, prefix)}
        try:
            return {"retval": self._router.add_address(interface, prefix)}
        except AddressInUseError as error:
            return {"retval": error.retval}

    def _dump_addresses(self, _: Client, values: Values) -> list[Values]:
        interface = self._find(values)
        af = 6 if values["is_ipv6"] else 4
        present = [] if interface is None else [p for p in interface.addresses if p.af == af]
        return [{"sw_if_index": values["sw_if_index"], "prefix": prefix_to_api(p)} for p in present]

    def _enable_ip4(self, _: Client, values: Values) -> Values:
        interface = self._find(values)
        if interface is None:
            return {"retval": state.INVALID_INTERFACE}
        self._router.block_ip4(interface, block=values["enable"])  # VPP 26.06 does the opposite of what it is asked
        return {}

    def _enable_ip6(self, _: Client, values: Values) -> Values:
        interface = self._find(values)
        if interface is None:
            return {"retval": state.INVALID_INTERFACE}
        return {"retval": self._router.enable_ip6(interface, enable=values["enable"])}

    def _get_link_local(self, _: Client, values: Values) -> Values:
        interface = self._find(values)
        if interface is None:
            return {"retval": state.INVALID_INTERFACE}
        if interface.link_local is None:
            return {"retval": state.IP6_NOT_ENABLED}
        return {"ip": addresses.pack(6, interface.link_local)}

    def _set_link_local(self, _: Client, values: Values) -> Values:
        interface = self._find(values)
        if interface is None:
            return {"retval": state.INVALID_INTERFACE}
        return {"retval": self._router.set_link_local(interface, addresses.unpack(6, values["ip"]))}

    # --- router advertisements

    def _configure_advertisements(self, _: Client, values: Values) -> Values:
        interface = self._find(values)
        if interface is None:
            return {"retval": state.INVALID_INTERFACE}
        if not interface.ip6_enabled:
            return {"retval": state.IP6_NOT_ENABLED}
        settings, on = interface.advertisements, not values["is_no"]
        settings.managed = on if values["managed"] else settings.managed
        settings.other = on if values["other"] else settings.other
        settings.cease = on if values["cease"] else settings.cease
        settings.unicast = on if values["send_unicast"] else settings.unicast
        settings.link_layer = not on if values["ll_option"] else settings.link_layer
        settings.max_interval = values["max_interval"] or settings.max_interval
        settings.min_interval = values["min_interval"] or settings.min_interval
        was_sending, settings.send = settings.send, not (values["suppress"] and on)
        if settings.send and not was_sending:
            self._ip6.advertise(interface)
        return {}

    def _dump_advertisements(self, _: Client, values: Values) -> Iterator[Values]:
        for interface in self._interfaces:
            if values["sw_if_index"] in (NONE, interface.index) and interface.ip6_enabled:
                settings = interface.advertisements
                yield {
                    "sw_if_index": interface.index,
                    "cur_hop_limit": 64,
                    "adv_managed_flag": settings.managed,
                    "adv_other_flag": settings.other,
                    "adv_router_lifetime": settings.lifetime,
                    "adv_link_mtu": MTU,
                    "send_radv": settings.send,
                    "cease_radv": settings.cease,
                    "send_unicast": settings.unicast,
                    "adv_link_layer_address": settings.link_layer,
                    "max_radv_interval": settings.max_interval,
                    "min_radv_interval": settings.min_interval,
                    "initial_adverts_count": 3,
                    "initial_adverts_interval": 16.0,
                    "n_advertisements_sent": settings.sent,
                    "n_solicitations_rcvd": settings.solicited,
                }

    def _solicit_router(self, _: Client, values: Values) -> Values:
        interface = self._find(values)
        if interface is None:
            return {"retval": state.INVALID_INTERFACE}
        self._ip6.solicit_router(interface, values["irt"], values["mrc"], stop=values["stop"])
        return {}

    def _advertised(self, seen: Advertisement) -> None:
        values = {
            "sw_if_index": seen.sw_if_index,
            "router_addr": addresses.pack(6, seen.router),
            "current_hop_limit": seen.hop_limit,
            "flags": seen.flags,
            "router_lifetime_in_sec": seen.lifetime,
            "neighbor_reachable_time_in_msec": seen.reachable,
            "time_in_msec_between_retransmitted_neighbor_solicitations": seen.retransmit,
            "n_prefixes": len(seen.prefixes),
            "prefixes": [
                {
                    "prefix": prefix_to_api(Prefix(6, prefix.address, prefix.length)),
                    "flags": prefix.flags,
                    "valid_time": prefix.valid,
                    "preferred_time": prefix.preferred,
                }
                for prefix in seen.prefixes
            ],
        }
        for client, pid in list(self._watching["advertisements"].items()):
            swapped = int.from_bytes(pid.to_bytes(4, "big"), "little")  # VPP forgets the byte order of this field
            self._server.event(client, "ip6_ra_event", {**values, "pid": swapped})

    # --- DHCP client detection, NPTv6

    def _detect(self, _: Client, values: Values) -> Values:
        interface = self._find(values)
        if interface is None:
            return {"retval": state.INVALID_INTERFACE}
        interface.detect = interface.detect + 1 if values["enable"] else max(0, interface.detect - 1)
        return {}

    def _bind(self, _: Client, values: Values) -> Values:
        interface, index = self._find(values), values["sw_if_index"]
        if interface is None:
            return {"retval": state.INVALID_INTERFACE}
        if not values["is_add"]:
            interface.translates = False
            return {} if self._router.bindings.pop(index, None) else {"retval": state.NO_SUCH_ENTRY}
        internal, external = (
            Prefix(6, addresses.unpack(6, values[side]["address"]), values[side]["len"])
            for side in ("internal", "external")
        )
        if max(internal.length, external.length) > _LONGEST_BINDING:
            return {"retval": _INVALID_VALUE}
        # One that has outlived another interface is replaced, but VPP then does not switch the plugin on.
        interface.translates = interface.translates or index not in self._router.bindings
        self._router.bindings[index] = (_cut_as_vpp(internal), _cut_as_vpp(external))
        return {}


def _cut_as_vpp(prefix: Prefix) -> Prefix:
    """Return a prefix as the npt66 plugin keeps it: of the octet that its length ends in, the wrong bits are kept."""
    octets = bytearray(addresses.pack(6, prefix.address))
    whole, bits = divmod(prefix.length, 8)
    octets[whole] &= 0xFF >> bits
    octets[whole + 1 :] = bytes(len(octets) - whole - 1)
    return Prefix(6, int.from_bytes(octets, "big"), prefix.length)
