"""The pictures in README, taken of the large demo in headless Chromium while a device does not answer.

With a folder as argument the pictures are of the demo that was left there, which is then continued.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from check import Statuses
from parts import ROOT, Demo, free_port, stopping
from playwright.sync_api import Page, sync_playwright
from run import DAYS
from story import Story

from storage.embedded import Embedded

VICTIM, ITS_SERVICE = "lindgren-rtr-1", "SP-IN-1101"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTH = 1200
SETTLED_MS = 2_500  # until charts are drawn


class Picture(NamedTuple):
    """What of which page is shown, in CSS pixels from the top; `click`: the text of a button of the first chart."""

    name: str
    path: str
    height: int
    click: str = ""


PICTURES = (
    Picture("overview", "/", 900),
    Picture("service", "/services/SP-IN-1001", 1260, "30 days"),
    Picture("account", "/accounts/harbour", 1080),
    Picture("maintenance", "/maintenance", 880),
)


def main() -> None:
    with _folder(sys.argv[1:]) as folder:
        story = Story.of(folder, DAYS)
        demo = Demo(folder, free_port(), story.sites, story.secrets)
        with stopping(demo):
            story.begin(demo)
            statuses = Statuses(Embedded(folder / "data").dsn())
            demo.pause(45)  # so that what is polled now has its first rates
            demo.tell(f"stop {VICTIM}")
            demo.wait(f"{ITS_SERVICE} is Down", lambda: statuses.now()[ITS_SERVICE] == "Down")
            demo.pause(3)
            take(demo)


@contextlib.contextmanager
def _folder(arguments: list[str]) -> Iterator[Path]:
    if arguments:
        yield Path(arguments[0])
        return
    with tempfile.TemporaryDirectory(prefix="lineside-demo-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name)


def take(demo: Demo) -> None:
    """Each page as someone with the one-time link sees it."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
        page.goto(demo.link())
        for picture in PICTURES:
            _one(page, demo.url, picture)
        browser.close()


def _one(page: Page, url: str, picture: Picture) -> None:
    target = ROOT / "docs" / f"{picture.name}.png"
    page.goto(url + picture.path)
    page.set_viewport_size({"width": WIDTH, "height": picture.height})
    page.wait_for_timeout(SETTLED_MS)
    if picture.click:
        page.get_by_role("button", name=picture.click).first.click()
        page.wait_for_timeout(SETTLED_MS)
    page.screenshot(path=target)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
