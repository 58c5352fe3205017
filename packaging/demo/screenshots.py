"""The picture in README, taken of the demo in headless Chromium while a device does not answer."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
import run as demo_run

SERVICE = "SP-IN-0001"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def main() -> None:
    target = demo_run.ROOT / "docs" / "service.png"
    with tempfile.TemporaryDirectory(prefix="lineside-demo-", dir="/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        demo = demo_run.Demo(Path(name), demo_run.free_port())
        with demo_run.stopping(demo):
            demo.start()
            statuses = demo_run.Statuses(demo_run.Embedded(Path(name) / "data").dsn())
            demo_run.wait(demo, "all services are Up", lambda: set(statuses.now().values()) == {"Up"})
            time.sleep(60)  # so that there is something to see on the timeline
            demo.tell(f"stop {demo_run.VICTIM}")
            demo_run.wait(demo, f"{SERVICE} is Down", lambda: statuses.now()[SERVICE] == "Down")
            take(demo, target)
    print(f"{target.relative_to(demo_run.ROOT)} is written")


def take(demo: demo_run.Demo, target: Path) -> None:
    """The page of SERVICE as someone with the one-time link sees it."""
    link = demo.link()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 760}, color_scheme="light")
        page.goto(link)
        page.goto(f"{demo.url}/services/{SERVICE}")
        page.wait_for_timeout(3_000)
        page.screenshot(path=target, full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
