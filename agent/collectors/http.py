"""HTTP and HTTPS: does a server answer as it shall, in what time, and how long is its certificate valid."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from agent import web
from agent.batcher import Clock, Emit, Row
from agent.resolve import Name
from agent.schedule import poll_for_ever
from protocols import x509
from protocols.errors import DecodeError
from protocols.uplink.batch import REASON_CODE
from protocols.uplink.plan import Http, Plan, Target

DAY = 86_400_000_000  # µs


class _Aim(NamedTuple):
    """A sensor ready to be polled."""

    sensor: Http
    request: web.Request
    name: Name
    tls: web.Contexts


def _aim(target: Target, sensor: Http, tls: web.Contexts) -> _Aim:
    """A `url` that is none fails at each poll."""
    url = sensor.url or f"https://{f'[{target.address}]' if ':' in target.address else target.address}/"
    try:
        _, port = web.place(url)
    except ValueError:
        port = 0
    request = web.Request(url, sensor.method, sensor.verify, sensor.redirects, keep=bool(sensor.expect))
    return _Aim(sensor, request, Name(target.address, port), tls)


async def run(targets: Sequence[Target], plan: Plan, emit: Emit, clock: Clock, counters: Counter[str]) -> None:
    """Poll every HTTP sensor of `targets` until cancelled.

    Emits `reachable`; when answered as expected `response_time`, `connect_time`, `tls_time` and `first_byte_time` (s); and
    `certificate.days_left`, whether the certificate is valid or not.
    """
    del plan
    tls = await asyncio.to_thread(web.contexts)
    async with asyncio.TaskGroup() as group:
        for target in targets:
            for sensor in target.sensors:
                if isinstance(sensor, Http):
                    group.create_task(_watch(_aim(target, sensor, tls), emit, clock, counters))


async def _once(aim: _Aim) -> web.Visit:
    """One visit, with what was expected of it judged."""
    found = await web.visit(aim.request, aim.name, aim.sensor.timeout, aim.tls)
    if not found.reason and not (found.status in aim.sensor.status if aim.sensor.status else found.status < 400):
        found.reason, found.detail = "http_status", f"it answers with status {found.status}"
    elif not found.reason and (missing := [text for text in aim.sensor.expect if text.encode() not in found.body]):
        found.reason, found.detail = "content", f"its answer lacks {missing[0]!r}"
    return found


async def _watch(aim: _Aim, emit: Emit, clock: Clock, counters: Counter[str]) -> None:
    async def poll() -> bool:
        ts = clock()
        found = await _once(aim)
        emit(_rows(aim.sensor, found, ts, counters), aim.sensor.interval)
        if found.reason:
            counters[f"http.{found.reason}"] += 1
            aim.name.failed()
        return not found.reason

    await poll_for_ever(aim.sensor.number, aim.sensor.interval, poll)


def _rows(sensor: Http, found: web.Visit, ts: int, counters: Counter[str]) -> list[Row]:
    number = sensor.number
    rows = [Row(number, "reachable", "", ts, float(not found.reason), 0.0, REASON_CODE[found.reason])]
    if not found.reason:
        times = {"response_time": found.seconds, "connect_time": found.connecting, "first_byte_time": found.waiting}
        if found.securing:
            times["tls_time"] = found.securing
        rows += [Row(number, metric, "", ts, seconds, 0.0) for metric, seconds in times.items()]
    if found.certificate:
        try:
            left = (x509.expiry(found.certificate) - ts) / DAY
        except DecodeError as error:
            counters[f"http.bad_certificate.{error.kind}"] += 1
        else:
            rows.append(Row(number, "certificate.days_left", "", ts, left, sensor.interval))
    return rows


async def check(target: Target, sensor: Http, plan: Plan) -> str:
    """One request, told in a sentence."""
    del plan
    aim = _aim(target, sensor, web.contexts())
    where = f"{target.name} ({target.address}, {aim.request.url})"
    found = await _once(aim)
    certificate = _until(found.certificate)
    if found.reason:
        return f"{where} gives no good answer: {found.reason} ({found.detail}){certificate}."
    kind = "HTTPS" if aim.request.url.startswith("https") else "HTTP"
    return f"{where} answers {kind} in {found.seconds * 1e3:.1f} ms with status {found.status}{certificate}."


def _until(certificate: bytes) -> str:
    if not certificate:
        return ""
    try:
        end = datetime.fromtimestamp(x509.expiry(certificate) // 1_000_000, UTC)
    except (DecodeError, OverflowError, ValueError, OSError):
        return "; the date of its certificate cannot be read"
    return f"; its certificate ends on {end:%Y-%m-%d}"
