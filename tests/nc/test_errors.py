"""rpc-errors against RFC 6241, appendix A, and RFC 7950, section 15, as ncclient reads them."""

import pytest
from lxml import etree
from ncclient.operations.rpc import RPCError

from nc import errors
from nc.errors import InstancePath, RpcError, RpcErrors, to_element
from nc.xml import NC, YANG, qname

PATH = InstancePath("/t:top/t:name", {"t": "urn:t"})
NAME = "{urn:t}name"

CASES: list[tuple[RpcError, str, set[str], list[tuple[str, str]]]] = [
    (errors.in_use("m"), "in-use", {"protocol", "application"}, []),
    (errors.invalid_value("m", PATH), "invalid-value", {"protocol", "application"}, []),
    (errors.too_big("m"), "too-big", {"transport", "rpc", "protocol", "application"}, []),
    (
        errors.missing_attribute(qname(NC, "rpc"), "message-id"),
        "missing-attribute",
        {"rpc", "protocol", "application"},
        [("bad-attribute", "message-id"), ("bad-element", "rpc")],
    ),
    (
        errors.bad_attribute(NAME, "a", "m", PATH),
        "bad-attribute",
        {"rpc", "protocol", "application"},
        [("bad-attribute", "a"), ("bad-element", "bad:name")],
    ),
    (
        errors.unknown_attribute(NAME, "a", PATH),
        "unknown-attribute",
        {"rpc", "protocol", "application"},
        [("bad-attribute", "a"), ("bad-element", "bad:name")],
    ),
    (errors.missing_element(NAME, PATH), "missing-element", {"protocol", "application"}, [("bad-element", "bad:name")]),
    (errors.bad_element(NAME, "m"), "bad-element", {"protocol", "application"}, [("bad-element", "bad:name")]),
    (errors.unknown_element(NAME), "unknown-element", {"protocol", "application"}, [("bad-element", "bad:name")]),
    (
        errors.unknown_namespace(NAME),
        "unknown-namespace",
        {"protocol", "application"},
        [("bad-element", "bad:name"), ("bad-namespace", "urn:t")],
    ),
    (errors.access_denied(), "access-denied", {"protocol", "application"}, []),
    (errors.lock_denied(7), "lock-denied", {"protocol"}, [("session-id", "7")]),
    (errors.resource_denied("m"), "resource-denied", {"transport", "rpc", "protocol", "application"}, []),
    (errors.rollback_failed("m"), "rollback-failed", {"protocol", "application"}, []),
    (errors.data_exists("m", PATH), "data-exists", {"application"}, []),
    (errors.data_missing("m", PATH), "data-missing", {"application"}, []),
    (errors.operation_not_supported("m"), "operation-not-supported", {"protocol", "application"}, []),
    (errors.operation_failed("m"), "operation-failed", {"rpc", "protocol", "application"}, []),
    (errors.malformed_message("m"), "malformed-message", {"rpc"}, []),
]


@pytest.mark.parametrize(("error", "tag", "types", "info"), CASES, ids=[case[1] for case in CASES])
def test_each_error_is_as_appendix_a_has_it(
    error: RpcError, tag: str, types: set[str], info: list[tuple[str, str]]
) -> None:
    assert error.tag == tag
    assert error.type in types
    element = to_element(error)
    found = element.find(qname(NC, "error-info"))
    assert [(etree.QName(child).localname, child.text) for child in ([] if found is None else found)] == info
    theirs = RPCError(element)
    assert (theirs.type, theirs.tag, theirs.severity) == (error.type, tag, "error")
    assert theirs.message == error.message


def test_every_tag_but_the_obsolete_one_has_its_constructor() -> None:
    appendix_a = {
        "in-use", "invalid-value", "too-big", "missing-attribute", "bad-attribute", "unknown-attribute",
        "missing-element", "bad-element", "unknown-element", "unknown-namespace", "access-denied", "lock-denied",
        "resource-denied", "rollback-failed", "data-exists", "data-missing", "operation-not-supported",
        "operation-failed", "malformed-message",
    }  # fmt: skip
    assert {case[1] for case in CASES} == appendix_a


def test_the_names_in_error_info_are_qnames_where_they_stand() -> None:
    (info,) = errors.unknown_element(NAME).info
    prefix, _, name = (info.text or "").partition(":")
    assert (info.nsmap[prefix], name) == ("urn:t", "name")


def test_path_app_tag_and_order() -> None:
    element = to_element(errors.invalid_value("m", PATH, app_tag="range"))
    assert [etree.QName(child).localname for child in element] == [
        "error-type", "error-tag", "error-severity", "error-app-tag", "error-path", "error-message"
    ]  # fmt: skip
    path = element.find(qname(NC, "error-path"))
    assert path is not None
    assert (path.text, path.nsmap["t"]) == ("/t:top/t:name", "urn:t")


def test_writing_an_error_twice_takes_nothing_from_it() -> None:
    error = errors.lock_denied(3)
    assert etree.tostring(to_element(error)) == etree.tostring(to_element(error))


def test_yang_errors() -> None:
    unique = errors.not_unique("m", [PATH, InstancePath("/t:b", {"t": "urn:t"})])
    assert (unique.tag, unique.app_tag) == ("operation-failed", "data-not-unique")
    assert [(child.tag, child.text) for child in unique.info] == [
        (qname(YANG, "non-unique"), "/t:top/t:name"),
        (qname(YANG, "non-unique"), "/t:b"),
    ]
    choice = errors.missing_choice("m", "transfer", PATH)
    assert (choice.tag, choice.app_tag) == ("data-missing", "missing-choice")
    assert [(child.tag, child.text) for child in choice.info] == [(qname(YANG, "missing-choice"), "transfer")]


def test_several() -> None:
    first, second = errors.invalid_value("one", PATH), errors.data_missing("two")
    second.line = 4
    several = RpcErrors([first, second])
    assert several.errors == (first, second)
    assert str(several) == "/t:top/t:name: one; line 4: two"
