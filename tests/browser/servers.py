"""The site in a process of its own, as `make demo` and the tests start it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

REPOSITORY = Path(__file__).resolve().parents[2]
READY_SECONDS = 90


def chromium() -> str:
    """The browser to drive. Raises `RuntimeError` with the remedy when there is none."""
    for name in (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name) if name else None
        if path:
            return path
    raise RuntimeError(
        "The browser tests need Chromium: sudo apt-get install chromium, or set CHROMIUM=/path/to/it."
    )


def launch(playwright):
    """Headless Chromium that talks to nobody but the page's own server."""
    return playwright.chromium.launch(
        executable_path=chromium(),
        args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Site:
    """Runs `command` (its `{port}` and `{data}` filled in) until `close`. Returns once the site is ready."""

    def __init__(self, command: list[str], directory: Path):
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = directory / "site.log"
        data = directory / "data"
        filled = [part.format(port=self.port, data=data) for part in command]
        environment = {**os.environ, "LORALAND_DATA_DIR": str(data), "OMP_NUM_THREADS": "2"}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, *filled],
                cwd=REPOSITORY,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self.wait_until_ready()
        except BaseException:
            self.close()
            raise

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        reason = "no answer"
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urlopen(f"{self.address}/readyz", timeout=5):
                    return
            except (URLError, OSError) as error:
                reason = str(error)
            time.sleep(0.1)
        raise RuntimeError(f"The site was not ready ({reason}). Its output:\n{self.log.read_text()}")

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


SCRIPTED = ["-m", "tests.browser.scripted_site", "--port", "{port}", "--data", "{data}"]
DEMO = ["manage.py", "demo", "--host", "127.0.0.1", "--port", "{port}"]
