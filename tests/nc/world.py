"""A server without transports: real schema and operations, time that only tests move, and parts that obey them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import gevent
from lxml import etree

import nc
from nc.backend import Backend
from nc.capabilities import MODULES
from nc.component import ConfigWarning
from nc.errors import RpcErrors
from nc.filter import Want
from nc.history import Record, StorageError, Version
from nc.schema import ModuleRequest, Schema
from nc.session import Session, Sessions, Termination, TerminationReason
from nc.xml import Element, parse, serialise

PLANT: Final = "urn:example:plant"
NC_NS: Final = "urn:ietf:params:xml:ns:netconf:base:1.0"
NAMESPACES: Final = {
    "nc": NC_NS,
    "p": PLANT,
    "nacm": "urn:ietf:params:xml:ns:yang:ietf-netconf-acm",
    "ncm": "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring",
    "ncds": "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda",
    "yanglib": "urn:ietf:params:xml:ns:yang:ietf-yang-library",
    "n": "urn:ietf:params:xml:ns:netconf:notification:1.0",
    "nmn": "urn:ietf:params:xml:ns:netmod:notification",
    "ncn": "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications",
    "or": "urn:ietf:params:xml:ns:yang:ietf-origin",
    "wd": "urn:ietf:params:xml:ns:netconf:default:1.0",
}
START: Final = 1_800_000_000.0
"""The wall clock's time when a world begins."""

_MODELS: Final = Path(__file__).with_name("models")
_IETF: Final = Path(etree.__file__).parents[4] / "share/yang/modules"


@cache
def schema() -> Schema:
    """The server's own modules and `plant`, compiled once."""
    own = Path(nc.__file__).with_name("yang")
    path = [_MODELS, own, _IETF / "ietf", _IETF / "iana"]
    return Schema.load([*MODULES, ModuleRequest("plant")], path)


class ManualTime:
    """A clock and its timers; time passes when a test says so."""

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: dict[object, tuple[float, Callable[[], None]]] = {}

    def boottime(self) -> float:
        return self._now

    def wall(self) -> float:
        return START + self._now

    def after(self, seconds: float, function: Callable[[], None]) -> Callable[[], None]:
        timer = object()
        self._timers[timer] = (self._now + seconds, function)

        def cancel() -> None:
            self._timers.pop(timer, None)

        return cancel

    def pass_(self, seconds: float) -> None:
        end = self._now + seconds
        while due := [(at, timer) for timer, (at, _) in self._timers.items() if at <= end]:
            at, timer = min(due, key=lambda one: one[0])
            self._now = max(at, self._now)
            self._timers.pop(timer)[1]()
        self._now = end


@dataclass
class MemoryStorage:
    """Keeps configurations like nc.history.History does; `broken` makes it fail, `faults` makes it complain."""

    content: str | None = None
    kept: list[tuple[Version, str]] = field(default_factory=list)
    broken: StorageError | None = None
    faults: list[StorageError] = field(default_factory=list)
    before_save: Callable[[], None] = lambda: None

    def read(self) -> str | None:
        return self.content

    def save(self, text: str, record: Record) -> list[StorageError]:
        self.before_save()
        if self.broken is not None:
            raise self.broken
        self.content = text
        self._keep(text, record)
        return self.faults

    def found(self, text: str, record: Record) -> None:
        if not self.kept or self.kept[-1][1] != text:
            self._keep(text, record)

    def versions(self) -> list[Version]:
        return [version for version, _ in reversed(self.kept)]

    def text(self, serial: int) -> str:
        return {version.serial: text for version, text in self.kept}[serial]

    def _keep(self, text: str, record: Record) -> None:
        self.kept.append((Version(len(self.kept) + 1, record), text))


