"""Imports go one way; docs/architecture.md says which."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]

ALLOWED = {
    "vppdhc.packet": {"vppdhc.packet", "vppdhc.interface"},
    "vppdhc.leases": {"vppdhc.leases", "vppdhc.clock"},
    "vppdhc.servers": {"vppdhc.servers", "vppdhc.leases", "vppdhc.packet", "vppdhc.interface", "vppdhc.clock"},
    "vppdhc.dhc4": {*(f"vppdhc.{part}" for part in ("dhc4", "servers", "leases", "packet", "interface", "clock"))},
    "vppdhc.vpp": {"vppdhc.vpp", "vppdhc.packet", "vppdhc.interface", "vppdhc.clock", "vppdhc.atomic"},
    "vppdhc.dhc6": {
        *(f"vppdhc.{part}" for part in ("dhc6", "servers", "leases", "vpp.items", "packet", "interface", "clock"))
    },
    "vppdhc.ra": {
        *(f"vppdhc.{part}" for part in ("ra", "clients.statefile", "packet", "interface", "clock", "supervisor"))
    },
    "vppdhc.clients": {
        *(f"vppdhc.{part}" for part in ("clients", "packet", "interface", "clock", "atomic", "supervisor"))
    },
    "vppdhc.dhc4client": {
        *(f"vppdhc.{part}" for part in ("dhc4client", "clients", "vpp.items", "packet", "interface", "clock")),
    },
    "vppdhc.dhc6pdclient": {
        *(
            f"vppdhc.{part}"
            for part in (*("dhc6pdclient", "clients", "vpp.items", "packet"), *("interface", "clock", "supervisor"))
        ),
    },
    "vppdhc.northbound": {
        "nc",
        *(
            f"vppdhc.{part}"
            for part in (
                *("northbound", "dhc4", "dhc4client", "dhc6", "dhc6pdclient", "clients", "ra", "servers"),
                *("leases", "vpp"),
                *("packet", "interface", "clock", "duid", "heartbeat", "capture"),
            )
        ),
    },
    "nc": {"nc"},
    "tools.vppsim": {"tools.vppsim"},
}
OURS = ("vppdhc", "nc", "tools", "tests")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            assert node.module is not None
            yield from (f"{node.module}.{name.name}" for name in node.names)


def within(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_go_one_way(package: str) -> None:
    files = list((TOP / package.replace(".", "/")).rglob("*.py"))
    assert files
    for path in files:
        for module in imports(path):
            if module.split(".")[0] in OURS:
                assert within(module, ALLOWED[package]), f"{path.relative_to(TOP)} imports {module}"


def test_only_the_vpp_package_speaks_vpp_papi() -> None:
    for path in (TOP / "vppdhc").rglob("*.py"):
        if path.parent != TOP / "vppdhc/vpp":
            assert not any(module.split(".")[0] == "vpp_papi" for module in imports(path)), path
