"""The jobs process: every job as a task of its own until told to stop. Several may run; they share work by row locks."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from protocols.errors import Unavailable
from server.change import Change
from storage import listen
from storage.database import Trouble, connect
from storage.embedded import Embedded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from server.config import Settings
    from storage.database import Pool

log = logging.getLogger("lineside.jobs")
Sleep: TypeAlias = "Callable[[float], Awaitable[None]]"
PAUSE = 1.0  # seconds before a job that failed is tried again


class Work(NamedTuple):
    """What a job gets: the database, the clock, a signal that there may be news, the settings, and how to wait by the clock."""

    pool: Pool
    clock: Callable[[], int]
    news: Change
    settings: Settings
    sleep: Sleep = asyncio.sleep  # seconds of `clock`


Job: TypeAlias = "Callable[[Work], Awaitable[None]]"


async def run(settings: Settings, jobs: Mapping[str, Job], clock: Callable[[], int], sleep: Sleep = asyncio.sleep) -> None:
    """Until SIGTERM or SIGINT. A transaction that is under way when it is told to stop is rolled back and done again later."""
    dsn = settings.database_url or Embedded(Path(settings.data)).dsn()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    pool = await connect(dsn, "lineside_app", 2 + len(jobs))
    work = Work(pool, clock, Change(), settings, sleep)
    tasks = [asyncio.create_task(listen.listen(dsn, (listen.DIRTY,), lambda _: work.news.fire()))]
    tasks += [asyncio.create_task(_for_ever(name, job, work)) for name, job in jobs.items()]
    await stop.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    pool.terminate()


async def _for_ever(name: str, job: Job, work: Work) -> None:
    while True:
        try:
            await job(work)
        except Unavailable as error:
            log.warning("%s: %s", name, error)
        except Trouble as error:
            log.warning("%s: the database does not answer now: %s", name, str(error) or type(error).__name__)
        except Exception:
            log.exception("%s failed and will be tried again", name)
        await asyncio.sleep(PAUSE)
