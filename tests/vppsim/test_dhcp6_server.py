"""The DHCPv6 server on a simulated host, heard as a router's client hears it: from the punt socket, with scapy."""

import hmac
from typing import Any

import pytest
from scapy.layers.dhcp6 import (
    DUID_LL,
    DHCP6_Advertise,
    DHCP6_Confirm,
    DHCP6_Decline,
    DHCP6_InfoRequest,
    DHCP6_Rebind,
    DHCP6_Reconf,
    DHCP6_Release,
    DHCP6_Renew,
    DHCP6_Reply,
    DHCP6_Request,
    DHCP6_Solicit,
    DHCP6OptAuth,
    DHCP6OptClientId,
    DHCP6OptDNSServers,
    DHCP6OptIA_NA,
    DHCP6OptIA_PD,
    DHCP6OptIAAddress,
    DHCP6OptIAPrefix,
    DHCP6OptPref,
    DHCP6OptRapidCommit,
    DHCP6OptReconfAccept,
    DHCP6OptReconfMsg,
    DHCP6OptServerId,
    DHCP6OptStatusCode,
    DHCP6OptUnknown,
)
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from tests.vppsim.client import enable_ip6, link_local, register
from tests.vppsim.rig import WAN, SimulatorRig, mac_of
from tests.waiting import wait_for

SERVER_MAC = "02:00:00:00:99:01"
SERVER_LINK_LOCAL = "fe80::ff:fe00:9901"
POOL = "pool pd 2001:db8:a000::/54 56 na 2001:db8:1::/64"
FIRST, SECOND = "2001:db8:a000::/56", "2001:db8:a000:100::/56"
ADDRESS = "2001:db8:1::1/128"
SUCCESS, UNSPEC_FAIL, NO_ADDRS_AVAIL, NO_BINDING, NOT_ON_LINK, USE_MULTICAST, NO_PREFIX_AVAIL = range(7)


class Client:
    """A client on the router's WAN. mac: makes its DUID."""

    def __init__(self, simulator: SimulatorRig) -> None:
        self.simulator = simulator
        self.mac = "02:00:00:00:00:77"
        self.index = simulator.index(WAN)
        api = simulator.api()
        assert enable_ip6(api, self.index) == 0
        self.source = link_local(api, self.index)
        self.punt = simulator.punt()
        register(api, self.punt.path, 546, af=1)
        self.server: Packet | None = None
        self.xid = 0

    def says(self, message: Packet, *options: Packet, named: bool = True) -> None:
        """Send a message, with the identifier of the server where it is named and one is known."""
        self.xid += 1
        message.trid = self.xid
        message /= DHCP6OptClientId(duid=DUID_LL(lladdr=self.mac))
        if named and self.server is not None:
            message /= DHCP6OptServerId(duid=self.server)
        for option in options:
            message /= option
        ip = IPv6(src=self.source, dst="ff02::1:2") / UDP(sport=546, dport=547)
        self.simulator.punt_to_router(self.index, 0, Ether(src=mac_of(WAN), dst="33:33:00:01:00:02") / ip / message)

    def hears(self, kind: type[Packet]) -> Packet:
        """Receive a message of that kind."""
        _, self.frame = self.punt.receive()
        assert (self.frame[IPv6].src, self.frame[IPv6].dst) == (SERVER_LINK_LOCAL, self.source)
        message: Packet = self.frame[kind]
        assert message[DHCP6OptClientId].duid.lladdr == self.mac
        assert kind is DHCP6_Reconf or message.trid == self.xid
        self.server = message[DHCP6OptServerId].duid
        return message

    def binds(self, *ias: Packet) -> Packet:
        """Solicit and request these identity associations; return the reply."""
        self.server = None
        self.says(DHCP6_Solicit(), *ias)
        self.hears(DHCP6_Advertise)
        self.says(DHCP6_Request(), *ias)
        return self.hears(DHCP6_Reply)


def pd(ia_id: int = 1, *prefixes: str) -> Packet:
    options = [DHCP6OptIAPrefix(prefix=p.split("/")[0], plen=int(p.split("/")[1])) for p in prefixes]
    return DHCP6OptIA_PD(iaid=ia_id, iapdopt=options)


def na(ia_id: int = 1, *addresses: str) -> Packet:
    return DHCP6OptIA_NA(iaid=ia_id, ianaopts=[DHCP6OptIAAddress(addr=a.split("/")[0]) for a in addresses])


