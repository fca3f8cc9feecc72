"""Why a client got what it got, asked over NETCONF with two clients."""

import pytest
from lxml import etree
from netconf_client.error import RpcError
from netconf_client.ncclient import Manager

from tests.northbound.managed import NS, Managed, action, answer, config, subtree, text, texts
from tests.northbound.test_operations import outputs
from tests.waiting import wait_for

MAC = "02:00:00:00:00:01"


def why(client: Manager, asked: str) -> etree._Element:
    reply: etree._Element = answer(client.dispatch(action(f"<dhc4server><why>{asked}</why></dhc4server>")))
    return reply


def leaf(element: etree._Element, local: str) -> str:
    """Return the text of the one element of a name."""
    (found,) = element.iter(f"{{{NS['v']}}}{local}")
    return found.text or ""


def story(client: Manager, asked: str) -> str:
    """Return the whole story, which comes after the exchanges."""
    return [found.text or "" for found in why(client, asked).iter(f"{{{NS['v']}}}explanation")][-1]


def commit(client: Manager, edit: str) -> None:
    client.edit_config(config(edit), target="candidate")
    client.commit()


def client_state(client: Manager, mac: str = MAC) -> etree._Element:
    key = f"<table-id>0</table-id><client>01:{mac}</client>"
    state: etree._Element = client.get(filter=subtree(f"<dhc4server><client>{key}</client></dhc4server>")).data_ele
    return state


def test_a_client_that_has_an_address(managed: Managed) -> None:
    address = managed.address(managed.host(1))
    with managed.client() as client:
        told = why(client, f"<hardware-address>{MAC}</hardware-address>")
        assert leaf(told, "message-type") == "request"
        assert (leaf(told, "decision"), leaf(told, "reply-type")) == ("answered", "ack")
        assert leaf(told, "reason") == "an-offer"
        assert leaf(told, "interface") == "tap1"
        words = story(client, f"<leased-address>{address}</leased-address>")
        assert words.startswith(f"Client {MAC} was last heard ")
        assert f"It has a lease of {address} on tap1 until " in words
        assert "1 of 230 addresses are leased or on offer and 0 in probation." in words
        both = f"<leased-address>{address}</leased-address><hardware-address>02:00:00:00:00:09</hardware-address>"
        assert "No such client has been heard" in story(client, both)
        shown = client_state(client)
        assert text(shown, ".//v:client/v:leased-address") == address
        assert text(shown, ".//v:client/v:hardware-address") == MAC
        assert text(shown, ".//v:client/v:decision") == "answered"


def test_a_client_that_gets_nothing(managed: Managed) -> None:
    with managed.client() as client:
        commit(client, "<dhc4server><known-clients-only>true</known-clients-only></dhc4server>")
        managed.host(1)
        wait_for(lambda: texts(client_state(client), ".//v:client"), "the client was heard")
        shown = client_state(client)
        assert text(shown, ".//v:client/v:message-type") == "discover"
        assert text(shown, ".//v:client/v:decision") == "dropped"
        assert text(shown, ".//v:client/v:reason") == "no-reservation"
        assert texts(shown, ".//v:client/v:leased-address") == texts(shown, ".//v:client/v:reply-type") == []
        words = story(client, f"<hardware-address>{MAC}</hardware-address>")
        assert "discover, not answered. Only clients with a 'host-reservation' are served" in words
        assert "It has no lease, and nothing is on offer to it." in words
        everybody = client.get(filter=subtree("<dhc4server><client/></dhc4server>")).data_ele
        assert texts(everybody, ".//v:client/v:client") == [f"01:{MAC}"]


def test_a_client_whose_reserved_address_somebody_has(managed: Managed) -> None:
    other = managed.address(managed.host(2))
    with managed.client() as client:
        commit(
            client,
            "<dhc4server><host-reservation><id>printer</id>"
            f"<hardware-address>{MAC}</hardware-address><reserved-addr>{other}</reserved-addr>"
            "</host-reservation></dhc4server>",
        )
        address = managed.address(managed.host(1))
        words = story(client, f"<hardware-address>{MAC}</hardware-address>")
        assert f"Host reservation 'printer' is for it, with {other}." in words
        assert "02:00:00:00:00:02 still has a lease of that" in words
        assert address != other
        words = story(client, f"<leased-address>{other}</leased-address>")
        assert f"{other} is reserved by host reservation 'printer'." in words


