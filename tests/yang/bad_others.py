"""Mistakes in the configuration of everything but the servers: document, where libyang finds it, error-app-tag."""

from typing import Any

from tests.yang.bad_servers import Bad


def _members(members: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "-"): value for name, value in members.items()}


def _client4(**members: Any) -> dict[str, Any]:
    return {"dhc4client": [{"interface": "wan0", **_members(members)}]}


def _client6(**members: Any) -> dict[str, Any]:
    return {"dhc6pdclient": [{"interface": "wan0", **_members(members)}]}


def _ra(**members: Any) -> dict[str, Any]:
    return {"ip6ndra": _members(members)}


def _prefix(**members: Any) -> dict[str, Any]:
    prefix = {"prefix-spec": "2001:db8::/64", **_members(members)}
    return _ra(interface=[{"name": "lan", "prefix-list": {"prefix": [prefix]}}])


C4 = "/vppdhc:dhc4client[interface='wan0']"
C6 = "/vppdhc:dhc6pdclient[interface='wan0']"
RA = "/vppdhc:ip6ndra"
PREFIX = f"{RA}/interface[name='lan']/prefix-list/prefix[prefix-spec='2001:db8::/64']"
NS = "/vppdhc:netconf-server"
KEY = "ssh-ed25519 " + "A" * 68

BAD_CLIENTS: list[Bad] = [
    ({"dhc4client": [{"hostname": "a"}]}, "/vppdhc:dhc4client", None),
    (_client4(client_id_type="hardware-address", ia_id=1), f"{C4}/ia-id", "ia-id-without-duid"),
    (_client4(client_id="01:02", client_id_type="duid"), C4, None),
    (_client4(client_id="01:2"), f"{C4}/client-id", None),
    (_client4(max_message_size=575), f"{C4}/max-message-size", "max-message-size-too-small"),
    (_client4(requested_address="0.0.0.0"), f"{C4}/requested-address", "not-a-host-address"),
    (_client4(lease_time=2), f"{C4}/lease-time", None),
    (_client4(request_option=[0]), f"{C4}/request-option", None),
    (_client4(option=[{"code": 55, "hex": "01"}]), f"{C4}/option/code", "option-not-settable"),
    (_client4(route_preference=256), f"{C4}/route-preference", None),
    (_client4(on_stop="explode"), f"{C4}/on-stop", None),
    (_client6(npt66=True), f"{C6}/npt66", "npt66-without-internal-prefix"),
    (_client6(internal_prefix="fd00::/48"), f"{C6}/internal-prefix", "internal-prefix-without-npt66"),
    (_client6(npt66=True, internal_prefix="fd00::/65"), f"{C6}/internal-prefix", "internal-prefix-too-long"),
    (_client6(npt66=True, internal_prefix="10.0.0.0/8"), f"{C6}/internal-prefix", None),
    (
        _client6(npt66=True, internal_prefix="fd00::/48", lan_interface=[{"name": "lan"}]),
        f"{C6}/lan-interface[name='lan']",
        "npt66-leaves-no-prefix",
    ),
    (_client6(lan_interface=[{"name": "wan0"}]), f"{C6}/lan-interface[name='wan0']/name", "lan-is-upstream"),
    (
        _client6(lan_interface=[{"name": "lan", "ia-id": 1}]),
        f"{C6}/lan-interface[name='lan']/ia-id",
        "instance-required",
    ),
    (
        _client6(lan_interface=[{"name": "a", "subnet-id": 1}, {"name": "b", "subnet-id": 1}]),
        f"{C6}/lan-interface[name='b']/subnet-id",
        "subnet-id-twice",
    ),
    (
        _client6(
            ia_pd=[{"ia-id": 1}],
            lan_interface=[{"name": "a", "subnet-id": 1}, {"name": "b", "subnet-id": 1, "ia-id": 1}],
        ),
        f"{C6}/lan-interface[name='a']/subnet-id",
        "subnet-id-twice",
    ),
    (
        _client6(lan_interface=[{"name": "lan", "prefix-length": 47}]),
        f"{C6}/lan-interface[name='lan']/prefix-length",
        "lan-prefix-length-out-of-range",
    ),
    (
        _client6(lan_interface=[{"name": "lan", "interface-id": "::"}]),
        f"{C6}/lan-interface[name='lan']/interface-id",
        "invalid-interface-id",
    ),
    (
        _client6(lan_interface=[{"name": "lan", "interface-id": "2001:db8::1"}]),
        f"{C6}/lan-interface[name='lan']/interface-id",
        "invalid-interface-id",
    ),
    (_client6(mode="stateless", ia_na=[{"ia-id": 1}]), f"{C6}/mode", "stateless-has-no-prefix"),
    (_client6(ia_pd=[{"ia-id": 1, "prefix-length-hint": 0}]), f"{C6}/ia-pd[ia-id='1']/prefix-length-hint", None),
    (_client6(ia_pd=[{"ia-id": 4294967296}]), f"{C6}/ia-pd/ia-id", None),
    (_client6(client_duid="00:01"), f"{C6}/client-duid", "invalid-duid"),
    (_client6(default_route="somewhere"), f"{C6}/default-route", None),
]