class Part:
    """A component that writes down what is done to it, and refuses or fails when it is told to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.in_use: Element | None = None
        self.done: list[str] = []
        self.refusal: RpcErrors | None = None
        self.failure: Exception | None = None
        self.failure_to_apply: Exception | None = None
        self.complaints: list[ConfigWarning] = []
        self.on_prepare: Callable[[], None] = lambda: None

    def prepare(self, old: Element, new: Element, *, strict: bool) -> "PreparedPart":
        self.done.append("prepare strictly" if strict else "prepare")
        self.on_prepare()
        if self.failure is not None:
            raise self.failure
        if strict and self.refusal is not None:
            raise self.refusal
        return PreparedPart(self, new)


@dataclass
class PreparedPart:
    part: Part
    new: Element

    @property
    def warnings(self) -> Sequence[ConfigWarning]:
        return self.part.complaints

    def apply(self) -> None:
        self.part.done.append("apply")
        if self.part.failure_to_apply is not None:
            raise self.part.failure_to_apply
        self.part.in_use = self.new

    def abandon(self) -> None:
        self.part.done.append("abandon")


class Source:
    """A source of state: a function that gives XML texts for a want. Counts what it yields."""

    def __init__(self, path: str, texts: Callable[[Want], Iterable[str]] = lambda _: ()) -> None:
        self.path = path
        self.texts = texts
        self.wants: list[Want] = []
        self.yielded = 0

    def read(self, want: Want) -> Iterator[Element]:
        self.wants.append(want)
        for text in self.texts(want):
            self.yielded += 1
            yield plant_element(text)


class Peer:
    """Whoever is at the other end of a session: reads what it is sent, unless he is lazy."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.received: list[Element] = []
        self.cut_off = False

    def frame(self, element: Element) -> bytes:
        return serialise(element)

    def hang_up(self, *, at_once: bool) -> None:
        self.cut_off = True

    def read(self) -> None:
        """Read whatever is sent from now on."""
        gevent.spawn(self._read)

    def _read(self) -> None:
        while (message := self.session.outbox.take()) is not None:
            self.received.append(parse(message))

    def notifications(self) -> list[str]:
        """The local names of the notifications received."""
        return [etree.QName(message[1]).localname for message in self.received]


class World:
    """The server.

    parts, sources, storage: may be told what to do. Access control is not for the user root.
    """

    def __init__(
        self,
        sources: Sequence[Source] = (),
        *,
        storage: MemoryStorage | None = None,
        outbox_limit: int = 1 << 20,
    ) -> None:
        self.time = ManualTime()
        self.storage = storage or MemoryStorage()
        self.parts = [Part("pumps"), Part("lamps")]
        self.sessions = Sessions(self.time, outbox_limit=outbox_limit)
        self.sources = list(sources)
        self.backend = Backend(
            schema(),
            self.parts,
            self.sources,
            self.storage,
            self.sessions,
            lambda session: session.username == "root",
            self.time,
            self.time,
            schema().from_json,
        )
        self.datastores = self.backend.datastores
        self.peers: dict[Session, Peer] = {}

    def open(self, username: str = "root", groups: Iterable[str] = (), *, lazy: bool = False) -> Session:
        """Let a user in."""
        session = self.sessions.register(username, frozenset(groups), "netconf-ssh", "192.0.2.1")
        peer = Peer(session)
        session.line = peer
        self.peers[session] = peer
        if not lazy:
            peer.read()
        self.backend.operations.session_opened(session)
        return session

    def end(self, session: Session, reason: TerminationReason = TerminationReason.CLOSED) -> None:
        """End a session, as the exchange does."""
        session.close(Termination(reason))
        assert session.termination is not None
        self.backend.operations.session_closed(session, session.termination)
        self.sessions.forget(session)

    def ask(self, session: Session, operation: str) -> Element:
        """Perform an operation, and give the rpc-reply as it goes over the wire."""
        message = f'<rpc xmlns="{NC_NS}" message-id="101">{operation}</rpc>'
        reply = self.backend.operations.handle(session, parse(message.encode()))
        return parse(serialise(reply.element))

    def ok(self, session: Session, operation: str) -> None:
        """Perform an operation that has to succeed."""
        reply = self.ask(session, operation)
        assert [child.tag for child in reply] == [f"{{{NC_NS}}}ok"], shown(reply)

    def data(self, session: Session, operation: str) -> Element:
        """Perform an operation that has to give data."""
        reply = self.ask(session, operation)
        assert len(reply) == 1, shown(reply)
        assert etree.QName(reply[0]).localname == "data", shown(reply)
        return reply[0]

    def errors(self, session: Session, operation: str) -> list["Refusal"]:
        """Perform an operation that has to fail."""
        reply = self.ask(session, operation)
        assert len(reply) > 0
        assert {child.tag for child in reply} == {f"{{{NC_NS}}}rpc-error"}, shown(reply)
        return [Refusal(child) for child in reply]

    def error(self, session: Session, operation: str) -> "Refusal":
        """Perform an operation that has to fail with one error."""
        errors = self.errors(session, operation)
        assert len(errors) == 1, [shown(error.element) for error in errors]
        return errors[0]

    def edit(self, session: Session, plant: str) -> None:
        """Merge some of the plant into the candidate."""
        self.ok(session, edit(plant))

    def commit(self, session: Session, plant: str) -> None:
        """Merge some of the plant into the candidate and commit it."""
        self.edit(session, plant)
        self.ok(session, "<commit/>")

    def set_nacm(self, nacm: str) -> None:
        """Commit access control as root."""
        root = self.open("root")
        config = f'<nacm xmlns="{NAMESPACES["nacm"]}" xmlns:p="{PLANT}">{nacm}</nacm>'
        self.ok(root, edit_config(config))
        self.ok(root, "<commit/>")
        self.end(root)

    def running(self) -> str:
        """Running's plant, for comparing."""
        return plant_of(self.datastores.running)

    def candidate(self) -> str:
        """The candidate's plant, for comparing."""
        return plant_of(self.datastores.candidate)