def test_an_address_that_somebody_uses_without_a_lease(managed: Managed) -> None:
    question = f"<which-address><interface>tap1</interface><hardware-address>{MAC}</hardware-address></which-address>"
    with managed.client() as client, managed.ncclient() as subscriber:
        subscriber.create_subscription(filter=("subtree", f'<address-conflict xmlns="{NS["v"]}"/>'))
        (taken,) = outputs(client.dispatch(action(f"<dhc4server>{question}</dhc4server>")), "address")
        managed.rig.ctl(f"simulate host create squatter interface tap1 mac 02:99:00:00:00:01 address {taken}/24")
        address = managed.address(managed.host(1))
        assert address != taken
        notification = subscriber.take_notification(timeout=30)
        assert notification is not None
        conflict = notification.notification_ele[-1]
        assert {child.tag.rpartition("}")[2]: child.text for child in conflict} == {
            "server": "dhc4server",
            "interface": "tap1",
            "table-id": "0",
            "address": taken,
            "hardware-address": "02:99:00:00:00:01",
        }
        words = story(client, f"<leased-address>{taken}</leased-address>")
        assert f"{taken} is in probation until " in words
        assert "somebody else was found to use it" in words
        assert "and 1 in probation" in story(client, f"<hardware-address>{MAC}</hardware-address>")
        lost = client.get(filter=subtree("<dhc4server><inactive-lease/></dhc4server>")).data_ele
        assert texts(lost, ".//v:inactive-lease/v:state") == ["declined"]
        cleared = "<clear-leases><state>declined</state></clear-leases>"
        assert outputs(client.dispatch(action(f"<dhc4server>{cleared}</dhc4server>")), "cleared") == ["1"]
        assert "probation until" not in story(client, f"<leased-address>{taken}</leased-address>")


def test_somebody_who_was_never_heard(managed: Managed) -> None:
    with managed.client() as client:
        words = story(client, f"<hardware-address>{MAC}</hardware-address><interface>tap9</interface>")
        assert words == (
            "No such client has been heard since the start, or others were heard later; it has no lease. If it does"
            " send, 'capture' shows what comes from it. tap9 is not served; 'served-interface' lists what is."
        )
        assert story(client, "<leased-address>10.9.9.9</leased-address>").endswith(
            "10.9.9.9 is in no network that is served."
        )
        assert "the router's own on tap1" in story(client, "<leased-address>192.168.1.1</leased-address>")
        assert "in no pool" in story(client, "<leased-address>192.168.1.2</leased-address>")
        with pytest.raises(RpcError, match="Say which client"):
            why(client, "<interface>tap1</interface>")


def test_a_lease_of_before_the_restart_is_found_by_hardware_address(managed: Managed) -> None:
    """With a client identifier it is found by nothing else but going through all leases."""
    mac = "02:00:00:00:00:05"
    managed.rig.ctl(f"simulate host create phone interface tap1 mac {mac} client-id 0102")
    managed.rig.ctl("simulate host phone dhcp start")
    address = managed.address("phone")
    managed.daemon.stop()
    managed.daemon.start()
    with managed.client() as client:
        words = story(client, f"<hardware-address>{mac}</hardware-address>")
        assert words.startswith(f"Client 01:02 (hardware address {mac}) has not been heard since the start")
        assert f"It has a lease of {address} on tap1 until " in words
        assert words == story(client, "<client-id>01:02</client-id>")
        lease = client.get(filter=subtree("<dhc4server><active-lease/></dhc4server>")).data_ele
        assert text(lease, ".//v:active-lease/v:client-id") == "01:02"


def test_both_clients_are_told_the_same(managed: Managed) -> None:
    managed.address(managed.host(1))
    asked = action(f"<dhc4server><why><hardware-address>{MAC}</hardware-address></why></dhc4server>")
    wanted = '<dhc4server xmlns="urn:vppdhc:yang"><client/></dhc4server>'
    with managed.client() as one, managed.ncclient() as other:
        ours = outputs(one.dispatch(asked), "reason")
        theirs = other.dispatch(etree.fromstring(asked)).xml
        assert ours == [leaf(etree.fromstring(theirs.encode()), "reason")] == ["an-offer"]
        shown = other.get(filter=("subtree", wanted)).data
        assert texts(shown, ".//v:client/v:explanation") == texts(client_state(one), ".//v:client/v:explanation")


@pytest.mark.parametrize(
    "wanted",
    [
        "<client><table-id>0</table-id><client>zz</client></client>",
        "<client><table-id>0</table-id><client>01:02</client></client>",
        f"<client><table-id>0</table-id><client>{'01:' * 3000}01</client></client>",
        "<client><table-id>x</table-id><client>01:02</client></client>",
        "<active-lease><table-id>0</table-id><leased-address>192.168.1</leased-address></active-lease>",
        "<inactive-lease><table-id>-</table-id><leased-address>192.168.1.2</leased-address></inactive-lease>",
        "<address-pool-state><table-id>0</table-id><start-address>x</start-address></address-pool-state>",
    ],
)
def test_keys_that_are_none_find_nobody(managed: Managed, wanted: str) -> None:
    managed.address(managed.host(1))
    with managed.client() as client:
        found = client.get(filter=subtree(f"<dhc4server>{wanted}</dhc4server>")).data_ele
        assert list(found.iter(f"{{{NS['v']}}}interface")) == []
