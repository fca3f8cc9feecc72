"""The simulator as a whole: what it is made of, how it starts, restarts and ends."""

from dataclasses import dataclass
from pathlib import Path
from random import Random

from tools.vppsim import codec
from tools.vppsim.api import ApiServer
from tools.vppsim.arp import ArpInput
from tools.vppsim.arping import Arping
from tools.vppsim.cli import Cli, CliServer
from tools.vppsim.commands import Commands
from tools.vppsim.dataplane import Dataplane
from tools.vppsim.faults import Faults
from tools.vppsim.handlers import InterfaceHandlers
from tools.vppsim.ip4 import Ip4Input
from tools.vppsim.ip6 import Ip6Input
from tools.vppsim.ip_handlers import IpHandlers
from tools.vppsim.loop import Loop, Timer
from tools.vppsim.ports import Kept, Ports
from tools.vppsim.punt import IP4_ROUTED, IP6_ROUTED, L2, PuntSocket
from tools.vppsim.router import Router
from tools.vppsim.show import ShowCommands
from tools.vppsim.simulate import SimulateCommands


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen at start.

    run_dir: where the sockets are. serve_definitions: whether `get_api_json` is known. punt_configured: whether
    startup.conf has a punt socket. npt66_enabled: whether it loads the plugin. punt_rate: the most datagrams a second
    read from the punt socket, None for no limit. seed: of everything random.
    """

    run_dir: Path
    serve_definitions: bool = True
    punt_configured: bool = True
    npt66_enabled: bool = True
    punt_rate: float | None = None
    seed: int | None = None


class Simulator:
    """Everything, put together."""

    def __init__(self, options: Options) -> None:
        run_dir = options.run_dir
        random = Random(options.seed)
        self.loop = Loop()
        api = codec.load(without=() if options.npt66_enabled else ("npt66",))
        self._faults = Faults(random, self.loop)
        self._router = Router(self.loop.now, random)
        self._dataplane = Dataplane(self._router, self._faults)
        self._punt = PuntSocket(
            self.loop,
            self._router,
            run_dir / "punt.sock",
            configured=options.punt_configured,
            rate=options.punt_rate,
        )
        arp = ArpInput(self._router, self._dataplane)
        ip4 = Ip4Input(self._router, self._dataplane, arp, self._punt)
        ip6 = Ip6Input(self._router, self._dataplane, self._punt, self.loop)
        self._dataplane.register(arp, ip4, ip6)
        self._router.ask = {4: arp.request, 6: ip6.solicit_neighbour}
        self._punt.sends = {L2: self._dataplane.output, IP4_ROUTED: ip4.send, IP6_ROUTED: ip6.send}
        self._ports = Ports(self.loop, self._router, self._dataplane)
        self._server = ApiServer(
            self.loop, api, run_dir / "api.sock", self._faults, serve_definitions=options.serve_definitions
        )
        cli = Cli()
        InterfaceHandlers(self._server, self._router, ip6).attach()
        ip = IpHandlers(self._server, self._router, Arping(self.loop, arp, ip6), self._punt, cli.run)
        ip.attach()
        cli.add("show ip neighbor-watcher", lambda _: ip.show_watches())
        Commands(cli, self._router, self._dataplane, self._ports)
        ShowCommands(cli, self._router, self._ports, self._punt, self._server, self._faults)
        SimulateCommands(
            cli, self.loop, random, self._ports, self._faults, api, leave=self.loop.stop, restart=self.restart
        )
        self._cli_server = CliServer(self.loop, run_dir / "cli.sock", cli)
        self._return = Timer(self._come_back)
        self._kept: list[Kept] = []

    def run(self) -> None:
        """Open the sockets and run until told to end. Raises CrashError where VPP would have crashed."""
        self._punt.open()
        self._server.open()
        self._cli_server.open()
        self.loop.run()

    def close(self) -> None:
        """Take the sockets away."""
        self._server.close()
        self._punt.close()
        self._cli_server.close()
        self._ports.close()

    def restart(self, keep_interfaces: bool, seconds: float) -> None:
        """Go away at once and come back so many seconds later, empty or with interfaces and their addresses.

        Hosts and faults outlive it, and the command line socket stays. One that is away already comes back when it
        is told so last.
        """
        self._return.cancel()
        self._kept = [*self._kept, *self._ports.kept()] if keep_interfaces else []
        self._server.close()
        self._punt.close()
        self._ports.close()
        self._server.next_run()
        self._router.reset()
        self._dataplane.bridges.clear()
        self._return = self.loop.after(seconds, self._come_back)

    def _come_back(self) -> None:
        self._ports.restore(self._kept)
        self._kept = []
        self._punt.open()
        self._server.open()