class Refusal:
    """An rpc-error."""

    def __init__(self, element: Element) -> None:
        self.element = element

    def _text(self, name: str) -> str | None:
        return self.element.findtext(f"nc:{name}", namespaces=NAMESPACES)

    @property
    def tag(self) -> str | None:
        return self._text("error-tag")

    @property
    def type(self) -> str | None:
        return self._text("error-type")

    @property
    def app_tag(self) -> str | None:
        return self._text("error-app-tag")

    @property
    def message(self) -> str:
        return self._text("error-message") or ""

    @property
    def path(self) -> str | None:
        return self._text("error-path")

    @property
    def info(self) -> dict[str, str]:
        info = self.element.find("nc:error-info", NAMESPACES)
        return {} if info is None else {etree.QName(child).localname: child.text or "" for child in info}


def plant_element(text: str) -> Element:
    """An element of the plant's namespace, with the prefix that the schema has for it."""
    prefixes = f'xmlns:p="{PLANT}" xmlns:or="{NAMESPACES["or"]}"'
    return parse(f"<p:_ {prefixes}>{prefixed(text)}</p:_>".encode())[0]


def prefixed(text: str) -> str:
    """XML text without prefixes, with the plant's."""
    return text.replace("</", "\0").replace("<", "<p:").replace("\0", "</p:")


def edit_config(config: str, more: str = "") -> str:
    return f"<edit-config><target><candidate/></target>{more}<config>{config}</config></edit-config>"


def edit(plant: str, more: str = "") -> str:
    """An edit-config that merges some of the plant into the candidate."""
    return edit_config(f'<plant xmlns="{PLANT}" xmlns:nc="{NC_NS}">{plant}</plant>', more)


def plant_of(tree: Element) -> str:
    """What is in the plant, as XML without namespaces; empty without a plant."""
    plant = tree.find(f"{{{PLANT}}}plant")
    return "" if plant is None else "".join(bare(child) for child in plant)


def bare(element: Element) -> str:
    """An element as XML without namespaces and attributes."""
    name = etree.QName(element).localname
    content = "".join(bare(child) for child in element) if len(element) else element.text or ""
    return f"<{name}>{content}</{name}>" if content else f"<{name}/>"


def shown(element: Element) -> str:
    return etree.tostring(element, pretty_print=True).decode()


def eventually(is_so: Callable[[], bool], what: str) -> None:
    """Let other greenlets run until something is so."""
    with gevent.Timeout(20, AssertionError(f"still not so: {what}")):
        while not is_so():
            gevent.sleep(0.001)
