"""RPCs, actions and notifications of the model."""

import base64
import threading
from io import BytesIO

import pytest
from netconf_client.error import RpcError
from netconf_client.ncclient import RPCReply
from scapy.layers.dhcp import BOOTP
from scapy.utils import rdpcap

from tests.northbound.managed import NS, Managed, action, answer, config, rpc, subtree, texts


def outputs(reply: RPCReply, local: str) -> list[str]:
    """Return the texts of the elements of that name in a reply."""
    return [found.text or "" for found in answer(reply).iter(f"{{{NS['v']}}}{local}")]


def test_a_lease_is_cleared(managed: Managed) -> None:
    first, second = managed.address(managed.host(1)), managed.address(managed.host(2))
    with managed.client() as client:
        content = f"<dhc4server><clear-leases><leased-address>{first}</leased-address></clear-leases></dhc4server>"
        assert outputs(client.dispatch(action(content)), "cleared") == ["1"]
        left = client.get(filter=subtree("<dhc4server><active-lease/></dhc4server>")).data_ele
        assert texts(left, ".//v:leased-address") == [second]
    assert {lease["address"] for lease in managed.daemon.leases()} == {second}
    managed.daemon.logged("lease cleared", address=first)
    with managed.client() as client:
        everything = "<dhc4server><clear-leases><all/></clear-leases></dhc4server>"
        assert outputs(client.dispatch(action(everything)), "cleared") == ["1"]
        with pytest.raises(RpcError, match="Say which leases"):
            client.dispatch(action("<dhc4server><clear-leases/></dhc4server>"))
    assert managed.daemon.leases() == []


def test_which_address_a_client_would_get(managed: Managed) -> None:
    question = (
        "<dhc4server><which-address><interface>tap1</interface>"
        "<hardware-address>02:00:00:00:00:07</hardware-address></which-address></dhc4server>"
    )
    with managed.client() as client:
        foretold = client.dispatch(action(question))
        (address,) = outputs(foretold, "address")
        assert managed.daemon.leases() == []
        assert "subnet-mask" in outputs(foretold, "name")
        assert managed.address(managed.host(7)) == address
        again = client.dispatch(action(question))
        assert outputs(again, "address") == [address]
        assert outputs(again, "explanation") != outputs(foretold, "explanation")
        with pytest.raises(RpcError, match="no interface tap9"):
            client.dispatch(action(question.replace("tap1", "tap9")))


def test_which_address_by_what_a_relay_agent_and_the_client_say(managed: Managed) -> None:
    edit = """<dhc4server>
      <client-class><name>phones</name><vendor-class>phone*</vendor-class></client-class>
      <host-reservation><id>port7</id><circuit-id>70:37</circuit-id><reserved-addr>192.168.1.7</reserved-addr>
      </host-reservation></dhc4server>"""
    with managed.client() as client:
        client.edit_config(config(edit), target="candidate")
        client.commit()
        question = (
            "<dhc4server><which-address><interface>tap1</interface>{}"
            "<hardware-address>02:00:00:00:00:07</hardware-address></which-address></dhc4server>"
        )
        said = (
            "<relay-address>192.168.1.3</relay-address><circuit-id>70:37</circuit-id>"
            "<vendor-class>phone 1.0</vendor-class><user-class>lab</user-class>"
        )
        reply = client.dispatch(action(question.format(said)))
        assert outputs(reply, "address") == ["192.168.1.7"]
        assert outputs(reply, "reservation") == ["port7"]
        assert outputs(reply, "client-class") == ["phones"]
        assert outputs(reply, "explanation") == ["192.168.1.7 is reserved for the client."]
        other = client.dispatch(action(question.format("")))
        assert outputs(other, "address") != ["192.168.1.7"]
        assert outputs(other, "reservation") == outputs(other, "client-class") == []
        with pytest.raises(RpcError, match="vendor-class is longer than the 255 octets"):
            client.dispatch(action(question.format(f"<vendor-class>{'x' * 256}</vendor-class>")))


