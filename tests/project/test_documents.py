"""The documents are true: their commands and links exist, their examples are accepted."""

import re
import subprocess
import sys
from pathlib import Path

from server.inventory.reader import read
from tests.project.files import ROOT, files, text

DOCUMENTS = [path for path in files() if path.suffix == ".md"]


def test_the_inventory_in_the_readme_is_accepted():
    example = re.search(r"```yaml\n(.*?)```", text(Path("README.md")), re.DOTALL)
    assert example
    reading = read(example[1], "router.yaml", lambda _: "public")
    assert reading.faults == []


def test_commands_in_the_documents_exist():
    usage = subprocess.run([sys.executable, ROOT / "dev"], check=False, capture_output=True, text=True).stderr
    known = set(re.findall(r"^  (\w+)", usage, re.MULTILINE))
    named = {(str(path), name) for path in DOCUMENTS for name in re.findall(r"\./dev (\w+)", text(path))}
    assert "check" in known
    assert {pair for pair in named if pair[1] not in known} == set()


def test_links_in_the_documents_lead_somewhere():
    links = [(path, target) for path in DOCUMENTS for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text(path))]
    local = [(path, target) for path, target in links if not re.match(r"\w+:", target)]
    assert [f"{path}: {target}" for path, target in local if not (ROOT / path.parent / target).exists()] == []
