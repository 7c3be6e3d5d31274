"""Headless Chromium through chromedriver's HTTP interface (W3C WebDriver); nothing but the standard library."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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

    def __init__(self, driver: _Driver, session: str) -> None:
        self._driver, self._session = driver, session

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
                raise AssertionError(
                    f"not true within {timeout_s} s: {condition}; {self.run('return document.body.innerText')}"
                )
            time.sleep(0.1)

    def click(self, x: float, y: float) -> None:
        """Press and release the mouse at a place of the window, in CSS pixels."""
        self.drag((x, y))

    def drag(self, *places: tuple[float, float]) -> None:
        """Press the mouse at the first place, move it to the others, release it."""
        moves = [
            {"type": "pointerMove", "duration": 0, "origin": "viewport", "x": x, "y": y} for x, y in places
        ]
        press = {"type": "pointerDown", "button": 0}
        steps = [moves[0], press, *moves[1:], {"type": "pointerUp", "button": 0}]
        self._call("actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": steps}]})

    def wheel(self, x: float, y: float, delta_y: int) -> None:
        """Turn the wheel over a place of the window; negative is away from the person."""
        turn = {"type": "scroll", "x": round(x), "y": round(y), "deltaX": 0, "deltaY": delta_y, "duration": 0}
        self._call(
            "actions",
            {"actions": [{"type": "wheel", "id": "wheel", "actions": [turn | {"origin": "viewport"}]}]},
        )

    def type(self, css: str, text: str) -> None:
        """Write into an input as a person does, in place of what it holds, and press Enter."""
        self.run(f"const e = document.querySelector({json.dumps(css)}); e.focus(); e.select();")
        keys = [{"type": kind, "value": key} for key in f"{text}\ue007" for kind in ("keyDown", "keyUp")]
        self._call("actions", {"actions": [{"type": "key", "id": "keys", "actions": keys}]})

    def text(self, css: str) -> str:
        """Text of an element."""
        return str(self.run(f"return document.querySelector({json.dumps(css)}).textContent"))

    def look_like_phone(self, *, width: int = 390, height: int = 844, ratio: float = 2.0) -> None:
        """From now on the window is a phone's: its size, its pixels, touch in place of a mouse."""
        size = {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": True}
        self._command("Emulation.setDeviceMetricsOverride", size)
        self._command("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})

    def touch(self, *fingers: list[tuple[float, float]]) -> None:
        """Each finger goes down at its first place, all move together through the others, all go up."""

        def points(step: int) -> list[dict[str, float]]:
            return [{"x": f[step][0], "y": f[step][1], "id": i} for i, f in enumerate(fingers)]

        self._command("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points(0)})
        for step in range(1, len(fingers[0])):
            self._command("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": points(step)})
        self._command("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def _command(self, name: str, parameters: dict[str, object]) -> Any:
        """A command of the browser's own protocol."""
        return self._call("goog/cdp/execute", {"cmd": name, "params": parameters})

    def errors(self) -> list[str]:
        """What the page wrote to the console as an error."""
        entries = self._call("se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def screenshot(self, file: Path) -> None:
        """Save what is seen."""
        file.write_bytes(base64.b64decode(self._driver.call("GET", f"/session/{self._session}/screenshot")))

    def _call(self, what: str, body: dict[str, object]) -> Any:
        return self._driver.call("POST", f"/session/{self._session}/{what}", body)


@contextmanager
def browser(profile: Path, *, width: int = 1400, height: int = 900) -> Iterator[Browser]:
    """A browser of its own with a fresh profile."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    driver = _Driver(port)
    process = subprocess.Popen(
        ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_ready(driver)
        arguments = [*_ARGUMENTS, f"--user-data-dir={profile}", f"--window-size={width},{height}"]
        options = {"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}
        session = driver.call("POST", "/session", {"capabilities": {"alwaysMatch": options}})["sessionId"]
        try:
            yield Browser(driver, session)
        finally:
            driver.call("DELETE", f"/session/{session}")
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_ready(driver: _Driver) -> None:
    deadline = time.monotonic() + 20.0
    while True:
        try:
            if driver.call("GET", "/status")["ready"]:
                return
        except ConnectionError as error:
            if time.monotonic() > deadline:
                raise AssertionError("chromedriver does not answer") from error
        time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class _Driver:
    """chromedriver at a port of this machine."""

    port: int

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The value of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"content-type": "application/json"})
            answer = connection.getresponse()
            value = json.loads(answer.read())["value"]
            if answer.status != 200:
                raise AssertionError(f"{method} {path}: {value}")
            return value
        finally:
            connection.close()
