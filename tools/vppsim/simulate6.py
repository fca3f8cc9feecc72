"""What the commands make of a simulated host's IPv6: a host that listens, a router, a DHCPv6 server."""

from itertools import takewhile
from random import Random
from typing import Final

from tools.vppsim import addresses, dhcp6
from tools.vppsim.addresses import Prefix
from tools.vppsim.cli import CommandError, whole_number, word_after
from tools.vppsim.dhcp6 import IA_NA, IA_PD, Status, Type
from tools.vppsim.dhcp6_server import Conduct, Dhcp6Server, Refusal, Terms
from tools.vppsim.hosts6 import Advertised, Host6
from tools.vppsim.packets import AdvertisedPrefix
from tools.vppsim.slaac import AUTONOMOUS, ON_LINK

_FLAGS: Final = {"la": ON_LINK | AUTONOMOUS, "l": ON_LINK, "a": AUTONOMOUS, "none": 0}
_REFUSED: Final = {"": (IA_NA, IA_PD), "na": (IA_NA,), "pd": (IA_PD,), "message": ()}
_LONGEST_OPTION: Final = 1000


def ip6(host: Host6, words: list[str]) -> None:
    """Do what `simulate host NAME ip6` says. Raises CommandError."""
    verb, rest = (words[0], words[1:]) if words else ("", [])
    if verb == "address" and rest:
        host.static = set() if rest == ["none"] else {_prefix(word).address for word in rest}
    elif verb == "ping" and len(rest) == 1:
        host.ping(_prefix(rest[0]).address)
    elif verb == "listen":
        host.listen()
    elif verb == "solicit":
        host.solicit()
    elif verb == "stop":
        host.stop()
    else:
        raise CommandError(f"unknown input `{' '.join(words)}'")


def router(host: Host6, words: list[str]) -> None:
    """Do what `simulate host NAME router` says. Raises CommandError."""
    if words == ["none"]:
        host.advertise(None)
    elif words == ["silent"]:
        host.fall_silent()
    else:
        prefixes = tuple(_advertised(words[place + 1 :]) for place, word in enumerate(words) if word == "prefix")
        lifetime = _number(words, "lifetime", 1800)
        interval = _number(words, "interval", 10)
        if lifetime > 0xFFFF or not interval:
            raise CommandError("expected a lifetime of at most 65535 and an interval of at least 1")
        host.advertise(Advertised(lifetime, interval, "managed" in words, "other" in words, prefixes))


def _advertised(words: list[str]) -> AdvertisedPrefix:
    words = list(takewhile(lambda word: word != "prefix", words))
    if len(words) < 3:
        raise CommandError("expected prefix P/L VALID PREFERRED")
    prefix = _prefix(words[0]).network()
    flags = next((_FLAGS[word] for word in words[3:4] if word in _FLAGS), _FLAGS["la"])
    return AdvertisedPrefix(prefix.address, prefix.length, flags, whole_number(words[1]), whole_number(words[2]))


def serve(host: Host6, random: Random, words: list[str]) -> None:
    """Do what `simulate host NAME dhcp6-server` says. Raises CommandError."""
    verb = words[0] if words else ""
    if verb == "pool":
        terms = _terms(words)
        if host.server is None:
            host.server = Dhcp6Server(host.mac, random, terms)
        host.server.terms = terms
    elif host.server is None:
        raise CommandError("it is no DHCPv6 server")
    elif verb == "none":
        host.server = None
    else:
        _behave(host, host.server, verb, words[1:])


def _behave(host: Host6, server: Dhcp6Server, verb: str, words: list[str]) -> None:
    if verb == "answer":
        server.conduct, server.refusal = Conduct.ANSWER, None
    elif verb == "silent":
        server.conduct = Conduct.SILENT
    elif verb == "forget":
        server.forget()
    elif verb == "refuse" and words:
        status = next((known for known in Status if dhcp6.word(known) == words[0]), None)
        kinds = _REFUSED.get(" ".join(words[1:]))
        if status is None or kinds is None:
            raise CommandError(f"expected one of {', '.join(map(dhcp6.word, Status))}, and pd, na or message")
        server.refusal = Refusal(status, kinds)
    elif verb == "reconfigure":
        kinds_of_message = (Type.RENEW, Type.REBIND, Type.INFORMATION_REQUEST)
        kind = next((known for known in kinds_of_message if [dhcp6.word(known)] == words), None)
        if kind is None:
            raise CommandError(f"expected one of {', '.join(map(dhcp6.word, kinds_of_message))}")
        host.reconfigure(kind)
    else:
        raise CommandError(f"unknown input `{' '.join([verb, *words])}'")


def _terms(words: list[str]) -> Terms:
    delegated = _prefix(word_after(words, "pd")).network() if "pd" in words else None
    length = 128
    if delegated is not None:
        length = whole_number((words[words.index("pd") + 2 :] or [""])[0])
        if not delegated.length <= length <= 128:
            raise CommandError("expected pd P/L LENGTH, which is not shorter than P/L")
    preference = _number(words, "preference", 0)
    if preference > 255:
        raise CommandError("expected a preference of at most 255")
    options = [(dhcp6.DNS, _packed(word_after(words, "dns")))] if "dns" in words else []
    options += [_option(words[place + 1 : place + 3]) for place, word in enumerate(words) if word == "option"]
    return Terms(
        delegated,
        length,
        _prefix(word_after(words, "na")).network() if "na" in words else None,
        _number(words, "preferred", 1800),
        _number(words, "valid", 3600),
        _number(words, "t1", 0),
        _number(words, "t2", 0),
        preference,
        "rapid-commit" in words,
        tuple(options),
    )


def _number(words: list[str], key: str, default: int) -> int:
    return whole_number(word_after(words, key) or "") if key in words else default


def _packed(word: str | None) -> bytes:
    return b"".join(_prefix(part).address.to_bytes(16, "big") for part in (word or "").split(","))


def _option(words: list[str]) -> tuple[int, bytes]:
    try:
        code, raw = whole_number(words[0]), bytes.fromhex(words[1])
    except (IndexError, ValueError):
        code, raw = 0, b""
    if not 0 < code <= 0xFFFF or len(raw) > _LONGEST_OPTION:
        raise CommandError(f"expected option CODE HEX, of at most {_LONGEST_OPTION} bytes")
    return code, raw


def _prefix(word: str | None) -> Prefix:
    try:
        prefix = addresses.parse_prefix(word or "")
    except ValueError as error:
        raise CommandError(str(error)) from error
    if prefix.af != 6:
        raise CommandError(f"{word} is no IPv6 address")
    return prefix
