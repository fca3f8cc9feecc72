"""The daemon's NETCONF server, as an operator on the router uses it: over its Unix socket, with netconf-client."""

import contextlib
import socket
from collections.abc import Iterator

from lxml import etree
from netconf_client.ncclient import Manager
from netconf_client.session import Session

from tests.daemon import Daemon
from tests.northbound.managed import NS, action, answer, config, subtree, texts
from tests.waiting import wait_for

_PATIENCE = 30.0


@contextlib.contextmanager
def manager(daemon: Daemon) -> Iterator[Manager]:
    """Connect to the daemon."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_PATIENCE)
    connection.connect(str(daemon.directory / "run/netconf.sock"))
    with Manager(Session(connection), timeout=_PATIENCE) as client:
        try:
            yield client
        finally:
            # Closing alone does not end it: the thread in which netconf-client reads holds it open.
            connection.shutdown(socket.SHUT_RDWR)


def get(daemon: Daemon, content: str, leaf: str) -> list[str]:
    """Return the values of all leaves of a name in what a `get` with this filter shows."""
    with manager(daemon) as client:
        return texts(client.get(filter=subtree(content)).data_ele, f".//v:{leaf}")


def entries(daemon: Daemon, content: str, name: str) -> list[dict[str, str]]:
    """Return the entries of a list in what a `get` with this filter shows, each with all leafs that are in it."""
    with manager(daemon) as client:
        found = client.get(filter=subtree(content)).data_ele.iter(f"{{{NS['v']}}}{name}")
        return [{etree.QName(leaf).localname: leaf.text or "" for leaf in one.iter() if not len(leaf)} for one in found]


def eventually(daemon: Daemon, content: str, leaf: str, value: str, seconds: float = 30) -> None:
    """Wait until a `get` with this filter shows one leaf of that name, with that value."""
    seen: list[list[str]] = [[]]

    def is_so() -> bool:
        seen[0] = get(daemon, content, leaf)
        return seen[0] == [value]

    try:
        wait_for(is_so, f"{content}: {leaf} is {value}", seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}, but {seen[0]}; the log:\n{daemon.said()}") from None


def act(daemon: Daemon, content: str, leaf: str) -> list[str]:
    """Run an action and return the values of all leaves of a name in its output."""
    with manager(daemon) as client:
        return [found.text or "" for found in answer(client.dispatch(action(content))).iter(f"{{{NS['v']}}}{leaf}")]


def edit(daemon: Daemon, content: str) -> None:
    """Change the configuration: edit the candidate and commit it."""
    with manager(daemon) as client:
        client.edit_config(target="candidate", config=config(content))
        client.commit()


def notified(daemon: Daemon, name: str, **fields: str) -> etree._Element:
    """Wait for a notification, of now or of before, in which leaves have these values, and return it.

    fields: names are written with underscores.
    """
    with manager(daemon) as client:
        client.create_subscription(start_time="2020-01-01T00:00:00Z", filter=subtree(f"<{name}/>"))
        while True:
            notification = client.take_notification(True, timeout=_PATIENCE)
            assert notification is not None, f"no {name} {fields}; the log:\n{daemon.said()}"
            found = etree.fromstring(notification.notification_xml)
            if all(texts(found, f".//v:{leaf.replace('_', '-')}") == [value] for leaf, value in fields.items()):
                return found
