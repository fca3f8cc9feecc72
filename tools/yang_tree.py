"""Draws the YANG tree of module vppdhc, as pyang's tree plugin shows it, into docs/yang-tree.md.

Run it after every change of a module; with --check it changes nothing and fails when the document is stale.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

TOP = Path(__file__).resolve().parents[1]
MODELS = TOP / "yang"
DOCUMENT = TOP / "docs" / "yang-tree.md"

_EXIT_STALE = 1
_OPERATIONS = {"rpcs": "RPCs", "notifications": "Notifications"}
_INTRODUCTION = """\
# The YANG tree

Drawn by `tools/yang_tree.py` from the modules in `yang/`; not to be edited. [yang.md](yang.md) tells how to use it.

`rw` is configuration, `ro` state, `x` an action or RPC, `n` a notification. `?` is optional, `!` a container whose
presence means something, `*` a list or leaf-list with its keys in brackets (RFC 8340).
"""


def draw() -> str:
    """Return the document's text. Raises CalledProcessError where the modules are wrong."""
    command = [sys.executable, "-m", "pyang.scripts.pyang_tool", "--format", "tree", "--path", str(MODELS)]
    tree = subprocess.run([*command, str(MODELS / "vppdhc.yang")], check=True, capture_output=True, text=True).stdout
    return "\n".join([_INTRODUCTION, *(f"## {title}\n\n```\n{body}\n```\n" for title, body in _sections(tree))])


def _sections(tree: str) -> list[tuple[str, str]]:
    """Cut pyang's tree into (title, lines): one for each node at the top, then the RPCs and the notifications."""
    sections: list[tuple[str, list[str]]] = []
    together = False
    for line in tree.splitlines()[1:]:
        if line.startswith("  ") and line.endswith(":") and line[2].isalpha():
            together = True
            sections.append((_OPERATIONS[line.strip(" :")], []))
        elif line.startswith("  +--") and not together:
            sections.append((f"`{line.split()[1].rstrip('*!')}`", [line]))
        elif line.strip():
            sections[-1][1].append(line)
    return [(title, dedent("\n".join(lines))) for title, lines in sections]


def main() -> int:
    """Write or check the document; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="change nothing, fail when the document is stale")
    options = parser.parse_args()
    text = draw()
    if not options.check:
        DOCUMENT.write_text(text, encoding="utf-8")
    elif not DOCUMENT.exists() or DOCUMENT.read_text(encoding="utf-8") != text:
        print(f"{DOCUMENT.relative_to(TOP)} is stale: run tools/yang_tree.py", file=sys.stderr)
        return _EXIT_STALE
    return 0


if __name__ == "__main__":
    sys.exit(main())
