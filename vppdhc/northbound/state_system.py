"""State of /vppdhc:system."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from nc.filter import Want
from nc.history import Version
from nc.xml import Element
from vppdhc.heartbeat import Heartbeat
from vppdhc.leases.committer import Committer
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.sources import Instants, Source, matches, nothing

_MICRO: Final = 1_000_000
_NOT_BUILT: Final = (
    "http-server/problem",
    "event-hook/call-count",
    "event-hook/failed-count",
    "event-hook/dropped-count",
    "event-hook/last-error",
)


class StoreState:
    """The lease store.

    path: its file. leases: counts those in the book. alarm: says why leases cannot be stored, empty while they can.
    """

    def __init__(self, path: Path, committer: Committer, leases: Callable[[], int], alarm: Callable[[], str]) -> None:
        self._path = path
        self._committer = committer
        self._leases = leases
        self._alarm = alarm

    def sources(self) -> list[Source]:
        """Return the source of it."""
        return [Source("/vppdhc:system/lease-store", self._lease_store)]

    def _lease_store(self, _: Want) -> Iterator[Element]:
        counters = self._committer.counters
        yield BUILD.node(
            "lease-store",
            BUILD.leafs(
                path=self._path,
                alarm=self._alarm() or None,
                lease_count=self._leases(),
                commit_count=counters.groups,
                change_count=counters.changes,
                failed_count=counters.failed,
                dropped_count=counters.dropped_full + counters.dropped_failed,
                largest_group=counters.largest_group,
                last_commit_duration=round(counters.last_commit_seconds * _MICRO),
            ),
        )


class SystemState:
    """The daemon itself, its parts, its hub, and the versions of its configuration.

    components: gives each component's status and problem (empty for none) by its name.
    restarts: how often each greenlet was started again, by its name; the first word of that is the component.
    versions: gives the versions of the configuration.
    """

    def __init__(
        self,
        components: Callable[[], Mapping[str, tuple[str, str]]],
        restarts: Mapping[str, int],
        heartbeat: Heartbeat,
        versions: Callable[[], Sequence[Version]],
        instants: Instants,
        started: float,
    ) -> None:
        self._components = components
        self._restarts = restarts
        self._heartbeat = heartbeat
        self._versions = versions
        self._instants = instants
        self._started = started

    def sources(self) -> list[Source]:
        """Return a source for each part."""
        return [
            Source("/vppdhc:system/version", lambda _: [BUILD.leaf("version", version("vppdhc"))]),
            Source("/vppdhc:system/start-time", lambda _: BUILD.leafs(start_time=self._instants.text(self._started))),
            Source("/vppdhc:system/component", self._component),
            Source("/vppdhc:system/hub", self._hub),
            Source("/vppdhc:system/config-version", self._config_version),
            *(nothing(f"/vppdhc:system/{path}") for path in _NOT_BUILT),
        ]

    def _component(self, want: Want) -> Iterator[Element]:
        for name, (status, problem) in self._components().items():
            if matches(want, name=name):
                count = sum(count for greenlet, count in self._restarts.items() if greenlet.split()[0] == name)
                yield BUILD.node(
                    "component",
                    BUILD.leafs(name=name, status=status, problem=problem or None, restart_count=count),
                )

    def _hub(self, _: Want) -> Iterator[Element]:
        longest = self._heartbeat.longest
        yield BUILD.node(
            "hub",
            BUILD.leafs(
                longest_hold=round(longest.seconds * _MICRO),
                longest_hold_time=self._instants.text(longest.ended),
                recent_longest_hold=round(self._heartbeat.recent * _MICRO),
            ),
        )

    def _config_version(self, want: Want) -> Iterator[Element]:
        for one in self._versions():
            if matches(want, version=one.serial):
                record = one.record
                yield BUILD.node(
                    "config-version",
                    BUILD.leafs(version=one.serial, time=record.when, user=record.who or None, source=record.how),
                )
