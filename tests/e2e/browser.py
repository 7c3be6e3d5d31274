"""Headless Chromium through chromedriver's HTTP interface (W3C WebDriver); nothing but the standard library."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def missing() -> str:
    """Why no browser can be driven here; empty when one can."""
    absent = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(absent)} not found" if absent else ""


class Browser:
    """One window."""

    def __init__(self, base: str, session: str) -> None:
        self._base, self._session = base, session

    def open(self, address: str) -> None:
        """Load a page."""
        self._call("url", {"url": address})

    def run(self, script: str) -> Any:
        """The value that a script returns."""
        return self._call("execute/sync", {"script": script, "args": []})

    def wait_for(self, condition: str, *, timeout_s: float = 20.0) -> Any:
        """The first true value of a script expression."""
        deadline = time.monotonic() + timeout_s
        while True:
            value = self.run(f"return ({condition})")
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"not true within {timeout_s} s: {condition}; {self.run('return document.body.innerText')}")
            time.sleep(0.1)

    def text(self, css: str) -> str:
        """Text of an element."""
        return str(self.run(f"return document.querySelector({json.dumps(css)}).textContent"))

    def errors(self) -> list[str]:
        """What the page wrote to the console as an error."""
        entries = _post(f"{self._base}/session/{self._session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def screenshot(self, file: Path) -> None:
        """Save what is seen."""
        file.write_bytes(base64.b64decode(_get(f"{self._base}/session/{self._session}/screenshot")))

    def _call(self, what: str, body: dict[str, object]) -> Any:
        return _post(f"{self._base}/session/{self._session}/{what}", body)


@contextmanager
def browser(profile: Path, *, width: int = 1400, height: int = 900) -> Iterator[Browser]:
    """A browser of its own with a fresh profile."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    driver = subprocess.Popen(
        ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_ready(base)
        arguments = [*_ARGUMENTS, f"--user-data-dir={profile}", f"--window-size={width},{height}"]
        options = {"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}
        session = _post(f"{base}/session", {"capabilities": {"alwaysMatch": options}})["sessionId"]
        try:
            yield Browser(base, session)
        finally:
            _request(urllib.request.Request(f"{base}/session/{session}", method="DELETE"))
    finally:
        driver.terminate()
        driver.wait(timeout=10)


def _wait_ready(base: str) -> None:
    deadline = time.monotonic() + 20.0
    while True:
        try:
            if _get(f"{base}/status")["ready"]:
                return
        except (urllib.error.URLError, ConnectionError) as error:
            if time.monotonic() > deadline:
                raise AssertionError("chromedriver does not answer") from error
        time.sleep(0.1)


def _get(address: str) -> Any:
    return _request(urllib.request.Request(address))


def _post(address: str, body: dict[str, Any]) -> Any:
    data = json.dumps(body).encode()
    return _request(urllib.request.Request(address, data=data, headers={"content-type": "application/json"}))


def _request(request: urllib.request.Request) -> Any:
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["value"]
