"""The nearest known name, for the end of a message about an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_COMPARED = 5_000  # difflib is quadratic; a hint is not worth seconds


def hint(name: str, known: Iterable[str]) -> str:
    """`: did you mean 'address'?`, or nothing where no name is near."""
    candidates = [candidate for candidate, _ in zip(known, range(MAX_COMPARED), strict=False)]
    near = difflib.get_close_matches(name[:255], candidates, n=1, cutoff=0.6)
    return f": did you mean {near[0]!r}?" if near else ""
