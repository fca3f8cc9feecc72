"""Operational state of the daemon, read over NETCONF with two clients."""

import socket
from pathlib import Path

from tests.northbound.managed import NS, Managed, answer, subtree, text, texts
from tests.waiting import wait_for


def test_both_clients_see_the_same(managed: Managed) -> None:
    wanted = subtree("<vpp><interface/></vpp>")
    with managed.client() as one, managed.ncclient() as other:
        ours = one.get(filter=wanted).data_ele
        theirs = other.get(filter=("subtree", '<vpp xmlns="urn:vppdhc:yang"><interface/></vpp>')).data
        assert texts(ours, ".//v:interface/v:name") == texts(theirs, ".//v:interface/v:name") == ["local0", "tap1"]


def test_an_interface_is_shown_whole(managed: Managed) -> None:
    managed.rig.ctl("create sub-interfaces tap1 7 dot1ad 200 inner-dot1q 30 exact-match")
    managed.rig.ctl("set interface ip address tap1 2001:db8::1/64")
    with managed.client() as client:
        wanted = subtree("<vpp><interface><name>tap1.7</name></interface></vpp>")
        wait_for(lambda: texts(client.get(filter=wanted).data_ele, ".//v:name"), "the sub-interface is known")
        shown = client.get(filter=wanted).data_ele
        assert texts(shown, ".//v:vlan-tag/v:vlan-id") == ["200", "30"]
        assert texts(shown, ".//v:vlan-tag/v:tag-type") == ["s-vlan", "c-vlan"]
        wanted = subtree("<vpp><interface><name>tap1</name></interface></vpp>")
        addresses = ".//v:ipv6-address/v:ip"
        wait_for(
            lambda: texts(client.get(filter=wanted).data_ele, addresses), "the address, which has no event, is known"
        )
        parent = client.get(filter=wanted).data_ele
        assert text(parent, ".//v:ipv4-address/v:ip") == "192.168.1.1"
        assert text(parent, ".//v:ipv6-address/v:prefix-length") == "64"
        assert text(parent, ".//v:oper-status") == "up"


def test_punt_ports_and_the_connection_are_shown(managed: Managed) -> None:
    managed.address(managed.host(1))
    with managed.client() as client:
        vpp = client.get(filter=subtree("<vpp/>")).data_ele
        assert text(vpp, ".//v:connection/v:state") == "connected"
        assert int(text(vpp, ".//v:connection/v:call-count")) > 0
        assert texts(vpp, ".//v:punt-port/v:port") == ["67", "68", "546", "547", "133"]
        assert texts(vpp, ".//v:punt-port/v:owner") == ["ours", *["nobody"] * 4]
        received = [int(count) for count in texts(vpp, ".//v:punt-port/v:received-count")]
        assert [count >= 2 for count in received] == [True, *[False] * 4]
        assert int(text(vpp, ".//v:punt-sender/v:sent-count")) >= 2
        assert texts(vpp, ".//v:drift") == []


def test_leases_are_shown_by_their_state(managed: Managed) -> None:
    first, second = managed.host(1), managed.host(2)
    kept, given_back = managed.address(first), managed.address(second)
    managed.rig.ctl(f"simulate host {second} dhcp release")
    managed.daemon.logged("lease released", address=given_back)
    with managed.client() as client:
        server = client.get(filter=subtree("<dhc4server/>")).data_ele
        assert text(server, ".//v:active-lease/v:leased-address") == kept
        assert text(server, ".//v:active-lease/v:hardware-address") == "02:00:00:00:00:01"
        assert text(server, ".//v:active-lease/v:lease-t1") == "1800"
        assert text(server, ".//v:inactive-lease/v:leased-address") == given_back
        assert text(server, ".//v:inactive-lease/v:state") == "released"
        assert text(server, ".//v:address-pool-state/v:allocated-count") == "1"
        assert text(server, ".//v:address-pool-state/v:total-count") == "230"
        assert text(server, ".//v:served-interface/v:network-prefix") == "192.168.1.0/24"
        assert text(server, ".//v:statistics/v:discover-count") == "2"
        assert text(server, ".//v:statistics/v:ack-count") == "2"
        assert text(server, ".//v:statistics/v:release-count") == "1"


def test_one_lease_is_found_by_its_key(managed: Managed) -> None:
    addresses = [managed.address(managed.host(number)) for number in range(1, 6)]
    with managed.client() as client:
        key = f"<table-id>0</table-id><leased-address>{addresses[2]}</leased-address>"
        found = client.get(filter=subtree(f"<dhc4server><active-lease>{key}</active-lease></dhc4server>")).data_ele
        assert texts(found, ".//v:leased-address") == [addresses[2]]
        xpath = f"/vppdhc:dhc4server/vppdhc:active-lease[vppdhc:leased-address='{addresses[3]}']"
        select = f'<filter type="xpath" xmlns:vppdhc="{NS["v"]}" select="{xpath}"/>'
        assert texts(client.get(filter=select).data_ele, ".//v:leased-address") == [addresses[3]]


def test_the_daemon_itself_is_shown(managed: Managed) -> None:
    managed.address(managed.host(1))
    with managed.client() as client:
        system = client.get(filter=subtree("<system/>")).data_ele
        status = dict(
            zip(texts(system, ".//v:component/v:name"), texts(system, ".//v:component/v:status"), strict=True)
        )
        assert status == {
            "vpp": "running",
            "dhc4server": "running",
            "netconf-server": "running",
            "dhc4client": "not-configured",
            "dhc6server": "not-configured",
            "dhc6pdclient": "not-configured",
            "ip6ndra": "not-configured",
        }
        assert text(system, ".//v:lease-store/v:lease-count") == "1"
        assert int(text(system, ".//v:lease-store/v:commit-count")) >= 1
        assert int(text(system, ".//v:hub/v:longest-hold")) > 0
        assert text(system, ".//v:config-version/v:source") == "file"
        netconf = client.get(filter=subtree("<netconf-server/>")).data_ele
        assert text(netconf, ".//v:listener/v:port") == str(managed.port)
        assert text(netconf, ".//v:host-key/v:fingerprint").startswith("SHA256:")


def test_the_operational_datastore_has_origins_and_defaults(managed: Managed) -> None:
    with managed.ssh() as client:
        reply = client.dispatch(
            '<get-data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda" '
            'xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores"><datastore>ds:operational</datastore>'
            '<subtree-filter><dhc4server xmlns="urn:vppdhc:yang"><offer-hold-time/><lease-time/></dhc4server>'
            "</subtree-filter><with-origin/></get-data>"
        )
        origin = "{urn:ietf:params:xml:ns:yang:ietf-origin}origin"
        held = next(answer(reply).iter(f"{{{NS['v']}}}offer-hold-time"))
        assert held.text == "60"
        assert held.get(origin, "").endswith("default")


def test_a_port_that_cannot_be_had_is_said_and_dhcp_is_served(tmp_path: Path) -> None:
    managed = Managed(tmp_path)
    listener = f"ssh 127.0.0.1:{managed.port}"
    try:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", managed.port))
            taken.listen()
            managed.daemon.start()
            managed.daemon.logged("cannot listen", listener=listener)
            assert managed.address(managed.host(1))
            with managed.client() as client:
                netconf = client.get(filter=subtree("<netconf-server/>")).data_ele
                assert "in use" in text(netconf, ".//v:listener/v:problem")
        managed.daemon.logged("listening", listener=listener)
        with managed.ssh() as client:
            assert client.get(filter=subtree("<vpp/>"))
    finally:
        managed.close()
