"""The DHCPv6 server, managed over NETCONF: what is configured is served, and what is served is shown."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from netconf_client.error import RpcError

from tests.dhc6.clients import duid
from tests.northbound.dhc6_router import LAN, Router
from tests.northbound.managed import NS, action, config, text, texts

Start = Callable[..., Router]
POOL: dict[str, Any] = {"pool-id": "sites", "pool-prefix": "2001:db8:8000::/48", "client-prefix-length": 56}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Give a function that starts a router with settings; nothing in it may fail with a traceback."""
    made: list[Router] = []

    def start(**settings: Any) -> Router:
        made.append(Router(tmp_path, **settings))
        made[-1].start()
        return made[-1]

    try:
        yield start
        assert all("Traceback" not in one.daemon.said() for one in made)
    finally:
        for one in made:
            one.close()


def leaf(reply: etree._Element, local: str) -> list[str]:
    return [found.text or "" for found in reply.iter(f"{{{NS['v']}}}{local}")]


def test_leases_pools_clients_and_counters_are_shown(start: Start) -> None:
    router = start(prefix_pool=[POOL])
    bound = router.bind(1, na={1: []}, pd={2: []})
    (address,), (prefix,) = bound.na[1].live, bound.pd[2].live
    data = router.state()
    assert text(data, ".//v:active-lease/v:leased-address") == address
    assert text(data, ".//v:active-lease/v:client-duid") == duid(1).hex(":")
    assert text(data, ".//v:active-prefix-lease/v:leased-prefix") == prefix
    assert text(data, ".//v:active-prefix-lease/v:next-hop-address") == "fe80::ff:fe00:1"
    assert text(data, ".//v:client/v:leased-prefix") == prefix
    assert text(data, ".//v:client/v:decision") == "answered"
    assert text(data, ".//v:prefix-pool-state/v:allocated-count") == "1"
    assert text(data, ".//v:address-pool-state/v:allocated-count") == "1"
    assert text(data, ".//v:served-interface/v:network-prefix") == "2001:db8:1::/64"
    counted = {
        kind: text(data, f".//v:statistics/v:{kind}-count") for kind in ("solicit", "advertise", "request", "reply")
    }
    assert counted == dict.fromkeys(counted, "1")


def test_both_clients_see_the_same(start: Start) -> None:
    router = start()
    (address,) = router.bind(1, na={1: []}).na[1].live
    with router.ncclient() as other:
        wanted = f'<dhc6server xmlns="{NS["v"]}"><active-lease/></dhc6server>'
        theirs = other.get(filter=("subtree", wanted)).data
    assert texts(theirs, ".//v:leased-address") == [address]
    key = f"<active-lease><table-id>0</table-id><leased-address>{address}</leased-address></active-lease>"
    assert texts(router.state(key), ".//v:leased-address") == [address]


def test_an_edit_is_served_at_once(start: Start) -> None:
    router = start()
    assert router.bind(1, na={1: []}).get(23) is None
    router.edit("<dhc6server><dns>2001:db8:1::53</dns><valid-lifetime>9000</valid-lifetime></dhc6server>")
    reply = router.bind(2, na={1: []})
    assert reply.get(23) is not None
    assert [valid for _, valid in reply.na[1].leases.values()] == [9000]


def test_what_cannot_be_is_refused_with_its_path(start: Start) -> None:
    router = start()
    edit = """<dhc6server><subnet><id>lab</id><network-prefix>2001:db8:5::/64</network-prefix><address-pool>
      <pool-id>far</pool-id><pool-prefix>2001:db8:6::/80</pool-prefix></address-pool></subnet></dhc6server>"""
    with router.client() as client:
        client.edit_config(config(edit), target="candidate")
        with pytest.raises(RpcError, match="is not in 2001:db8:5::/64, the network-prefix of this subnet") as caught:
            client.commit()
    (path,) = texts(caught.value.reply_ele, ".//nc:error-path")
    assert path.endswith("address-pool[vppdhc:pool-id='far']/vppdhc:pool-prefix")
    assert texts(caught.value.reply_ele, ".//nc:error-app-tag") == ["not-in-network"]


def test_the_actions(start: Start) -> None:
    router = start()
    asked = f"<interface>{LAN}</interface><client-duid>{duid(1).hex(':')}</client-duid><ia-id>1</ia-id>"
    foretold = leaf(router.act(f"<which-address>{asked}</which-address>"), "address")
    assert router.bind(1, na={1: []}).na[1].live == foretold
    why = router.act(f"<why><leased-address>{foretold[0]}</leased-address></why>")
    assert leaf(why, "message-type") == ["request"]
    assert f"It has a lease of {foretold[0]} for IAID 1 on {LAN} until " in leaf(why, "explanation")[-1]
    with router.ncclient() as other:
        theirs = other.dispatch(
            etree.fromstring(action("<dhc6server><clear-leases><all/></clear-leases></dhc6server>"))
        )
    assert leaf(etree.fromstring(theirs.xml.encode()), "cleared") == ["1"]
    assert texts(router.state("<active-lease/>"), ".//v:leased-address") == []
    router.daemon.logged("lease cleared", address=foretold[0])


def test_what_happens_is_notified(start: Start) -> None:
    router = start(prefix_pool=[{**POOL, "client-prefix-length": 48}])
    (prefix,) = router.bind(1, pd={7: []}).pd[7].live
    with router.subscribed("lease-granted") as granted:
        notice = granted()
    assert notice.findtext("v:leased-prefix", namespaces=NS) == prefix
    assert notice.findtext("v:server", namespaces=NS) == "dhc6server"
    with router.subscribed("prefix-pool-utilization-threshold-exceeded") as exceeded:
        assert exceeded().findtext("v:pool-id", namespaces=NS) == "sites"
    router.say("release", 1, pd={7: [prefix]})
    with router.subscribed("lease-released") as released:
        assert released().findtext("v:ia-id", namespaces=NS) == "7"


def test_a_server_that_is_taken_away_answers_nobody(start: Start) -> None:
    router = start()
    router.bind(1, na={1: []})
    router.edit('<dhc6server nc:operation="delete"/>')
    router.daemon.logged("not serving DHCPv6 any more", interface=LAN)
    data = router.state()
    assert texts(data, ".//v:served-interface/v:name") == []
    assert len(texts(data, ".//v:active-lease/v:leased-address")) == 1, "the lease stays"
