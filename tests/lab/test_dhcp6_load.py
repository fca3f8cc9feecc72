"""Many DHCPv6 clients at once, from perfdhcp, against the daemon."""

from ipaddress import IPv6Network

import pytest

from tests.lab.conftest import Lab
from tests.lab.relay6 import PerfDhcp6
from tests.lab.served6 import LAN, POOL, Lan6, count, delegated, entries, leased
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

KINDS = ("address-only", "prefix-only", "address-and-prefix")


@pytest.fixture
def lan(lab: Lab) -> Lan6:
    """Give a scenario a LAN with IPv6."""
    return Lan6(lab)


@pytest.mark.parametrize("what", KINDS)
def test_two_hundred_clients_get_what_they_ask_for(lan: Lan6, what: str) -> None:
    daemon = lan.daemon(**lan.prefixes())
    load = PerfDhcp6(lan.lab.directory, lan.host())
    load.start(200, 100, "-e", what)
    report = load.finish()
    assert (report.drops, report.not_unique) == (0, 0), report.text
    assert len(report.addresses) == (0 if what == "prefix-only" else 200)
    assert len(report.prefixes) == (0 if what == "address-only" else 200)
    assert all(address in LAN for address in report.addresses)
    assert leased(daemon) == {str(address) for address in report.addresses}
    assert delegated(daemon) == {f"{prefix}/56" for prefix in report.prefixes}
    routes = {f"{prefix}/56": f"{load.link_local} {lan.interface}" for prefix in report.prefixes}
    wait_for(lambda: lan.lab.router.ways(POOL) == routes, "the router has a route to each prefix")


def test_clients_renew_and_release_under_load(lan: Lan6) -> None:
    daemon = lan.daemon()
    load = PerfDhcp6(lan.lab.directory, lan.host())
    load.start(200, 100, "-f", "30", "-F", "30")
    report = load.finish()
    assert report.drops == 0, report.text
    assert min(count(daemon, kind) for kind in ("renew", "release")) > 20, report.text
    released = [one for one in entries(daemon, "inactive-lease") if one["state"] == "released"]
    assert len(leased(daemon)) + len(released) == 200


@pytest.mark.parametrize("what", KINDS)
def test_a_daemon_killed_under_load_knows_every_lease_it_acknowledged(lan: Lan6, what: str) -> None:
    daemon = lan.daemon(**lan.prefixes())
    load = PerfDhcp6(lan.lab.directory, lan.host())
    load.start(200, 50, "-e", what)
    wait_for(lambda: len(daemon.lines("lease granted")) > 60, "some of them have a lease")
    daemon.kill()
    daemon.start()
    report = load.finish()
    acknowledged = report.addresses or report.prefixes
    assert 30 < len(acknowledged) < 200, report.text
    assert {str(address) for address in report.addresses} <= leased(daemon)
    assert {f"{prefix}/56" for prefix in report.prefixes} <= delegated(daemon)
    assert report.not_unique == 0, report.text
    known = {IPv6Network(prefix) for prefix in delegated(daemon)}
    wait_for(lambda: {IPv6Network(one) for one in lan.lab.router.ways(POOL)} == known, "the routes are those")
