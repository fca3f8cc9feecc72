"""Changing the configuration while DHCP is served: what is accepted, refused, taken back and kept."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from netconf_client.error import RpcError

from tests.northbound.managed import NS, Managed, answer, config, rpc, subtree, text, texts
from tests.waiting import wait_for


def stored(managed: Managed) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(managed.daemon.config.read_text())
    return content


class Traffic:
    """Hosts that renew in turn, and what became of each of their requests."""

    def __init__(self, managed: Managed, count: int) -> None:
        self._managed = managed
        self.names = [managed.host(number) for number in range(1, count + 1)]
        self.addresses = {name: managed.address(name) for name in self.names}

    def renew_all(self) -> None:
        """Have every host renew once, and see that each gets an ACK for the address it has."""
        before = self._acks()
        for name in self.names:
            self._managed.rig.ctl(f"simulate host {name} dhcp renew")
        wait_for(lambda: all(count > before[name] for name, count in self._acks().items()), "every renewal is answered")
        hosts = self._managed.hosts()
        assert {name: str(hosts[name]["address"]).split("/")[0] for name in self.names} == self.addresses

    def _acks(self) -> dict[str, int]:
        hosts = self._managed.hosts()
        return {name: hosts[name]["received"].get("ack", 0) for name in self.names}


def test_a_commit_takes_effect_and_disturbs_no_lease(managed: Managed) -> None:
    traffic = Traffic(managed, 20)
    with managed.client() as client:
        client.edit_config(config("<dhc4server><lease-time>7200</lease-time></dhc4server>"), target="candidate")
        assert stored(managed)["dhc4server"]["lease-time"] == 3600
        traffic.renew_all()
        client.commit()
        traffic.renew_all()
        assert stored(managed)["vppdhc:dhc4server"]["lease-time"] == 7200
        leases = client.get(filter=subtree("<dhc4server><active-lease/></dhc4server>")).data_ele
        assert set(texts(leases, ".//v:lease-time")) == {"7200"}
        assert sorted(texts(leases, ".//v:leased-address")) == sorted(traffic.addresses.values())


def test_a_reservation_is_added_under_traffic(managed: Managed) -> None:
    traffic = Traffic(managed, 10)
    entry = (
        "<dhc4server><host-reservation><id>printer</id><hardware-address>02:00:00:00:00:63</hardware-address>"
        "<reserved-addr>192.168.1.9</reserved-addr><hostname>printer</hostname></host-reservation></dhc4server>"
    )
    with managed.ncclient() as client:
        client.edit_config(target="candidate", config=config(entry))
        client.commit()
    traffic.renew_all()
    assert managed.address(managed.host(0x63)) == "192.168.1.9"
    with managed.client() as client:
        key = "<table-id>0</table-id><leased-address>192.168.1.9</leased-address>"
        lease = client.get(filter=subtree(f"<dhc4server><active-lease>{key}</active-lease></dhc4server>")).data_ele
        assert text(lease, ".//v:reservation") == "printer"
        assert text(lease, ".//v:hostname") == "printer"


def test_a_subnet_with_pools_options_and_reservations_takes_effect(managed: Managed) -> None:
    first = managed.address(managed.host(1))
    entry = (
        "<dhc4server><subnet><id>lan</id><network-prefix>192.168.1.0/24</network-prefix>"
        "<lease-time>600</lease-time><domain-name>lan.example</domain-name>"
        "<address-pool><pool-id>p</pool-id><start-address>192.168.1.10</start-address>"
        "<end-address>192.168.1.11</end-address></address-pool>"
        "<excluded-range><start-address>192.168.1.11</start-address></excluded-range>"
        "<host-reservation><id>printer</id><hardware-address>02:00:00:00:00:63</hardware-address>"
        "<reserved-addr>192.168.1.99</reserved-addr></host-reservation></subnet></dhc4server>"
    )
    with managed.client() as client:
        client.edit_config(config(entry), target="candidate")
        client.commit()
        assert managed.address(managed.host(2)) == "192.168.1.10"
        assert managed.address(managed.host(0x63)) == "192.168.1.99"
        pools = client.get(filter=subtree("<dhc4server><address-pool-state/></dhc4server>")).data_ele
        assert texts(pools, ".//v:start-address") == ["192.168.1.10"]
        assert texts(pools, ".//v:end-address") == ["192.168.1.10"]
        client.edit_config(
            config("<dhc4server><subnet nc:operation='delete'><id>lan</id></subnet></dhc4server>"), target="candidate"
        )
        client.commit()
    managed.rig.ctl("simulate host host1 dhcp renew")
    managed.daemon.logged("lease renewed", address=first)


@pytest.mark.parametrize(
    ("content", "tag", "path", "words"),
    [
        (
            "<dhc4server><interfaces>tap9</interfaces></dhc4server>",
            "invalid-value",
            "/vppdhc:dhc4server/vppdhc:interfaces[.='tap9']",
            "VPP has no interface tap9; it has local0, tap1",
        ),
        (
            "<dhc4server><host-reservation><id>x</id><hardware-address>02:00:00:00:00:01</hardware-address>"
            "<reserved-addr>10.9.9.9</reserved-addr></host-reservation></dhc4server>",
            "invalid-value",
            "/vppdhc:dhc4server/vppdhc:host-reservation[vppdhc:id='x']/vppdhc:reserved-addr",
            "in no network that is served",
        ),
        (
            "<dhc4server><host-reservation><id>x</id><hardware-address>02:00:00:00:00:01</hardware-address>"
            "<reserved-addr>192.168.1.1</reserved-addr></host-reservation></dhc4server>",
            "invalid-value",
            "/vppdhc:dhc4server/vppdhc:host-reservation[vppdhc:id='x']/vppdhc:reserved-addr",
            "the router's own address",
        ),
        (
            "<dhc4server><interface><name>tap1</name><lease-time>300</lease-time></interface>"
            "<renewal-time>600</renewal-time></dhc4server>",
            "invalid-value",
            "/vppdhc:dhc4server/vppdhc:interface[vppdhc:name='tap1']",
            "is not shorter than",
        ),
        (
            "<system><http-server/></system>",
            "operation-not-supported",
            "/vppdhc:system/vppdhc:http-server",
            "this version does not have it yet",
        ),
        (
            "<dhc4server><option><code>3</code><hex>c0:a8</hex></option></dhc4server>",
            "invalid-value",
            "/vppdhc:dhc4server/vppdhc:option[vppdhc:code='3']",
            "this cannot be read as option 3",
        ),
        (
            "<dhc4server><subnet><id>a</id><network-prefix>192.168.1.0/24</network-prefix><address-pool>"
            "<pool-id>p</pool-id><start-address>192.168.1.9</start-address><end-address>192.168.2.9</end-address>"
            "</address-pool></subnet></dhc4server>",
            "invalid-value",
            "/vppdhc:dhc4server/vppdhc:subnet[vppdhc:id='a']/vppdhc:address-pool[vppdhc:pool-id='p']"
            "/vppdhc:end-address",
            "192.168.2.9 is not in 192.168.1.0/24",
        ),
        (
            "<netconf-server><user><name>mallory</name><authorized-key>ssh-ed25519 "
            "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAA</authorized-key></user></netconf-server>",
            "invalid-value",
            "/vppdhc:netconf-server/vppdhc:user[vppdhc:name='mallory']",
            "not a public key",
        ),
        (
            "<dhc4server><renewal-time>9000</renewal-time></dhc4server>",
            "operation-failed",
            "/vppdhc:dhc4server/vppdhc:renewal-time",
            "renewal-time",
        ),
    ],
)
def test_a_refusal_names_the_place_and_changes_nothing(
    managed: Managed, content: str, tag: str, path: str, words: str
) -> None:
    traffic = Traffic(managed, 3)
    before = managed.daemon.config.read_bytes()
    with managed.client() as client:
        running = client.get_config(source="running").data_xml
        client.edit_config(config(content), target="candidate")
        with pytest.raises(RpcError) as caught:
            client.commit()
        assert caught.value.tag == tag
        (place,) = texts(caught.value.reply_ele, ".//nc:error-path")
        assert place == path
        assert words in caught.value.message
        assert client.get_config(source="running").data_xml == running
        client.discard_changes()
    assert managed.daemon.config.read_bytes() == before
    traffic.renew_all()


def test_an_edit_that_the_schema_does_not_allow_is_refused_at_once(managed: Managed) -> None:
    with managed.ncclient() as client, pytest.raises(Exception, match="3 seconds or more") as caught:
        client.edit_config(target="candidate", config=config("<dhc4server><lease-time>0</lease-time></dhc4server>"))
    assert getattr(caught.value, "tag", "") == "invalid-value"


def lease_time(managed: Managed) -> str:
    with managed.client() as client:
        shown = client.get_config(source="running", filter=subtree("<dhc4server><lease-time/></dhc4server>"))
        return text(shown.data_ele, ".//v:lease-time")


def test_a_confirmed_commit_goes_back_when_its_session_dies(managed: Managed) -> None:
    traffic = Traffic(managed, 3)
    client = managed.ncclient()
    client.edit_config(target="candidate", config=config("<dhc4server><lease-time>60</lease-time></dhc4server>"))
    client.commit(confirmed=True, timeout="600")
    assert lease_time(managed) == "60"
    assert stored(managed)["dhc4server"]["lease-time"] == 3600, "the file stays the old one"
    client._session._transport.sock.close()
    wait_for(lambda: lease_time(managed) == "3600", "the commit is taken back")
    traffic.renew_all()


def test_a_restart_reverts_a_pending_confirmed_commit(managed: Managed) -> None:
    with managed.client() as client:
        client.edit_config(config("<dhc4server><lease-time>60</lease-time></dhc4server>"), target="candidate")
        client.commit(confirmed=True, confirm_timeout=600, persist="token")
        managed.daemon.kill()
    managed.daemon.start()
    assert lease_time(managed) == "3600"


def test_an_earlier_configuration_is_brought_back(managed: Managed) -> None:
    with managed.client() as client:
        for value in (600, 700):
            edit = config(f"<dhc4server><lease-time>{value}</lease-time></dhc4server>")
            client.edit_config(edit, target="candidate")
            client.commit()
        versions = client.get(filter=subtree("<system><config-version/></system>")).data_ele
        assert texts(versions, ".//v:config-version/v:version") == ["3", "2", "1"]
        assert texts(versions, ".//v:config-version/v:source") == ["commit", "commit", "file"]
        old = client.dispatch(rpc("<get-config-version><version>2</version></get-config-version>"))
        assert [found.text for found in answer(old).iter(f"{{{NS['v']}}}lease-time")] == ["600"]
        client.dispatch(rpc("<rollback><version>1</version></rollback>"))
        assert lease_time(managed) == "3600"
        versions = client.get(filter=subtree("<system><config-version/></system>")).data_ele
        assert texts(versions, ".//v:config-version/v:source")[0] == "rollback"
        with pytest.raises(RpcError, match="no version 99"):
            client.dispatch(rpc("<rollback><version>99</version></rollback>"))


def test_the_server_is_switched_off_and_on(managed: Managed) -> None:
    first = managed.address(managed.host(1))
    with managed.client() as client:
        client.edit_config(config('<dhc4server nc:operation="delete"/>'), target="candidate")
        client.commit()
        managed.daemon.logged("not serving any more", interface="tap1")
        wait_for(lambda: "67" not in managed.rig.ctl("show punt socket registrations l4"), "the port is given back")
        client.edit_config(config("<dhc4server/>"), target="candidate")
        client.commit()
    managed.daemon.logged("serving", interface="tap1", more_than=1)
    assert managed.address(managed.host(2)) != first
    managed.rig.ctl("simulate host host1 dhcp renew")
    managed.daemon.logged("lease renewed", address=first)


def test_the_log_level_follows_the_configuration(managed: Managed) -> None:
    with managed.client() as client:
        edit = config("<system><logging><level>error</level></logging></system>")
        client.edit_config(edit, target="candidate")
        client.commit()
    managed.address(managed.host(1))
    assert managed.daemon.lines("lease granted") == []


def test_a_file_that_was_changed_is_read_again(managed: Managed) -> None:
    content = stored(managed)
    content["dhc4server"]["lease-time"] = 900
    managed.daemon.config.write_text(json.dumps(content))
    managed.daemon.hang_up()
    managed.daemon.logged("configuration reloaded")
    assert lease_time(managed) == "900"
    managed.daemon.config.write_text("{")
    managed.daemon.hang_up()
    line = managed.daemon.logged("configuration not reloaded")
    assert "line 1" in line["reason"]
    assert lease_time(managed) == "900"


def test_a_stored_configuration_is_private(managed: Managed) -> None:
    with managed.client() as client:
        client.edit_config(config("<dhc4server><lease-time>60</lease-time></dhc4server>"), target="candidate")
        client.commit()
    assert managed.daemon.config.stat().st_mode & 0o777 == 0o600


def test_two_sessions_in_conflict(managed: Managed) -> None:
    with managed.client() as one, managed.ncclient() as other:
        one.lock(target="candidate")
        with pytest.raises(Exception, match="lock") as caught:
            other.lock(target="candidate")
        assert getattr(caught.value, "tag", "") == "lock-denied"
        with pytest.raises(Exception, match="lock") as caught:
            other.edit_config(target="candidate", config=config("<dhc4server/>"))
        assert getattr(caught.value, "tag", "") == "in-use"
        one.unlock(target="candidate")
        with other.locked("candidate"):
            other.edit_config(target="candidate", config=config("<dhc4server/>"))
            other.discard_changes()


def test_what_is_configured_and_not_built_is_a_warning_at_start(tmp_path: Path) -> None:
    managed = Managed(tmp_path, system={"http-server": {}})
    try:
        managed.daemon.start()
        place = "/vppdhc:system/vppdhc:http-server"
        managed.daemon.logged("configuration", path=place, reason="this version does not have it yet")
        with managed.client() as client:
            client.edit_config(config("<dhc4server><lease-time>60</lease-time></dhc4server>"), target="candidate")
            client.commit()
            client.edit_config(config('<system><http-server nc:operation="delete"/></system>'), target="candidate")
            client.commit()
    finally:
        managed.close()


def test_a_server_is_not_switched_on_where_vpp_punts_nothing(tmp_path: Path) -> None:
    managed = Managed(tmp_path, options=["--no-punt-socket"])
    content = stored(managed)
    del content["dhc4server"]
    managed.daemon.config.write_text(json.dumps(content))
    try:
        managed.daemon.start()
        with managed.client() as client:
            client.edit_config(config("<dhc4server/>"), target="candidate")
            with pytest.raises(RpcError, match=r"startup\.conf") as caught:
                client.commit()
            assert texts(caught.value.reply_ele, ".//nc:error-path") == ["/vppdhc:dhc4server"]
            assert texts(caught.value.reply_ele, ".//nc:error-app-tag") == ["no-punt-socket"]
    finally:
        managed.close()


def test_twenty_thousand_reservations(tmp_path: Path) -> None:
    """Loaded, one edited and committed, one got, while hosts are served."""
    entries = [
        {"id": f"r{number}", "hardware-address": f"02:00:00:01:{number >> 8:02x}:{number & 255:02x}",
         "reserved-addr": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"}
        for number in range(256, 20_256)
    ]  # fmt: skip
    managed = Managed(tmp_path, dhc4server={"host-reservation": entries})
    try:
        managed.rig.ctl("create sim-interface tap2")
        managed.rig.ctl("set interface state tap2 up")
        managed.rig.ctl("set interface ip address tap2 10.0.0.1/8")
        managed.daemon.start()
        managed.daemon.logged("serving", interface="tap2")
        traffic = Traffic(managed, 5)
        with managed.client() as client:
            edit = (
                "<dhc4server><host-reservation><id>r700</id><reserved-addr>10.200.0.7</reserved-addr>"
                "</host-reservation></dhc4server>"
            )
            client.edit_config(config(edit), target="candidate")
            started = time.monotonic()
            client.commit()
            took = time.monotonic() - started
            traffic.renew_all()
            one = subtree("<dhc4server><host-reservation><id>r700</id></host-reservation></dhc4server>")
            got = client.get_config(source="running", filter=one).data_ele
            assert texts(got, ".//v:reserved-addr") == ["10.200.0.7"]
            assert len(list(got.iter(f"{{{NS['v']}}}host-reservation"))) == 1
            hub = client.get(filter=subtree("<system><hub/></system>")).data_ele
            print(f"commit {took:.2f} s, hub held at most {text(hub, './/v:longest-hold')} us")
        assert len(stored(managed)["vppdhc:dhc4server"]["host-reservation"]) == 20_000
    finally:
        managed.close()
