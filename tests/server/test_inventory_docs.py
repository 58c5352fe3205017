"""docs/inventory.md names every key, and every example in it is right."""

import re
from pathlib import Path

import msgspec
import pytest
from msgspec import inspect

from server.inventory.document import LISTS, Document
from tests.server.inventories import ENVIRONMENT, reading

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "inventory.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def keys_of(record):
    """Every key of a struct and of the structs in it."""
    found = set()
    todo = [inspect.type_info(record)]
    while todo:
        kind = todo.pop()
        if isinstance(kind, inspect.StructType):
            found |= {(kind.cls.__name__, field.encode_name) for field in kind.fields}
            todo += [field.type for field in kind.fields]
        for name in ("type", "item_type", "value_type"):
            if hasattr(kind, name):
                todo.append(getattr(kind, name))
        todo += getattr(kind, "types", ())
    return found


@pytest.mark.parametrize(("section", "record"), LISTS.items())
def test_every_key_of_a_list_is_in_its_section(section, record):
    part = TEXT.split(f"\n## {section}\n")[1].split("\n## ")[0]
    documented = set(re.findall(r"`([a-z_0-9]+)`", part))
    missing = {key for owner, key in keys_of(record) if owner != "Money" and key not in documented}
    assert missing - ({"k", "name", "metric", "facing"} if section == "templates" else set()) == set()


def test_the_lists_are_named_at_the_top_and_keys_that_do_not_exist_are_nowhere():
    top = TEXT.split("\n## At the top\n")[1].split("\n## ")[0]
    assert set(msgspec.structs.asdict(Document())) == set(re.findall(r"`([a-z_]+)`", top))
    real = {key for _, key in keys_of(Document)}
    rows = {key for row in re.findall(r"^\| (`[^|]*) \|", TEXT, re.MULTILINE) for key in re.findall(r"`([a-z_0-9]+)`", row)}
    assert rows - real == set()


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_can_be_read(number, monkeypatch):
    monkeypatch.setitem(ENVIRONMENT, "EDGE_COMMUNITY", "x")
    assert reading(EXAMPLES[number]).faults == []
