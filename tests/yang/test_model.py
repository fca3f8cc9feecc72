"""The model itself: clean by two compilers, described, with units, and with every check proven by a bad document."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.yang.model import MODELS, SEARCH_PATH, Model
from tests.yang.schema import LEAVES, Statement, compiled, configuration, default_of, nodes, path, types
from tests.yang.test_documents import BAD
from vppdhc.dhc4.config import Settings

TOP = MODELS.parent
FILES = sorted(MODELS.glob("*.yang"))
RESTRICTIONS = ("pattern", "range", "length")


@pytest.fixture(scope="module")
def module() -> Statement:
    return compiled()


def plain(data_path: str) -> str:
    """Return a data path without predicates and module."""
    return re.sub(r"\[[^]]*\]", "", data_path).replace("/vppdhc:", "/")


def test_pyang_has_nothing_to_say() -> None:
    """All files at once: of files that are not named pyang tells nothing.

    The one rule that is left out wants a prefix such as 'ietf-' in every name; the main module is called vppdhc.
    """
    options = ["--lint", "--lint-ensure-hyphenated-names", "--max-line-length", "72"]
    options += ["--ignore-error", "LINT_NO_MODULENAME_PREFIX", "--path", ":".join(map(str, SEARCH_PATH))]
    command = [sys.executable, "-m", "pyang.scripts.pyang_tool", *options, *map(str, FILES)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_pyang_would_say_something(tmp_path: Path) -> None:
    """The check above can fail."""
    text = (MODELS / "vppdhc-vpp.yang").read_text().replace('"How long an answer of VPP is waited for."', '""', 1)
    (tmp_path / "vppdhc-vpp.yang").write_text(text.replace("type vt:seconds", "type vt:second"))
    command = [sys.executable, "-m", "pyang.scripts.pyang_tool", "--lint", "--path", ":".join(map(str, SEARCH_PATH))]
    done = subprocess.run([*command, str(tmp_path / "vppdhc-vpp.yang")], check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert 'type "second" not found' in done.stderr


def test_libyang_loads_it_without_a_warning() -> None:
    assert Model().complaints == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_belongs_to_the_module(file: Path) -> None:
    text = file.read_text()
    if text.startswith("submodule"):
        assert f"include {file.stem};" in (MODELS / "vppdhc.yang").read_text()
    else:
        assert text.startswith(f"module {file.stem} ")


def test_all_data_is_in_one_namespace(module: Statement) -> None:
    assert {node.i_module.i_modulename for node in nodes(module)} == {"vppdhc"}
    names = {node.arg for node in module.i_children if getattr(node, "i_config", None)}
    assert names == {
        "vpp",
        "system",
        "dhc4server",
        "dhc4client",
        "dhc6server",
        "dhc6pdclient",
        "ip6ndra",
        "netconf-server",
    }


def test_every_node_is_described(module: Statement) -> None:
    for node in nodes(module):
        if node.keyword != "case" and node.arg not in ("input", "output"):
            description = node.search_one("description")
            assert description is not None, path(node)
            assert description.arg.strip().endswith("."), path(node)


DURATION = re.compile(r"(^|-)(time|lifetime|timeout|interval|wait|duration|timer|t1|t2|hold|refresh|rt)$")


def test_every_duration_has_units(module: Statement) -> None:
    found = Counter[str]()
    for node in nodes(module):
        if node.keyword != "leaf" or not DURATION.search(node.arg):
            continue
        chain = list(types(node))
        if any(type_.arg.endswith("date-and-time") for type_ in chain):
            continue
        units = [statement.search_one("units") for statement in (node, *_typedefs(chain))]
        given = [statement.arg for statement in units if statement is not None]
        assert given, path(node)
        assert given[0] in ("seconds", "milliseconds", "microseconds"), path(node)
        found[given[0]] += 1
    assert found["seconds"] > 50


def _typedefs(chain: list[Statement]) -> Iterator[Statement]:
    return (type_.i_typedef for type_ in chain if getattr(type_, "i_typedef", None) is not None)


def test_only_servers_have_the_defaults_of_settings(module: Statement) -> None:
    """An override that has a default would hide the server's value."""
    for server in ("dhc4server", "dhc6server", "ip6ndra"):
        top = next(node for node in module.i_children if node.arg == server)
        own = {node.arg for node in top.i_children if node.keyword == "leaf" and default_of(node) is not None}
        assert len(own) > 5
        for name in ("interface", "subnet"):
            for below in (node for node in top.i_children if node.arg == name):
                for leaf in nodes(below):
                    if leaf.keyword == "leaf" and leaf.arg in own and leaf.parent.keyword == "list":
                        inside = leaf.parent.arg in ("interface", "subnet", "address-pool")
                        assert not inside or default_of(leaf) is None, path(leaf)


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("lease-time", "lease_time"),
        ("renewal-time", "renewal_time"),
        ("rebinding-time", "rebinding_time"),
        ("static-percentage", "static_percentage"),
        ("authoritative", "authoritative"),
        ("offer-hold-time", "offer_hold"),
        ("probation-time", "probation_time"),
    ],
)
def test_defaults_are_those_of_the_server(module: Statement, name: str, attribute: str) -> None:
    leaf = next(node for node in nodes(module) if path(node) == f"/dhc4server/{name}")
    value = getattr(Settings(), attribute)
    expected = None if value is None else str(value).lower()
    assert default_of(leaf) == expected


