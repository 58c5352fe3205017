"""The repository keeps its own rules: what may lie where, what the lock files and the documents say."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import packaging

from tests.project.files import ROOT, files, is_python, text

OURS = ("agent", "analytics", "migrations", "protocols", "server", "storage")
# Written in pieces, so that this file does not name what it forbids.
HOSTS = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "deb.debi" + "an.org", "yarn" + "pkg.com"]
HERE = ["/wo" + "rk/main", "/wo" + "rk/shared", "/ro" + "ot/"]


def test_packaging_is_no_package():
    """An __init__.py there would hide PyPI's `packaging`, which pip and pytest import."""
    assert not list((ROOT / "packaging").rglob("__init__.py"))
    assert Path(packaging.__file__).parent.parent != ROOT


def test_no_other_distribution_provides_a_module_of_our_names():
    """Flat names are safe only in an environment of our own."""
    providers = metadata.packages_distributions()
    assert {name: providers[name] for name in OURS if set(providers.get(name, [])) - {"lineside"}} == {}


def test_dev_needs_nothing_but_the_standard_library():
    imported = set()
    for node in ast.walk(ast.parse(text(Path("dev")))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    assert imported <= sys.stdlib_module_names


def test_lock_files_name_versions_and_hashes_but_no_place():
    locks = sorted((ROOT / "requirements").glob("*.lock"))
    assert [path.stem for path in locks] == ["agent", "bench", "dev", "radacct", "server"]
    for path in locks:
        content = path.read_text()
        assert "--hash=sha256:" in content
        assert not re.search(r"://|--(extra-)?index|--find-links|@ file", content)
    assert '"resolved"' not in text(Path("package-lock.json"))


def test_every_dependency_is_locked():
    project = tomllib.loads(text(Path("pyproject.toml")))["project"]
    wanted = {"agent": project["dependencies"], **project["optional-dependencies"]}
    for extra, requirements in wanted.items():
        names = {re.split(r"[^\w.-]", line)[0].lower().replace(".", "-") for line in requirements}
        locked = set(re.findall(r"^([\w-]+)==", text(Path(f"requirements/{extra}.lock")), re.MULTILINE))
        assert names - locked == set(), "run ./dev lock"


def test_the_smaller_lock_files_agree_with_the_development_one():
    pins = {
        name: set(re.findall(r"^(\S+==\S+)", text(Path(f"requirements/{name}.lock")), re.MULTILINE))
        for name in ("agent", "server", "dev")
    }
    assert pins["agent"] <= pins["server"] <= pins["dev"]


def test_no_file_names_a_package_registry_or_a_folder_of_one_machine():
    found = {f"{path}: {word}" for path in files() for word in HOSTS + HERE if word in text(path)}
    assert not found


def test_the_licence_is_apache_2():
    licence = text(Path("LICENSE"))
    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence


def test_ci_runs_check_and_test():
    script = text(Path(".ci/run"))
    assert script.startswith("#!/bin/bash\n")
    assert "set -euo pipefail" in script
    assert "./dev check" in script
    assert "./dev test" in script


def test_every_python_file_says_what_it_is():
    silent = [str(p) for p in files() if is_python(p) and text(p).strip() and not ast.get_docstring(ast.parse(text(p)))]
    assert not silent
