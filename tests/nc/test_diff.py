"""The differences between two configurations."""

import pytest

from nc.diff import differences
from nc.xml import Element, new_data
from tests.nc.world import plant_element, schema


def tree(plant: str) -> Element:
    data = new_data()
    if plant:
        data.append(plant_element(f"<plant>{plant}</plant>"))
    return data


def tasks(names: str) -> str:
    return "".join(f"<task><name>{name}</name></task>" for name in names)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", []),
        ("<name>A</name>", "<name>A</name>", []),
        ("", "<name>A</name>", ["create /p:plant/p:name"]),
        ("<name>A</name>", "", ["delete /p:plant/p:name"]),
        ("<name>A</name>", "<name>B</name>", ["update /p:plant/p:name"]),
        ("", "<lamp><colour>red</colour></lamp>", ["create /p:plant/p:lamp"]),
        ("<lamp/>", "<lamp><colour>red</colour></lamp>", ["create /p:plant/p:lamp/p:colour"]),
        ("<lamp><colour>red</colour></lamp>", "", ["delete /p:plant/p:lamp"]),
        (
            "<bed><name>a</name><crop>x</crop></bed><bed><name>b</name></bed>",
            "<bed><name>b</name></bed><bed><name>a</name><crop>y</crop></bed>",
            ["update /p:plant/p:bed[p:name='a']/p:crop"],
        ),
        (
            "<bed><name>a</name></bed><bed><name>b</name></bed>",
            "<bed><name>c</name></bed><bed><name>b</name></bed>",
            ["create /p:plant/p:bed[p:name='c']", "delete /p:plant/p:bed[p:name='a']"],
        ),
        ("<lamp/><name>A</name>", "<name>A</name><lamp/>", []),
    ],
)
def test_differences(old: str, new: str, expected: list[str]) -> None:
    found = differences(schema(), tree(old), tree(new))
    assert [f"{one.operation} {schema().instance_path(one.element)}" for one in found] == expected


@pytest.mark.parametrize(
    ("old", "new", "moved"),
    [
        ("abcde", "abcde", 0),
        ("abcde", "eabcd", 1),
        ("abcde", "bcdea", 1),
        ("abcde", "abdce", 1),
        ("abcde", "edcba", 4),
        ("abcde", "aXcYe", 0),
        ("abcde", "ca", 1),
        ("abcdef", "bafecd", 3),
        ("ab", "", 0),
    ],
)
def test_of_an_ordered_list_as_few_entries_as_possible_are_moved(old: str, new: str, moved: int) -> None:
    found = list(differences(schema(), tree(tasks(old)), tree(tasks(new))))
    names = [one.element[0].text or "" for one in found if one.operation == "move"]
    assert len(names) == moved
    stayed = (set(old) & set(new)) - set(names)
    assert [name for name in old if name in stayed] == [name for name in new if name in stayed]
    assert {one.element[0].text for one in found if one.operation == "create"} == set(new) - set(old)
    assert {one.element[0].text for one in found if one.operation == "delete"} == set(old) - set(new)