def test_packets_are_captured(managed: Managed) -> None:
    with managed.client() as client:
        recorded: list[RPCReply] = []
        limits = "<duration>30</duration><max-packets>3</max-packets>"
        content = f"<capture><interface>tap1</interface><protocol>dhcpv4</protocol>{limits}</capture>"
        waiting = threading.Thread(target=lambda: recorded.append(client.dispatch(rpc(content))))
        waiting.start()
        for number in range(1, 6):
            managed.address(managed.host(number))
        waiting.join(timeout=60)
        (reply,) = recorded
    assert outputs(reply, "packets") == ["3"]
    packets = rdpcap(BytesIO(base64.b64decode(outputs(reply, "pcap")[0])))
    assert len(packets) == 3
    assert all(BOOTP in packet for packet in packets)


def test_vpp_is_reconciled(managed: Managed) -> None:
    managed.rig.ctl("ip route del 255.255.255.255/32 via local")
    with managed.client() as client:
        assert outputs(client.dispatch(rpc("<reconcile/>")), "drifted") == ["0"]
    assert "dpo-receive" in managed.rig.ctl("show ip fib 255.255.255.255/32")


def test_nothing_is_reconciled_without_vpp(managed: Managed) -> None:
    managed.rig.process.kill()
    managed.daemon.logged("VPP lost")
    with managed.client() as client, pytest.raises(RpcError, match="no connection to VPP"):
        client.dispatch(rpc("<reconcile/>"))


def test_what_happens_is_notified(managed: Managed) -> None:
    with managed.ncclient() as client:
        client.create_subscription()
        address = managed.address(managed.host(1))
        managed.rig.ctl("simulate host host1 dhcp release")
        with managed.client() as other:
            other.edit_config(config("<dhc4server><lease-time>60</lease-time></dhc4server>"), target="candidate")
            other.commit()
        managed.rig.ctl("simulate restart keep-interfaces after 0.2")
        wanted = {"lease-granted", "lease-released", "netconf-config-change", "vpp-lost", "vpp-connected"}
        seen: dict[str, str] = {}
        while not wanted <= seen.keys():
            notification = client.take_notification(timeout=30)
            assert notification is not None, f"seen so far: {sorted(seen)}"
            content = notification.notification_ele[-1]
            seen[content.tag.rpartition("}")[2]] = notification.notification_xml
        assert address in seen["lease-granted"]
        assert "02:00:00:00:00:01" in seen["lease-granted"]


def test_notifications_are_replayed(managed: Managed) -> None:
    address = managed.address(managed.host(1))
    with managed.ssh() as client:
        client.create_subscription(start_time="2020-01-01T00:00:00Z", filter=subtree("<lease-granted/>"))
        notification = client.take_notification(True)
        assert address in notification.notification_xml.decode()


def test_another_model_than_at_the_last_start_is_announced(managed: Managed) -> None:
    managed.daemon.stop()
    seen = managed.daemon.state_dir / "yang-library"
    assert seen.read_text()
    seen.write_text("that of an older version")
    managed.daemon.start()
    with managed.ssh() as client:
        library = "urn:ietf:params:xml:ns:yang:ietf-yang-library"
        wanted = f'<filter type="subtree"><yang-library-update xmlns="{library}"/></filter>'
        client.create_subscription(start_time="2020-01-01T00:00:00Z", filter=wanted)
        assert seen.read_text() in client.take_notification(True, timeout=30).notification_xml.decode()


def test_a_user_without_rights_may_look_and_not_touch(managed: Managed) -> None:
    with managed.client() as client:
        edit = "<netconf-server><recovery-user nc:operation='delete'>olga</recovery-user></netconf-server>"
        client.edit_config(config(edit), target="candidate")
        client.commit()
    with managed.ssh() as client:
        shown = client.get(filter=subtree("<netconf-server/>")).data_ele
        assert texts(shown, ".//v:user/v:name") == ["olga"]
        assert texts(shown, ".//v:password-hash") == [], "default-deny-all"
        with pytest.raises(RpcError) as caught:
            client.edit_config(config("<dhc4server><lease-time>60</lease-time></dhc4server>"), target="candidate")
        assert caught.value.tag == "access-denied"
        with pytest.raises(RpcError) as caught:
            client.dispatch(rpc("<rollback><version>1</version></rollback>"))
        assert caught.value.tag == "access-denied"
