"""Unmodified DHCP clients, each in a network namespace of its own.

dhclient and udhcpc leave the configuration of the interface to a script, and get one that does what theirs does to the
interface and leaves the machine's resolv.conf alone. dhcpcd configures the interface itself. All three give what they
were told to a script in its environment, which keeps it for the test.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.lab.network import Namespace, Segment
from tests.waiting import wait_for

DEVICE = "eth0"

KEEP = 'env > "$0.new" && mv "$0.new" "$0.told"'  # at once, so that nobody reads half of it
"""Shell command by which a script keeps its environment for told()."""

_DHCLIENT_SCRIPT = f"""#!/bin/sh
case $reason in
BOUND|RENEW|REBIND|REBOOT)
    {KEEP}
    [ -z "$old_ip_address" ] || [ "$old_ip_address" = "$new_ip_address" ] || ip addr flush dev $interface
    ip addr replace $new_ip_address/$new_subnet_mask dev $interface
    [ -z "$new_routers" ] || ip route replace default via $new_routers ;;
PREINIT) ip link set $interface up ;;
EXPIRE|FAIL|RELEASE|STOP) ip addr flush dev $interface ;;
esac
echo "script $reason $new_ip_address $new_routers $new_domain_name_servers"
"""

_UDHCPC_SCRIPT = f"""#!/bin/sh
case $1 in
bound|renew)
    {KEEP}
    ip addr replace $ip/$mask dev $interface
    [ -z "$router" ] || ip route replace default via $router ;;
deconfig) ip addr flush dev $interface; ip link set $interface up ;;
esac
echo "script $1 $ip $router $dns"
"""

_DHCPCD_SCRIPT = f"""#!/bin/sh
case $reason in
BOUND|RENEW|REBIND|REBOOT) {KEEP} ;;
esac
"""


class Client:
    """A host on a segment that runs one DHCP client.

    mac: of its network interface.
    wishes: lines of dhclient.conf or dhcpcd.conf, or words of udhcpc's command line.
    log: file with everything that its client printed.
    patience: seconds within which it surely renews or rebinds a lease with a T1 of 4 s, a T2 of 8 s and 120 s to live.
    """

    kind = ""
    patience = 60.0

    def __init__(self, segment: Segment, directory: Path, mac: str, wishes: Sequence[str] = ()) -> None:
        self.mac = mac
        self.wishes = list(wishes)
        self.namespace = Namespace(self.kind)
        self._directory = directory / self.namespace.name
        self._directory.mkdir()
        self.log = self._directory / "log"
        self._process: subprocess.Popen[bytes] | None = None
        segment.plug(DEVICE, namespace=self.namespace)
        self._prepare()
        self.namespace.run("ip", "link", "set", DEVICE, "address", mac, "up")

    def _prepare(self) -> None:
        """Have it without IPv6."""
        self.namespace.run("sysctl", "-qw", f"net.ipv6.conf.{DEVICE}.disable_ipv6=1")

    def command(self) -> list[str]:
        """Return the client's command line: in the foreground, with its files in our directory."""
        raise AssertionError("a client has a command line")

    def start(self) -> None:
        """Start the client."""
        self._process = self.namespace.start(self.command(), self.log, os.environ | {"PATH": _PATH})

    def stop(self) -> None:
        """End the client without a RELEASE, as a crash or a pulled cable does."""
        self._signal(signal.SIGKILL)

    def release(self) -> None:
        """Have the client give its lease back."""
        raise AssertionError("a client can release")

    def _signal(self, number: int) -> None:
        assert self._process is not None  # ip netns exec has become the client
        self._process.send_signal(number)

    def address(self) -> str:
        """Return the IPv4 address of its interface, an empty string without."""
        words = self.namespace.run("ip", "-4", "-o", "addr", "show", "dev", DEVICE).split()
        return words[words.index("inet") + 1].split("/")[0] if "inet" in words else ""

    def bound(self, seconds: float = 30) -> str:
        """Wait until the interface has an address, and return it."""
        return wait_for(self.address, f"{self.kind} has an address; it says:\n{self.said()}", seconds)

    def told(self) -> dict[str, str]:
        """Return what it was told last, by the names that its script knows."""
        path = self._directory / "script.told"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def said(self) -> str:
        """Return what the client printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def reaches(self, address: str) -> bool:
        """Tell whether a ping to an address is answered."""
        return " 0% packet loss" in self.namespace.run("ping", "-c1", "-W1", address, check=False)

    def loses(self, address: str) -> None:
        """Have nothing that the host sends to an address arrive; broadcasts still do."""
        nobody = "02:00:00:00:ff:ff"
        self.namespace.run("ip", "neigh", "replace", address, "lladdr", nobody, "dev", DEVICE, "nud", "permanent")

    def remove(self) -> None:
        """End the client and take its namespace away."""
        self.namespace.remove()

    def _script(self, text: str) -> str:
        path = self._directory / "script"
        path.write_text(text)
        path.chmod(0o755)
        return str(path)


class Dhclient(Client):
    """The ISC client."""

    kind = "dhclient"

    def _files(self) -> list[str]:
        leases = self._directory / "leases"
        leases.touch()
        files = ["-lf", str(leases), "-pf", str(self._directory / "pid"), "-sf", self._script(_DHCLIENT_SCRIPT)]
        if self.wishes:  # else Debian's
            configuration = self._directory / "dhclient.conf"
            configuration.write_text("\n".join(self.wishes) + "\n")
            files += ["-cf", str(configuration)]
        return ["-4", *files]

    def command(self) -> list[str]:
        """Return dhclient's command line."""
        return ["dhclient", "-d", "-v", *self._files(), DEVICE]

    def release(self) -> None:
        """Run dhclient -r, which tells the running one to end."""
        self.namespace.run("dhclient", "-r", "-v", *self._files(), DEVICE)


