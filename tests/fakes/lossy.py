"""A network between agent and server that loses answers: the request arrives, the connection is cut before the reply does."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class Lossy:
    """`share` of the answers are cut; `cut` counts them. `url` is where the agent shall send to."""

    url: str
    share: float = 0.0
    cut: int = 0


@contextlib.contextmanager
def lossy(server_port: int, seed: int) -> Iterator[Lossy]:
    """A relay to the server on loopback for as long as the block runs."""
    network = Lossy("")
    chance = random.Random(seed)
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        relays: set[asyncio.Task[None]] = set()  # the loop itself would forget them

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            relay = asyncio.create_task(_relay(reader, writer, server_port, network, chance))
            relays.add(relay)
            relay.add_done_callback(relays.discard)

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        network.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        await stop.wait()
        server.close()
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield network
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(10)


async def _relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, network: Lossy, chance: random.Random
) -> None:
    up: asyncio.Task[None] | None = None
    try:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        up = asyncio.create_task(_pipe(reader, far_writer))
        while answer := await far_reader.read(65_536):
            if chance.random() < network.share:
                network.cut += 1
                break
            writer.write(answer)
            await writer.drain()
    except (OSError, asyncio.CancelledError):
        pass
    finally:
        if up is not None:
            up.cancel()
            far_writer.close()
            with contextlib.suppress(OSError):
                await far_writer.wait_closed()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.CancelledError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