def leases(message: Packet) -> dict[str, tuple[int, int]]:
    """Return preferred and valid lifetime by prefix or address."""
    found: dict[str, tuple[int, int]] = {}
    for ia in associations(message):
        for option in inner(ia):
            if isinstance(option, DHCP6OptIAPrefix):
                found[f"{option.prefix}/{option.plen}"] = (option.preflft, option.validlft)
            elif isinstance(option, DHCP6OptIAAddress):
                found[f"{option.addr}/128"] = (option.preflft, option.validlft)
    return found


def statuses(message: Packet) -> list[int]:
    """Return the statuses in its identity associations."""
    return [o.statuscode for ia in associations(message) for o in inner(ia) if isinstance(o, DHCP6OptStatusCode)]


def associations(message: Packet) -> list[Packet]:
    found: list[Packet] = []
    while message:
        if isinstance(message, DHCP6OptIA_PD | DHCP6OptIA_NA):
            found.append(message)
        message = message.payload
    return found


def inner(ia: Packet) -> list[Packet]:
    options: list[Packet] = ia.iapdopt if isinstance(ia, DHCP6OptIA_PD) else ia.ianaopts
    return options


@pytest.fixture
def client(simulator: SimulatorRig) -> Client:
    """Give a client of a provider with a pool of four prefixes."""
    simulator.interface(WAN)
    simulator.ctl(f"simulate host create isp interface {WAN} mac {SERVER_MAC}")
    serves(simulator, POOL)
    return Client(simulator)


def serves(simulator: SimulatorRig, words: str) -> None:
    assert simulator.ctl(f"simulate host isp dhcp6-server {words}") == ""


def shown(client: Client) -> dict[str, Any]:
    server: dict[str, Any] = client.simulator.state()["hosts"]["isp"]["ip6"]["dhcp6-server"]
    return server


def granted(client: Client) -> list[str]:
    return [one["prefix"] for one in shown(client)["granted"]]


def test_prefix_and_address_are_granted_on_their_terms(client: Client) -> None:
    terms = "preferred 60 valid 90 t1 10 t2 20 preference 7 dns 2001:db8::53,2001:db8::54 option 64 0161"
    serves(client.simulator, f"{POOL} {terms}")
    client.says(DHCP6_Solicit(), pd(5), na(6))
    advertised = client.hears(DHCP6_Advertise)
    assert leases(advertised) == {FIRST: (60, 90), ADDRESS: (60, 90)}
    assert advertised[DHCP6OptPref].prefval == 7
    client.says(DHCP6_Request(), pd(5), na(6))
    reply = client.hears(DHCP6_Reply)
    assert leases(reply) == {FIRST: (60, 90), ADDRESS: (60, 90)}
    assert [(ia.iaid, ia.T1, ia.T2) for ia in associations(reply)] == [(5, 10, 20), (6, 10, 20)]
    assert reply[DHCP6OptDNSServers].dnsservers == ["2001:db8::53", "2001:db8::54"]
    assert bytes(reply).endswith(bytes.fromhex("0040 0002 0161"))
    assert [one["ia-id"] for one in shown(client)["granted"]] == [5, 6]
    assert shown(client)["granted"][0]["duid"] == "00030001020000000077"


def test_each_association_has_a_prefix_of_its_own_until_there_is_none_left(client: Client) -> None:
    reply = client.binds(*(pd(number) for number in range(5)))
    assert list(leases(reply)) == [f"2001:db8:a000:{number}00::/56" if number else FIRST for number in range(4)]
    assert statuses(reply) == [NO_PREFIX_AVAIL]


def test_a_wish_is_granted_and_another_length_is_not(client: Client) -> None:
    assert list(leases(client.binds(pd(1, SECOND)))) == [SECOND]
    assert list(leases(client.binds(pd(2, "2001:db8:a000:200::/60")))) == [FIRST]


def test_a_solicit_with_rapid_commit_is_replied_to_where_that_is_the_servers_will(client: Client) -> None:
    client.says(DHCP6_Solicit(), pd(), DHCP6OptRapidCommit())
    client.hears(DHCP6_Advertise)
    serves(client.simulator, f"{POOL} rapid-commit")
    client.says(DHCP6_Solicit(), pd(), DHCP6OptRapidCommit(), named=False)
    assert client.hears(DHCP6_Reply).haslayer(DHCP6OptRapidCommit)