class Udhcpc(Client):
    """The BusyBox client.

    It takes no notice of T1 and T2, and of no lease time below 122 s: it renews after half of that, and broadcasts
    when less than a minute is left.
    """

    kind = "udhcpc"
    patience = 120.0

    def command(self) -> list[str]:
        """Return udhcpc's command line."""
        patient = ["-t", "20", "-T", "1"]
        return ["udhcpc", "-f", "-i", DEVICE, "-s", self._script(_UDHCPC_SCRIPT), *patient, *self.wishes]

    def release(self) -> None:
        """Send SIGUSR2, upon which udhcpc releases."""
        self._signal(signal.SIGUSR2)


class Dhcpcd(Client):
    """Roy Marples' client. Its directories are its own here: they cannot be named on its command line."""

    kind = "dhcpcd"

    def command(self) -> list[str]:
        """Return dhcpcd's command line, in a mount namespace where its directories are ours."""
        files = ["-f", self._configuration(), "-c", self._script(_DHCPCD_SCRIPT)]
        return self._with_own_directories("dhcpcd", "-B", "-4", "-d", *files, DEVICE)

    def release(self) -> None:
        """Send SIGALRM, upon which dhcpcd releases and exits (dhcpcd -k does the same)."""
        self._signal(signal.SIGALRM)

    def _configuration(self) -> str:
        path = self._directory / "dhcpcd.conf"
        always = ["clientid", "noipv4ll", "option domain_name_servers, routers"]
        path.write_text("\n".join([*always, *self.wishes]) + "\n")
        return str(path)

    def _with_own_directories(self, *command: str) -> list[str]:
        for name in ("run", "lib"):
            (self._directory / name).mkdir(exist_ok=True)
        mounts = (
            f"mkdir -p /run/dhcpcd /var/lib/dhcpcd && mount --bind {self._directory}/run /run/dhcpcd && "
            f'mount --bind {self._directory}/lib /var/lib/dhcpcd && exec "$@"'
        )
        return ["sh", "-c", mounts, "sh", *command]  # ip netns exec has made a mount namespace already


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

KINDS: dict[str, type[Client]] = {kind.kind: kind for kind in (Dhclient, Udhcpc, Dhcpcd)}
