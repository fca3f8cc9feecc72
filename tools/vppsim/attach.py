"""Give a Linux device to the router and print its name there: attach DEVICE [MAC] | attach --remove DEVICE.

The device, one end of a veth, is in the network namespace this runs in, which is the router's. VPP_CTL in the
environment is the command line that reaches the router, the simulator or a real VPP. Runs as a script, too.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

USAGE = "usage: attach DEVICE [MAC] | attach --remove DEVICE"


def ctl(*words: str) -> str:
    """Run a command of the router and return what it printed."""
    command = [*shlex.split(os.environ["VPP_CTL"]), *words]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def attach(device: str, mac: list[str]) -> str:
    """Bring a device up without IPv6 and give it to the router; return the interface's name there."""
    subprocess.run(["ip", "link", "set", device, "up"], check=True)
    Path(f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6").write_text("1")
    name = f"host-{device}"
    answer = ctl("create", "host-interface", "name", device, *(["hw-addr", *mac] if mac else []))
    if answer not in ("", name):
        raise ChildProcessError(answer)
    ctl("set", "interface", "state", name, "up")
    return name


def main(arguments: list[str]) -> int:
    """Attach or remove; 1 when that failed."""
    try:
        if len(arguments) == 2 and arguments[0] == "--remove":
            ctl("delete", "host-interface", "name", arguments[1])
        elif len(arguments) in (1, 2) and "VPP_CTL" in os.environ:
            print(attach(arguments[0], arguments[1:]))
        else:
            print(f"{USAGE}\nVPP_CTL has to say how to reach the router", file=sys.stderr)
            return 2
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"attach: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
