"""Fleet tables as few bytes: each number one byte, by the square root of its part of the table's largest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.forecast.fleet import Fleet, Table

STEPS = 127


def packed(fleet: Fleet) -> dict[str, NDArray[Any]]:
    """Arrays by name, for numpy.savez: what `unpacked` reads. An error of a path is off by less than 1 % of the largest."""
    arrays: dict[str, NDArray[Any]] = {"name": np.array(fleet.name)}
    for kind, edges in fleet.edges.items():
        arrays[f"edges {kind}"] = edges
    for (kind, bucket, stratum), (paths, bands) in fleet.tables.items():
        most = max(float(np.abs(paths).max()), 1e-9)
        arrays[f"paths {kind} {bucket} {stratum}"] = np.rint(np.sign(paths) * np.sqrt(np.abs(paths) / most) * STEPS).astype(
            np.int8
        )
        arrays[f"most {kind} {bucket} {stratum}"] = np.array(most)
        arrays[f"bands {kind} {bucket} {stratum}"] = bands
    return arrays


def unpacked(arrays: Mapping[str, NDArray[Any]]) -> Fleet:
    """The fleet of arrays that `packed` made. KeyError if something is missing."""
    tables: dict[tuple[str, int, int], Table] = {}
    edges = {}
    for name in arrays:
        what, _, place = name.partition(" ")
        if what == "edges":
            edges[place] = np.asarray(arrays[name])
        elif what == "paths":
            kind, bucket, stratum = place.split(" ")
            part = arrays[name].astype(np.float32) / STEPS
            paths = (np.sign(part) * part**2 * arrays[f"most {place}"]).astype(np.float32)
            tables[kind, int(bucket), int(stratum)] = paths, arrays[f"bands {place}"].astype(np.float32)
    return Fleet(str(arrays["name"]), tables, edges)
