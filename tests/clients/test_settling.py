"""When what an earlier run left in VPP may go."""

from vppdhc.clients.settling import Settling


def test_it_is_settled_once_the_last_has_begun() -> None:
    settled: list[str] = []
    settling = Settling(lambda: settled.append("now"))
    first, second = settling.expect("first"), settling.expect("second")
    first()
    assert settled == []
    second()
    assert settled == ["now"]


def test_one_who_begins_twice_stands_for_nobody_else() -> None:
    settled: list[str] = []
    settling = Settling(lambda: settled.append("now"))
    first, _ = settling.expect("first"), settling.expect("second")
    first()
    first()
    assert settled == []


def test_what_fails_can_be_tried_again() -> None:
    tries: list[str] = []

    def settle() -> None:
        tries.append("once more")
        if len(tries) == 1:
            raise RuntimeError("once")

    begun = Settling(settle).expect("only")
    try:
        begun()
    except RuntimeError:
        begun()
    assert len(tries) == 2
