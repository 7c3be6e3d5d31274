"""A real MQTT broker for tests: mosquitto on a free port, with its own configuration, to start, stop and restart.

Use with `from tests.mosquitto import mosquitto` (a fixture) in the test module.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_BINARIES = ("mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto")
START_TIMEOUT_S = 10.0


class Mosquitto:
    """One broker process on one port of the loopback; the port stays the same over restarts."""

    def __init__(self, binary: str, directory: Path) -> None:
        self.host, self.port = "127.0.0.1", _free_port()
        self._binary, self._configuration = binary, directory / "mosquitto.conf"
        self._configuration.write_text(
            f"listener {self.port} {self.host}\nallow_anonymous true\npersistence false\nlog_dest none\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self, text: str) -> None:
        """Use another configuration from the next start on."""
        self._configuration.write_text(text)

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start and return when it accepts connections."""
        self._process = subprocess.Popen([self._binary, "-c", str(self._configuration)])
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"mosquitto did not start on port {self.port}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it, hard: clients see a closed connection."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=5)
            self._process = None

    def reload(self) -> None:
        """Let it read its configuration and certificates anew, as `systemctl reload` does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def freeze(self) -> None:
        """Let it stand still: connections stay, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    def _answers(self) -> bool:
        try:
            socket.create_connection((self.host, self.port), timeout=1).close()
        except OSError:
            return False
        return True


def find_mosquitto(directory: Path) -> Mosquitto | None:
    """A broker that is not started yet; None where the binary is absent."""
    found = next((path for name in _BINARIES if (path := shutil.which(name))), None)
    return None if found is None else Mosquitto(found, directory)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running broker; skips where the binary is absent."""
    broker = find_mosquitto(tmp_path)
    if broker is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