@pytest.mark.parametrize("kind", [DHCP6_Renew, DHCP6_Rebind])
def test_what_is_extended_after_the_pool_has_changed_is_replaced(client: Client, kind: type[Packet]) -> None:
    named = kind is DHCP6_Renew
    client.binds(pd())
    client.says(kind(), pd(1, FIRST), named=named)
    assert leases(client.hears(DHCP6_Reply)) == {FIRST: (1800, 3600)}
    serves(client.simulator, "pool pd 2001:db8:b000::/54 56")
    client.says(kind(), pd(1, FIRST), named=named)
    assert leases(client.hears(DHCP6_Reply)) == {"2001:db8:b000::/56": (1800, 3600), FIRST: (0, 0)}
    assert granted(client) == ["2001:db8:b000::/56"]


def test_a_server_that_has_forgotten_says_so_and_withdraws_what_was_never_its_own(client: Client) -> None:
    client.binds(pd())
    serves(client.simulator, "forget")
    assert granted(client) == []
    client.says(DHCP6_Renew(), pd(1, FIRST))
    assert statuses(client.hears(DHCP6_Reply)) == [NO_BINDING]
    client.says(DHCP6_Rebind(), pd(1, "2001:db8:c000::/56"), named=False)
    assert leases(client.hears(DHCP6_Reply)) == {"2001:db8:c000::/56": (0, 0)}
    assert list(leases(client.binds(pd(1, SECOND)))) == [SECOND]


def test_what_is_given_back_is_free_and_a_declined_address_is_not(client: Client) -> None:
    client.binds(pd(), na())
    client.says(DHCP6_Decline(), na(1, ADDRESS))
    assert client.hears(DHCP6_Reply)[DHCP6OptStatusCode].statuscode == SUCCESS
    assert list(leases(client.binds(na()))) == ["2001:db8:1::2/128"]
    client.says(DHCP6_Release(), pd(1, FIRST))
    assert client.hears(DHCP6_Reply)[DHCP6OptStatusCode].statuscode == SUCCESS
    assert granted(client) == ["2001:db8:1::2/128"]


@pytest.mark.parametrize(("address", "status"), [(ADDRESS, SUCCESS), ("2001:db8:2::1/128", NOT_ON_LINK)])
def test_addresses_are_confirmed_where_they_are_right_for_the_link(client: Client, address: str, status: int) -> None:
    client.says(DHCP6_Confirm(), na(1, address))
    assert client.hears(DHCP6_Reply)[DHCP6OptStatusCode].statuscode == status


def test_information_is_given_without_a_lease(client: Client) -> None:
    serves(client.simulator, "pool dns 2001:db8::53")
    client.says(DHCP6_InfoRequest())
    assert client.hears(DHCP6_Reply)[DHCP6OptDNSServers].dnsservers == ["2001:db8::53"]
    client.says(DHCP6_Solicit(), pd(), na(), named=False)
    assert statuses(client.hears(DHCP6_Advertise)) == [NO_PREFIX_AVAIL, NO_ADDRS_AVAIL]


def test_it_refuses_as_it_is_told(client: Client) -> None:
    client.binds(pd(), na())
    serves(client.simulator, "refuse no-binding pd")
    client.says(DHCP6_Renew(), pd(1, FIRST), na(1, ADDRESS))
    reply = client.hears(DHCP6_Reply)
    assert (statuses(reply), list(leases(reply))) == ([NO_BINDING], [ADDRESS])
    serves(client.simulator, "refuse unspec-fail")
    client.says(DHCP6_Renew(), pd(1, FIRST), na(1, ADDRESS))
    assert statuses(client.hears(DHCP6_Reply)) == [UNSPEC_FAIL] * 2
    serves(client.simulator, "refuse use-multicast message")
    client.says(DHCP6_Renew(), pd(1, FIRST))
    reply = client.hears(DHCP6_Reply)
    assert (reply[DHCP6OptStatusCode].statuscode, associations(reply)) == (USE_MULTICAST, [])
    client.says(DHCP6_Solicit(), pd(), named=False)
    assert client.hears(DHCP6_Advertise)[DHCP6OptStatusCode].statuscode == USE_MULTICAST
    serves(client.simulator, "answer")
    client.says(DHCP6_Renew(), pd(1, FIRST))
    assert list(leases(client.hears(DHCP6_Reply))) == [FIRST]


def test_it_is_silent_and_answers_again(client: Client) -> None:
    serves(client.simulator, "silent")
    client.says(DHCP6_Solicit(), pd())
    serves(client.simulator, "answer")
    client.says(DHCP6_Solicit(), pd())
    client.hears(DHCP6_Advertise)
    serves(client.simulator, "none")
    assert "dhcp6-server" not in client.simulator.state()["hosts"]["isp"]["ip6"]