BAD_RA: list[Bad] = [
    (_ra(max_rtr_adv_interval=3), f"{RA}/max-rtr-adv-interval", None),
    (_ra(min_rtr_adv_interval=2), f"{RA}/min-rtr-adv-interval", None),
    (_ra(min_rtr_adv_interval=451), f"{RA}/min-rtr-adv-interval", "min-interval-too-long"),
    (_ra(link_mtu=1279), f"{RA}/link-mtu", "link-mtu-out-of-range"),
    (_ra(reachable_time=3600001), f"{RA}/reachable-time", None),
    (_ra(cur_hop_limit=256), f"{RA}/cur-hop-limit", None),
    (_ra(default_lifetime=599), f"{RA}/default-lifetime", "default-lifetime-too-short"),
    (_ra(rdnss_lifetime=599), f"{RA}/rdnss-lifetime", "dns-lifetime-too-short"),
    (
        _ra(interface=[{"name": "lan", "max-rtr-adv-interval": 30, "dnssl-lifetime": 29}]),
        f"{RA}/interface[name='lan']/dnssl-lifetime",
        "dns-lifetime-too-short",
    ),
    (_ra(router_preference="highest"), f"{RA}/router-preference", None),
    (_ra(rdnss=["from-upstream"]), f"{RA}/rdnss[.='from-upstream']", "no-upstream"),
    (_ra(rdnss=["ff02::fb"]), f"{RA}/rdnss[.='ff02::fb']", "not-a-host-address"),
    (_ra(dnssl=["from-upstream"]), f"{RA}/dnssl[.='from-upstream']", "no-upstream"),
    (_ra(captive_portal="from-upstream"), f"{RA}/captive-portal", "no-upstream"),
    (_ra(upstream_interface="wan0"), f"{RA}/upstream-interface", "no-upstream"),
    (
        _ra(pref64=[{"prefix": "64:ff9b::/97"}]),
        f"{RA}/pref64[prefix='64:ff9b::/97']/prefix",
        "invalid-nat64-prefix-length",
    ),
    (
        _ra(pref64=[{"prefix": "64:ff9b::/96", "lifetime": 12}]),
        f"{RA}/pref64[prefix='64:ff9b::/96']/lifetime",
        "not-a-multiple-of-8",
    ),
    (_ra(pref64=[{"prefix": "64:ff9b::/96", "lifetime": 65529}]), f"{RA}/pref64[prefix='64:ff9b::/96']/lifetime", None),
    ({**_client6(), **_ra(interfaces=["wan0"])}, f"{RA}/interfaces[.='wan0']", "upstream-interface"),
    ({**_client6(), **_ra(interface=[{"name": "wan0"}])}, f"{RA}/interface[name='wan0']/name", "upstream-interface"),
    (_prefix(valid_lifetime=10, preferred_lifetime=11), f"{PREFIX}/preferred-lifetime", "preferred-longer-than-valid"),
    (_prefix(no_advertise=[None], valid_lifetime=1), PREFIX, None),
    (
        _ra(interface=[{"name": "lan", "prefix-list": {"prefix": [{"prefix-spec": "2001:db8::/48"}]}}]),
        f"{RA}/interface[name='lan']/prefix-list/prefix[prefix-spec='2001:db8::/48']/autonomous-flag",
        "autonomous-needs-64",
    ),
]

