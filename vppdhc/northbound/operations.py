"""The RPCs of the model, and what its actions have in common."""

import base64
from collections.abc import Callable, Sequence
from typing import Final

from nc.access import AccessControl
from nc.datastore import CANDIDATE, Datastores
from nc.errors import in_use, invalid_value, operation_failed
from nc.operations import Operations
from nc.rpc.request import Request
from nc.xml import Element
from vppdhc.capture import Recording
from vppdhc.interface import Interface
from vppdhc.northbound.config import octets
from vppdhc.northbound.model import BUILD, NAMESPACE, name
from vppdhc.vpp.errors import VppError

_CAPTURES_MOST: Final = 4


class Input:
    """The parameters of an RPC or action, checked by the schema."""

    def __init__(self, element: Element) -> None:
        self._element = element

    def text(self, local: str) -> str | None:
        """Return a parameter, None where it is absent."""
        return self._element.findtext(name(local))

    def texts(self, local: str) -> list[str]:
        """Return the values of a leaf-list."""
        return [child.text or "" for child in self._element.iterchildren(name(local))]

    def has(self, local: str) -> bool:
        """Whether a parameter is there."""
        return self._element.find(name(local)) is not None


class ConfigOperations:
    """rollback and get-config-version.

    parse: makes a tree of a stored configuration.
    """

    def __init__(
        self, datastores: Datastores, access: AccessControl, text: Callable[[int], str], parse: Callable[[str], Element]
    ) -> None:
        self._datastores = datastores
        self._access = access
        self._text = text
        self._parse = parse

    def register(self, operations: Operations) -> None:
        """Have them performed."""
        operations.register(name("rollback"), self._rollback)
        operations.register(name("get-config-version"), self._get_version)

    def _rollback(self, request: Request) -> Sequence[Element]:
        session = request.session

        def authorise(old: Element, new: Element) -> None:
            self._access.check_write(session, old, new)

        serial = int(request.text("version", NAMESPACE) or 0)
        # With its lock nobody else edits the candidate meanwhile; without the commit, unlocking discards it.
        self._datastores.lock(CANDIDATE, session)
        try:
            self._datastores.rollback(session, serial, authorise)
            self._datastores.commit(session, authorise, how="rollback", comment=f"to version {serial}")
        finally:
            self._datastores.unlock(CANDIDATE, session)
        return [BUILD.leaf("version", self._datastores.versions()[0].serial)]

    def _get_version(self, request: Request) -> Sequence[Element]:
        serial = int(request.text("version", NAMESPACE) or 0)
        try:
            tree = self._parse(self._text(serial))
        except KeyError:
            raise invalid_value(f"there is no version {serial} of the configuration") from None
        data = BUILD.node("data")
        data.extend(list(tree))
        self._access.prune(request.session, data)
        return [data]


class VppOperations:
    """reconcile and capture.

    reconcile: has everything in VPP put right, and returns how much was and how much still is not.
    capture: records packets: of an interface, protocols and hardware address, so many, for so many seconds.
    """

    def __init__(
        self,
        reconcile: Callable[[], tuple[int, int]],
        interface: Callable[[str], Interface | None],
        capture: Callable[[str, frozenset[str], bytes, int, float], Recording],
    ) -> None:
        self._reconcile = reconcile
        self._interface = interface
        self._capture = capture
        self._capturing = 0

    def register(self, operations: Operations) -> None:
        """Have them performed."""
        operations.register(name("reconcile"), self._perform_reconcile)
        operations.register(name("capture"), self._perform_capture)

    def _perform_reconcile(self, _: Request) -> Sequence[Element]:
        try:
            restored, drifted = self._reconcile()
        except VppError as error:
            raise operation_failed(f"nothing can be put right now: {error}") from error
        return BUILD.leafs(restored=restored, drifted=drifted)

    def _perform_capture(self, request: Request) -> Sequence[Element]:
        asked = Input(request.input)
        interface = asked.text("interface") or ""
        if self._interface(interface) is None:
            raise invalid_value(f"VPP has no interface {interface}")
        if self._capturing >= _CAPTURES_MOST:
            raise in_use(f"{_CAPTURES_MOST} captures are running; wait for one to end", "application")
        self._capturing += 1
        try:
            recording = self._capture(
                interface,
                frozenset(asked.texts("protocol")),
                octets(asked.text("hardware-address") or ""),
                int(asked.text("max-packets") or 0),
                float(asked.text("duration") or 0),
            )
        finally:
            self._capturing -= 1
        pcap = base64.b64encode(recording.pcap).decode("ascii")
        return BUILD.leafs(packets=recording.packets, dropped=recording.dropped, pcap=pcap)
