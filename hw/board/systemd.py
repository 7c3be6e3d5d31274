"""Tells systemd that the service is ready, stopping, and alive: sd_notify(3) over its datagram socket."""

from __future__ import annotations

import os
import socket


class ServiceNotifier:
    """Sends state to the service manager; does nothing where there is none."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        values = dict(os.environ) if environment is None else environment
        address = values.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        timeout_us = int(values.get("WATCHDOG_USEC", "0") or "0")
        owner = values.get("WATCHDOG_PID")
        self.watchdog_s = timeout_us / 1e6 if owner in (None, str(os.getpid())) else 0.0

    def ready(self, text: str = "") -> None:
        """The service is ready."""
        self._send("READY=1" + (f"\nSTATUS={text}" if text else ""))

    def alive(self) -> None:
        """Ping the watchdog; call at most every half of `watchdog_s`."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The service begins to stop."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.settimeout(1.0)
            try:
                sock.sendto(text.encode(), self._address)
            except OSError:
                self._address = ""  # the manager is gone: nobody to tell
