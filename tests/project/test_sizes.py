"""A file that grows past 300 lines, or a function past 40, wants to be two things."""

import ast
from collections.abc import Iterator

from tests.project.files import files, is_python, text

SOURCE = {".py", ".sql", ".sh", ".js", ".css", ".html", ""}
LONG_FILES = 3  # as many may be longer
FILE_LINES = 300
FUNCTION_LINES = 40
# file:function -> why it is better in one piece. Sorted.
LONG_FUNCTIONS: dict[str, str] = {}


def test_at_most_three_source_files_are_longer_than_300_lines():
    sizes = {str(path): text(path).count("\n") for path in files() if path.suffix in SOURCE and path.name != "LICENSE"}
    long = {path: lines for path, lines in sizes.items() if lines > FILE_LINES and not path.startswith("tests/")}
    assert len(long) <= LONG_FILES, f"split some of these: {long}"


def test_functions_have_at_most_40_lines():
    long = {name: lines for name, lines in functions() if lines > FUNCTION_LINES}
    unexplained = {name: lines for name, lines in long.items() if name not in LONG_FUNCTIONS}
    assert not unexplained, "split these, or list them in LONG_FUNCTIONS with the reason"
    assert not LONG_FUNCTIONS.keys() - long.keys(), "no longer long: take these off the list"


def test_the_exceptions_are_sorted_and_have_reasons():
    assert list(LONG_FUNCTIONS) == sorted(LONG_FUNCTIONS)
    assert all(len(reason) > 10 for reason in LONG_FUNCTIONS.values())


def functions() -> Iterator[tuple[str, int]]:
    for path in files():
        if is_python(path) and path.parts[0] != "tests":
            for node in ast.walk(ast.parse(text(path))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{path}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1
