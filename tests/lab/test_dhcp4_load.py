"""Many clients at once, from perfdhcp as their relay agent, against the daemon."""

import pytest

from tests.lab.conftest import LAN_ROUTER, Lab
from tests.lab.relay import PerfDhcp
from tests.waiting import wait_for

pytestmark = pytest.mark.lab

RELAY = "10.77.0.5"  # in the static part of the LAN


def perfdhcp(lab: Lab) -> PerfDhcp:
    return PerfDhcp(lab.directory, lab.host(f"{RELAY}/24"), RELAY, LAN_ROUTER)


def test_two_hundred_clients_get_an_address_each(lab: Lab) -> None:
    daemon = lab.daemon()
    load = perfdhcp(lab)
    load.start(200, rate=100)
    report = load.finish()
    assert (report.drops, report.not_unique) == (0, 0), report.text
    assert len(set(report.leases)) == 200
    stored = {lease["address"]: lease["hardware"] for lease in daemon.leases() if lease["state"] == "active"}
    assert set(stored) == set(report.leases)
    assert len(set(stored.values())) == 200


def test_a_daemon_killed_under_load_knows_every_lease_it_acknowledged(lab: Lab) -> None:
    daemon = lab.daemon()
    load = perfdhcp(lab)
    load.start(200, rate=50)
    wait_for(lambda: len(daemon.lines("lease granted")) > 60, "some of them have a lease")
    daemon.kill()
    daemon.start()
    report = load.finish()
    assert 60 < len(report.leases) < 200, report.text
    stored = {lease["address"] for lease in daemon.leases() if lease["state"] == "active"}
    assert set(report.leases) <= stored
    assert report.not_unique == 0, report.text
