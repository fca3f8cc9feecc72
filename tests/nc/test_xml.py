"""Reading XML from anybody, and copying trees."""

import pytest

from nc.xml import NC, XmlError, copy, local_name, namespace_of, new_data, parse, qname, serialise


def test_names() -> None:
    assert namespace_of(qname("urn:x", "a")) == "urn:x"
    assert local_name(qname("urn:x", "a")) == "a"
    assert (namespace_of("a"), local_name("a")) == ("", "a")


def test_white_space_between_elements_comments_and_instructions_go() -> None:
    root = parse(b'\n\n<?xml version="1.0"?>\n<!-- c --><a>\n <?pi?><b> x <!-- c -->y</b>\n <c> </c></a><!-- c -->')
    assert [child.tag for child in root] == ["b", "c"]
    assert [child.text for child in root] == [" x y", " "]


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"   ",
        b"text",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a b='1' b='2'/>",
        b"<x:a/>",
        b"<a>&nothing;</a>",
        b"<a>\xff</a>",
        b"<a>\x00</a>",
        b"<a>&#1;</a>",
        '<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16"),
        b"<!DOCTYPE a><a/>",
        b'<?xml version="1.0"?>\n<!-- <a/> -->\n<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b"\xef\xbb\xbf<!DOCTYPE a><a/>",
        b"<?pi a?><?pi b?><!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        b"<a>" * 300 + b"</a>" * 300,
    ],
)
def test_not_allowed(wrong: bytes) -> None:
    with pytest.raises(XmlError):
        parse(wrong)


def test_an_error_has_its_line() -> None:
    with pytest.raises(XmlError) as caught:
        parse(b"<a>\n<b>\n</a>")
    assert caught.value.line == 3
    assert str(caught.value).startswith("line 3: ")


def test_what_looks_like_a_document_type_is_text() -> None:
    assert parse(b"<a><![CDATA[<!DOCTYPE a>]]></a>").text == "<!DOCTYPE a>"


def test_too_many_elements() -> None:
    assert len(parse(b"<a>" + b"<b/>" * 9 + b"</a>", max_elements=10)) == 9
    with pytest.raises(XmlError, match="more than 10 elements"):
        parse(b"<a>" + b"<b></b>" * 10 + b"</a>", max_elements=10)


def test_a_message_larger_than_a_piece_of_it() -> None:
    message = b"<a>" + b"<b>\xc3\xa4</b>" * 30000 + b"</a>"
    assert len(message) > 3 << 16
    root = parse(message)
    assert len(root) == 30000
    assert {child.text for child in root} == {"ä"}


def test_a_copy_of_a_large_tree_is_the_same_text_and_another_tree() -> None:
    tree = parse(
        b'<n:data xmlns:n="%s" a="1"><x:l xmlns:x="urn:x" xmlns:y="urn:y">' % NC.encode()
        + b"<x:e><x:k y:a='2'>1</x:k><y:z>t</y:z></x:e>" * 2000
        + b"</x:l></n:data>"
    )
    before = serialise(tree)
    made = copy(tree)
    assert serialise(parse(serialise(made))) == serialise(made)
    assert [(e.tag, e.text, dict(e.attrib)) for e in made.iter()] == [
        (e.tag, e.text, dict(e.attrib)) for e in tree.iter()
    ]
    made[0].remove(made[0][0])
    assert serialise(tree) == before


def test_serialise() -> None:
    assert serialise(new_data()) == b"<?xml version='1.0' encoding='UTF-8'?>\n" + f'<nc:data xmlns:nc="{NC}"/>'.encode()
