"""How long a client waits behind failures in a row."""

from vppdhc.clients.backoff import Backoff


def test_delays_double_up_to_half_an_hour() -> None:
    backoff = Backoff(10.0)
    assert [backoff.failed() for _ in range(10)] == [10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800]
    assert backoff.failures == 10


def test_a_success_begins_anew() -> None:
    backoff = Backoff(1.0)
    backoff.failed()
    backoff.failed()
    backoff.succeeded()
    assert backoff.failures == 0
    assert backoff.failed() == 1.0


def test_failures_for_years_fit_into_a_number() -> None:
    backoff = Backoff(1.0)
    for _ in range(5000):
        delay = backoff.failed()
    assert delay == 1800.0
