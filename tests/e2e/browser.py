"""Headless Chromium on the real web process: served on loopback, entered by a real one-time link."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import uvicorn
from playwright.async_api import BrowserContext, Page, Response, async_playwright

from server import auth
from server.app import ROUTES
from server.config import Settings
from server.web import create_app
from storage import callers
from storage.database import connect_owner
from tests.fakes import seed
from tests.peers import ROOT, missing, need

Theme = Literal["light", "dark"]
NOW = 1_795_528_800_000_000  # 24 November 2026, 14:00 UTC
SHOTS = ROOT / ".cache" / "screenshots"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# As root Chromium has no sandbox, and on a closed network its own calls home would fail one by one.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


class Site:
    """A served world: its address, its database, and a link that signs in once."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn = dsn
        settings = Settings(database_url=dsn, data=str(folder), host="127.0.0.1")
        self.app = create_app(settings, dsn, ROUTES, lambda: NOW)
        self.url = ""

    async def link(self, *more: str) -> str:
        """A fresh sign-in link; its session may do `more`, too."""
        token = auth.new_secret()
        con = await connect_owner(self.dsn)
        try:
            await callers.add_link(con, seed.TENANT, auth.sha256(token), (*auth.LINK_SCOPES, *more), NOW + auth.LINK_US)
        finally:
            await con.close()
        return f"{self.url}/sign-in?token={token}"


@asynccontextmanager
async def served(dsn: str, folder: Path) -> AsyncIterator[Site]:
    """The web process of `dsn` in this loop, on a free port."""
    if not AXE.exists() or not any((ROOT / "server/pages/static/vendor").glob("htmx*")):
        missing("the front-end files are not there: ./dev setup")
    site = Site(dsn, folder)
    server = uvicorn.Server(uvicorn.Config(site.app, "127.0.0.1", 0, log_level="warning", timeout_graceful_shutdown=1))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
        if running.done():
            await running
    site.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield site
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def chromium(theme: Theme = "light", width: int = 1280) -> AsyncIterator[BrowserContext]:
    """A fresh profile in the Chromium of this machine."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=need("chromium"), args=FLAGS)
        try:
            yield await browser.new_context(color_scheme=theme, viewport={"width": width, "height": 900}, reduced_motion="reduce")
        finally:
            await browser.close()


def listen(page: Page, faults: list[str]) -> None:
    """Collect what the page complains about: errors and warnings of the console, exceptions, files that did not come."""
    page.on("console", lambda said: faults.append(f"console: {said.text}") if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: faults.append(f"exception: {error}"))
    page.on("response", lambda answer: _note(answer, faults))


def _note(answer: Response, faults: list[str]) -> None:
    if answer.status >= 400 and answer.request.resource_type != "document":
        faults.append(f"{answer.status} {answer.url}")


async def violations(page: Page) -> list[str]:
    """What axe-core finds, all rules on."""
    await page.evaluate(AXE.read_text())
    found: dict[str, Any] = await page.evaluate("axe.run()")
    return [f"{v['id']}: {v['help']}: {json.dumps([n['html'][:120] for n in v['nodes'][:2]])}" for v in found["violations"]]


async def keep(page: Page, name: str) -> None:
    """Save a picture of the whole page under .cache/screenshots."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SHOTS / f"{re.sub(r'[^a-z0-9-]', '-', name)}.png", full_page=True)