def test_every_must_says_what_is_wrong(module: Statement) -> None:
    count = 0
    for node in nodes(module):
        for must in node.search("must"):
            count += 1
            assert must.search_one("error-message") is not None, path(node)
            assert must.search_one("error-app-tag") is not None, path(node)
    assert count > 50


def test_every_must_is_broken_by_a_document(module: Statement) -> None:
    """By its component, its node and its app-tag: a must in a grouping is the same one on every level."""
    broken = {(plain(where).split("/")[1], plain(where).split("/")[-1], tag) for _, where, tag in BAD if where}
    for node in configuration(module):
        for must in node.search("must"):
            component = path(node).split("/")[1]
            assert (component, node.arg, must.search_one("error-app-tag").arg) in broken


def test_every_restriction_with_a_tag_is_broken_by_a_document(module: Statement) -> None:
    broken = {tag for _, _, tag in BAD}
    for node in configuration(module):
        for restriction in _restrictions(node):
            tag = restriction.search_one("error-app-tag")
            assert tag is None or tag.arg in broken


def _restrictions(node: Statement) -> Iterator[Statement]:
    if node.keyword in LEAVES:
        for type_ in types(node):
            for keyword in RESTRICTIONS:
                yield from type_.search(keyword)


def test_every_pattern_of_ours_has_a_tag(module: Statement) -> None:
    for node in configuration(module):
        for restriction in _restrictions(node):
            if restriction.keyword == "pattern" and restriction.i_module.i_modulename.startswith("vppdhc"):
                assert restriction.search_one("error-app-tag") is not None, path(node)


def test_every_unique_is_broken_by_a_document(module: Statement) -> None:
    broken = Counter(plain(where) for _, where, tag in BAD if where and tag == "data-not-unique")
    lists = [node for node in configuration(module) if node.keyword == "list" and node.search("unique")]
    assert lists
    for node in lists:
        assert broken[path(node)] >= len(node.search("unique")), path(node)


def test_every_choice_that_has_to_be_made_is_missing_in_a_document(module: Statement) -> None:
    """By the name of the list that it is in: a grouping brings the same one to every level."""
    missing = {plain(where).split("/")[-1] for _, where, tag in BAD if where and tag == "missing-choice"}
    for node in configuration(module):
        mandatory = node.search_one("mandatory")
        if node.keyword == "choice" and mandatory is not None and mandatory.arg == "true":
            assert path(node).split("/")[-1] in missing, path(node)


def test_secrets_and_dangerous_operations_are_denied_by_default(module: Statement) -> None:
    denied = {path(node): word for node in nodes(module) if (word := _nacm(node))}
    assert denied == {
        "/system/event-hook": "default-deny-write",
        "/netconf-server/user": "default-deny-write",
        "/netconf-server/user/password-hash": "default-deny-all",
        "/netconf-server/recovery-user": "default-deny-write",
        "/dhc4server/clear-leases": "default-deny-all",
        "/dhc6server/clear-leases": "default-deny-all",
        "/dhc4client/release": "default-deny-all",
        "/dhc6pdclient/release": "default-deny-all",
        "/rollback": "default-deny-all",
        "/get-config-version": "default-deny-all",
        "/capture": "default-deny-all",
    }


def _nacm(node: Statement) -> str | None:
    for word in ("default-deny-write", "default-deny-all"):
        if node.search(("ietf-netconf-acm", word)):
            return word
    return None


def test_libyang_cannot_be_made_to_crash_or_to_overlook_a_restriction(module: Statement) -> None:
    """What vppdhc-types.yang says about libyang 4.5."""
    for node in nodes(module):
        for unique in node.search("unique") if node.keyword == "list" else ():
            for name in unique.arg.split():
                leaf = next(leaf for leaf in nodes(node) if leaf.arg == name.split("/")[-1])
                assert default_of(leaf) is None, f"{path(node)}: unique {unique.arg}"
        if node.keyword in LEAVES:
            written = node.search_one("type")
            pending = [written, *written.search("type")]
            for type_ in pending:
                names = [type_.arg, *(below.arg for below in types(node))]
                restricted = any(type_.search(keyword) for keyword in RESTRICTIONS)
                assert not (restricted and any(re.search(r"ip(v4|v6)?-prefix$", name) for name in names)), path(node)
            for type_ in types(node):
                if type_.i_module.i_modulename.startswith("vppdhc") and re.search(r"inet:ip.*address", type_.arg):
                    assert not any(type_.search(keyword) for keyword in RESTRICTIONS), path(node)


def test_the_tree_in_the_documentation_is_current() -> None:
    command = [sys.executable, str(TOP / "tools" / "yang_tree.py"), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
