"""Data sets of one layout that wait to be read together: what makes decoding cost so little for each record."""

from __future__ import annotations

import numpy as np

from protocols.netflow.layout import Layout
from protocols.netflow.records import Records, variable


class Queue:
    """Data sets of one layout that are to be read together."""

    __slots__ = ("heads", "layout", "marks", "minimum", "parts", "size", "sizes", "templates")

    def __init__(self, queued: Layout) -> None:
        self.layout = queued
        self.minimum = queued.minimum
        self.size = 0 if queued.variable else queued.size
        self.clear()

    def clear(self) -> None:
        self.parts: list[bytes] = []
        self.heads: list[int] = []
        self.templates: list[int] = []
        self.sizes: list[int] = []  # records of a part; kept for variable layouts only
        self.marks: list[int] = []


def joined(queue: Queue) -> Records:
    """All its data sets as one."""
    where, templates = np.array(queue.heads, np.int64), np.array(queue.templates, np.int64)
    if queue.layout.variable:
        counts = np.array(queue.sizes, np.int64)
        rows, buffer, places = variable(queue.layout, queue.parts, queue.marks, counts)
        return Records(queue.layout, rows, where, templates, counts, buffer, places)
    buffer = queue.parts[0] if len(queue.parts) == 1 else b"".join(queue.parts)
    counts = np.fromiter(map(len, queue.parts), np.int64, len(queue.parts)) // queue.minimum
    return Records(queue.layout, np.frombuffer(buffer, queue.layout.dtype), where, templates, counts)