def test_what_breaks_a_rule_of_section_16_is_discarded(client: Client) -> None:
    client.binds(pd())
    client.says(DHCP6_Solicit(), pd())
    client.says(DHCP6_Rebind(), pd(1, FIRST))
    client.says(DHCP6_Renew(), pd(1, FIRST), named=False)
    client.says(DHCP6_InfoRequest(), pd(1, FIRST))
    client.says(DHCP6_Renew(), pd(1, FIRST))
    client.hears(DHCP6_Reply)
    heard = [one["type"] for one in shown(client)["heard"]]
    assert heard == ["solicit", "request", "solicit", "rebind", "renew", "information-request", "renew"]


def test_a_client_that_accepts_it_is_told_to_come(client: Client) -> None:
    """Reconfigure key authentication: the digest is over the message with zeros in its place (RFC 8415, 20.4)."""
    client.says(DHCP6_Solicit(), pd(), DHCP6OptReconfAccept())
    assert client.hears(DHCP6_Advertise).haslayer(DHCP6OptReconfAccept)
    client.says(DHCP6_Request(), pd(), DHCP6OptReconfAccept())
    reply = client.hears(DHCP6_Reply)
    auth = reply[DHCP6OptAuth]
    assert (reply.haslayer(DHCP6OptReconfAccept), auth.proto, auth.alg, auth.rdm) == (True, 3, 1, 0)
    kind, key = auth.authinfo[0], auth.authinfo[1:]
    assert (kind, len(key)) == (1, 16)
    serves(client.simulator, "reconfigure renew")
    told = client.hears(DHCP6_Reconf)
    assert told[DHCP6OptReconfMsg].msgtype == 5
    assert told[DHCP6OptAuth].replay > auth.replay
    assert told[DHCP6OptAuth].authinfo[:1] == b"\2"
    digest = told[DHCP6OptAuth].authinfo[1:]
    blank = bytes(told).replace(digest, bytes(16))
    assert hmac.digest(key, blank, "md5") == digest


def test_what_was_heard_is_shown(client: Client) -> None:
    client.says(DHCP6_Solicit(), pd(9, "::/60"), DHCP6OptUnknown(optcode=65000, data=b"x"))
    client.hears(DHCP6_Advertise)
    (heard,) = shown(client)["heard"]
    assert (heard["type"], heard["options"]["65000"]) == ("solicit", b"x".hex())
    assert heard["ias"] == [{"type": "ia-pd", "ia-id": 9, "prefixes": ["::/60"]}]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [("", "unknown input `'"),
     ("dance", "unknown input `dance'"),
     ("pool pd 2001:db8::/56 48", "expected pd P/L LENGTH, which is not shorter than P/L"),
     ("pool pd 2001:db8::/56", "expected a number, not `'"),
     ("pool na 10.0.0.0/8", "10.0.0.0/8 is no IPv6 address"),
     ("pool preference 256", "expected a preference of at most 255"),
     ("pool dns here", "'here' does not appear to be an IPv4 or IPv6 interface"),
     ("pool option 65536 00", "expected option CODE HEX, of at most 1000 bytes"),
     ("refuse dance", "expected one of success, unspec-fail, no-addrs-avail, no-binding, not-on-link, use-multicast, "
      "no-prefix-avail, and pd, na or message"),
     ("reconfigure reply", "expected one of renew, rebind, information-request")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(client: Client, words: str, complaint: str) -> None:
    assert client.simulator.ctl(f"simulate host isp dhcp6-server {words}") == f"simulate host: {complaint}"


def test_only_a_server_can_be_told_how_to_behave(client: Client) -> None:
    client.simulator.ctl(f"simulate host create h interface {WAN} mac 02:00:00:00:00:55")
    assert client.simulator.ctl("simulate host h dhcp6-server silent") == "simulate host: it is no DHCPv6 server"


def test_nothing_cut_short_harms_it(client: Client) -> None:
    """Each beginning of a message, and of the options in an identity association."""
    whole = bytes(DHCP6_Solicit() / DHCP6OptClientId(duid=DUID_LL(lladdr=client.mac)) / pd(1, FIRST) / na(1, ADDRESS))
    ip = IPv6(src=client.source, dst="ff02::1:2") / UDP(sport=546, dport=547)
    for length in range(len(whole)):
        frame = Ether(src=mac_of(WAN), dst="33:33:00:01:00:02") / ip / whole[:length]
        client.simulator.punt_to_router(client.index, 0, frame)

    def answers() -> bool:
        client.punt.pending()
        client.says(DHCP6_Solicit(), pd())
        return bool(client.punt.receive()[1][DHCP6_Advertise].trid == client.xid)

    wait_for(answers, "what is whole is answered")
