"""Send a command to the simulator, as vppctl does to VPP: ctl -s DIR/cli.sock WORDS. Runs as a script, too."""

import socket
import sys

USAGE = "usage: ctl -s SOCKET WORDS"


def ask(path: str, line: str) -> str:
    """Return what a command printed. Raises OSError when nobody answers."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        sock.sendall(line.encode() + b"\n")
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk
    return answer.decode(errors="replace")


def main(arguments: list[str]) -> int:
    """Print what the command printed; 1 when nobody answered. As vppctl it does not tell refusals by its status."""
    if len(arguments) < 3 or arguments[0] != "-s":
        print(USAGE, file=sys.stderr)
        return 2
    try:
        sys.stdout.write(ask(arguments[1], " ".join(arguments[2:])))
    except OSError as error:
        print(f"ctl: {arguments[1]}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
