"""What the datastores need of those who put a configuration into effect."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from nc.errors import InstancePath, RpcErrors, operation_failed
from nc.xml import Element


@dataclass(frozen=True, slots=True)
class ConfigWarning:
    """Something about a configuration that does not prevent it.

    path: what it is about; None for all of it.
    """

    path: InstancePath | None
    message: str


class Prepared(Protocol):
    """A component that is ready to change over to a new configuration: exactly one of apply and abandon is called."""

    @property
    def warnings(self) -> Sequence[ConfigWarning]:
        """What the component accepted but does not like."""

    def apply(self) -> None:
        """Change over; cannot fail and waits for nothing."""

    def abandon(self) -> None:
        """Stay with the old configuration; cannot fail."""


class Component(Protocol):
    """A part of the program that is configured."""

    @property
    def name(self) -> str:
        """What logs and errors call it."""

    def prepare(self, old: Element, new: Element, *, strict: bool) -> Prepared:
        """Check a valid configuration and get ready for it; may wait, must not change anything.

        old, new: data trees; neither may be changed.
        strict: whether it may be refused. At start, on reload and in a rollback it may not: what is wrong is a warning.

        Raises RpcErrors with paths and reasons where it is refused.
        """


class Preparation:
    """All components of the server, ready for one configuration."""

    def __init__(self, prepared: Sequence[tuple[Component, Prepared]]) -> None:
        self._prepared = prepared
        self._log = structlog.get_logger()

    @property
    def warnings(self) -> list[ConfigWarning]:
        """What the components do not like."""
        return [warning for _, prepared in self._prepared for warning in prepared.warnings]

    def apply(self) -> None:
        """Change all of them over. One that fails all the same is logged, and does not hold up the others."""
        for component, prepared in self._prepared:
            try:
                prepared.apply()
            except Exception:
                self._log.exception("configuration not applied", component=component.name)

    def abandon(self) -> None:
        """Let all of them stay with the old configuration."""
        for component, prepared in self._prepared:
            try:
                prepared.abandon()
            except Exception:
                self._log.exception("configuration not abandoned", component=component.name)


def prepare_all(components: Sequence[Component], old: Element, new: Element, *, strict: bool) -> Preparation:
    """Prepare every component, or none.

    strict: see Component.prepare. Where it is False, a component that fails all the same is logged and left as it is:
    a rollback must not fail because of it.

    Raises RpcErrors with everything that the components refuse; no component stays prepared then.
    """
    done: list[tuple[Component, Prepared]] = []
    refusals: list[RpcErrors] = []
    log = structlog.get_logger()
    try:
        for component in components:
            try:
                done.append((component, component.prepare(old, new, strict=strict)))
            except RpcErrors as errors:
                refusals.append(errors)
                if not strict:
                    log.error("configuration not prepared", component=component.name, reason=str(errors))
            except Exception:
                log.exception("configuration not checked", component=component.name)
                failed = f"{component.name} failed to check the configuration; the server's log says why"
                refusals.append(RpcErrors([operation_failed(failed)]))
    except BaseException:
        Preparation(done).abandon()
        raise
    if refusals and strict:
        Preparation(done).abandon()
        raise RpcErrors([error for errors in refusals for error in errors.errors])
    return Preparation(done)