BAD_MANAGEMENT: list[Bad] = [
    ({"dhcp": {}}, None, None),
    ({"vpp": {"api-socket": "run/vpp/api.sock"}}, "/vppdhc:vpp/api-socket", "not-absolute"),
    ({"vpp": {"api-socket": "/" + "x" * 107}}, "/vppdhc:vpp/api-socket", "socket-path-too-long"),
    ({"vpp": {"api-timeout": 0}}, "/vppdhc:vpp/api-timeout", None),
    ({"vpp": {"max-reconnect-interval": 301}}, "/vppdhc:vpp/max-reconnect-interval", None),
    ({"vpp": {"connection": {"state": "lost"}}}, "/vppdhc:vpp/connection", None),
    ({"system": {"logging": {"level": "loud"}}}, "/vppdhc:system/logging/level", None),
    ({"system": {"http-server": {"port": 0}}}, "/vppdhc:system/http-server/port", None),
    ({"system": {"http-server": {"address": "localhost"}}}, "/vppdhc:system/http-server/address", None),
    ({"system": {"event-hook": {}}}, "/vppdhc:system/event-hook", None),
    ({"system": {"event-hook": {"program": "/x", "timeout": 301}}}, "/vppdhc:system/event-hook/timeout", None),
    ({"system": {"event-hook": {"program": "/x", "max-pending": 0}}}, "/vppdhc:system/event-hook/max-pending", None),
    (
        {"system": {"event-hook": {"program": "/x", "event": ["Lease Granted"]}}},
        "/vppdhc:system/event-hook/event",
        "invalid-event-name",
    ),
    ({"system": {"duid": {"value": "00:01"}}}, "/vppdhc:system/duid/value", "invalid-duid"),
    ({"netconf-server": {"port": 65536}}, f"{NS}/port", None),
    ({"netconf-server": {"listen-address": ["localhost"]}}, f"{NS}/listen-address", None),
    ({"netconf-server": {"limits": {"max-sessions": 0}}}, f"{NS}/limits/max-sessions", None),
    ({"netconf-server": {"limits": {"login-timeout": 601}}}, f"{NS}/limits/login-timeout", None),
    (
        {"netconf-server": {"limits": {"max-message-size": 65535}}},
        f"{NS}/limits/max-message-size",
        "max-message-size-out-of-range",
    ),
    ({"netconf-server": {"user": [{"name": "a"}]}}, f"{NS}/user[name='a']", "user-without-credentials"),
    ({"netconf-server": {"user": [{"name": "-a", "authorized-key": [KEY]}]}}, f"{NS}/user/name", "invalid-user-name"),
    ({"netconf-server": {"call-home": [{"name": "a"}]}}, f"{NS}/call-home[name='a']", None),
    (
        {"netconf-server": {"call-home": [{"name": "a", "address": "h", "reconnect-interval": 0}]}},
        f"{NS}/call-home[name='a']/reconnect-interval",
        None,
    ),
    (
        {"netconf-server": {"call-home": [{"name": name, "address": "10.0.0.1"} for name in ("a", "b")]}},
        f"{NS}/call-home[name='b']/address",
        "call-home-twice",
    ),
    *(
        (
            {"netconf-server": {"user": [{"name": "a", "authorized-key": [KEY, key]}]}},
            f"{NS}/user[name='a']/authorized-key",
            "invalid-public-key",
        )
        for key in ("ssh-dss " + "A" * 68, "A" * 68, 'command="x" ' + KEY, "ssh-ed25519 short")
    ),
    *(
        (
            {"netconf-server": {"user": [{"name": "a", "authorized-key": [KEY], "password-hash": password}]}},
            f"{NS}/user[name='a']/password-hash",
            "invalid-password-hash",
        )
        for password in ("secret", "$0$secret", "$1$salt$" + "a" * 22, "$6$salt$short", "$2b$12$short")
    ),
]
