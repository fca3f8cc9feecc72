"""A whole NETCONF server in a process of its own: the transports, the real operations, and configuration on disk.

Run with gevent's patches: `python -m gevent.monkey --module tests.nc.plant_process DIRECTORY`. It keeps its files in
the directory, serves SSH for the user olga and a Unix socket, and prints its SSH port once it listens.
"""

import logging
import os
import pwd
import sys
from pathlib import Path

import gevent
import structlog

from nc.backend import Backend
from nc.clock import GeventTimers
from nc.history import History
from nc.server import NetconfServer, ServerConfig, SshEndpoint, UnixEndpoint
from nc.session import Sessions
from nc.users import User
from tests.nc.served import PASSWORD_HASH
from tests.nc.server_process import Clock
from tests.nc.test_state import soil, visitors
from tests.nc.world import Part, Source, plant_element, schema


def main(directory: Path) -> None:
    logging.basicConfig(level=logging.WARNING)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    clock = Clock()
    sessions = Sessions(clock)
    sources = [
        Source("/plant:plant/visitor", visitors),
        Source("/plant:plant/bed/soil", soil),
        Source("/plant:plant/remark", lambda _: ["<remark><text>oh</text></remark>"]),
    ]
    backend = Backend(
        schema(),
        [Part("pumps")],
        sources,
        History(directory / "plant.json", directory / "versions"),
        sessions,
        lambda session: session.username in {"olga", pwd.getpwuid(os.geteuid()).pw_name},
        clock,
        GeventTimers(),
        schema().from_json,
    )
    backend.datastores.load()
    backend.operations.register("{urn:example:plant}harvest", lambda request: [])
    server = NetconfServer(sessions, backend.operations, directory / "keys", lambda *about: None)
    server.configure(
        ServerConfig(
            ssh=frozenset({SshEndpoint("127.0.0.1", 0)}),
            unix=frozenset({UnixEndpoint(directory / "netconf.sock")}),
            users=(User("olga", password_hash=PASSWORD_HASH),),
        )
    )
    server.start()
    port = 0
    while not port:
        gevent.sleep(0.01)
        port = next((state.bound_to[1] for state in server.endpoints if isinstance(state.bound_to, tuple)), 0)
    print(port, flush=True)
    while True:
        gevent.sleep(0.2)
        backend.notifications.publish(plant_element("<frost><temperature>-4</temperature></frost>"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
