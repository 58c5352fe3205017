"""What stores rows of a kind beside samples gets and gives (server/ingest.py has the table of them)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from storage.database import Connection
    from storage.series import SensorRow


class Kept(NamedTuple):
    """Rows of one kind that may be stored: of sensors of this agent's site, at instants that can be true, corrected once.

    `part` is their NamedTuple of protocols/uplink/kinds.py; shape [n] of `element`: what the sensor of each row belongs to.
    """

    tenant_id: int
    agent_id: int
    now_us: int
    part: Any
    element: NDArray[np.int64]
    sensors: Mapping[int, SensorRow]  # all that the agent may report for
    memory: dict[str, Any]  # of this agent, between its batches, until the inventory changes


# Writes the rows in the transaction that claims their batch.
Write: TypeAlias = "Callable[[Connection], Awaitable[None]]"
# Makes what they need before (room for their days, ids of a dictionary), each statement by itself, so that it outlives a
# transaction that is rolled back; and again when the days had gone meanwhile.
Prepare: TypeAlias = "Callable[[Connection, Kept], Awaitable[Write]]"
