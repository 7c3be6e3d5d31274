"""Debian's snmpd as a NEMA controller: fixed values of NTCIP 1202 objects, on a loopback port of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from hw.signal.ntcip1202 import objects
from hw.signal.ntcip1202.objects import Command, cell, control_cell
from hw.snmp import ber
from hw.snmp.message import FIRST_ID, GET, V1, Request, VarBind
from tests.ntcip_street import free_port

_BINARIES = ("snmpd", "/usr/sbin/snmpd", "/usr/local/sbin/snmpd")
START_TIMEOUT_S = 10.0
HOST = "127.0.0.1"
_PHASES = {
    objects.REDS: (0b1101_1101, 0xFF),
    objects.YELLOWS: (0, 0),
    objects.GREENS: (0b0010_0010, 0),
    objects.DONT_WALKS: (0b1111_1101, 0xFF),
    objects.PED_CLEARS: (0, 0),
    objects.WALKS: (0b10, 0),
    objects.VEH_CALLS: (0b0100_0100, 0),
    objects.PED_CALLS: (0b1000, 0),
}
NEMA = {
    objects.MAX_PHASES: 16,
    objects.MAX_PHASE_GROUPS: 2,
    objects.UNIT_BACKUP_TIME: 30,
    objects.UNIT_FLASH_STATUS: 2,
    objects.COORD_PATTERN: 7,
    objects.LOCAL_FREE: 2,
    objects.COORD_CYCLE: 30,
    cell(objects.PATTERN_CYCLE, 7): 100,
    ber.oid(objects.SPAT_PUSH): 0,
    **{
        cell(column, number): octet
        for column, both in _PHASES.items()
        for number, octet in enumerate(both, 1)
    },
    **{control_cell(command, 1): 0 for command in Command},
}
"""A controller of sixteen phases; 2 and 6 are green."""


class Snmpd:
    """One snmpd process; may read `public`, may write `private`."""

    def __init__(self, binary: str, directory: Path, values: Mapping[bytes, int]) -> None:
        self.port = free_port()
        self._directory = directory
        lines = [
            f"agentaddress udp:{HOST}:{self.port}",
            f"rocommunity public {HOST}",
            f"rwcommunity private {HOST}",
            *(f"override -rw .{ber.dotted(name)} integer {value}" for name, value in values.items()),
        ]
        configuration = directory / "snmpd.conf"
        configuration.write_text("\n".join(lines) + "\n")
        command = [binary, "-f", "-C", "-c", str(configuration), "-I", "-smux", "-Lf", str(directory / "log")]
        environment = {"SNMP_PERSISTENT_DIR": str(directory)}
        self._process = subprocess.Popen([*command, "-p", str(directory / "pid")], env=environment)

    def wait(self) -> None:
        """Return when it answers."""
        request = Request(GET, [VarBind(ber.oid("1.3.6.1.2.1.1.3.0"))], version=V1, community=b"public")
        deadline = time.monotonic() + START_TIMEOUT_S
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((HOST, self.port))
            probe.settimeout(0.1)
            while True:
                try:
                    probe.send(request.octets(FIRST_ID))
                    probe.recv(1000)
                except OSError:
                    if self._process.poll() is not None or time.monotonic() > deadline:
                        pytest.fail(f"snmpd did not start: {(self._directory / 'log').read_text()}")
                    time.sleep(0.02)
                else:
                    return

    def stop(self) -> None:
        """End it, hard."""
        self._process.kill()
        self._process.wait(timeout=5)


def find_snmpd() -> str | None:
    """The binary; None: it is not installed."""
    return next((path for name in _BINARIES if (path := shutil.which(name))), None)


def start_snmpd(directory: Path, values: Mapping[bytes, int]) -> Snmpd:
    """A running snmpd with these values; skips where the binary is absent."""
    binary = find_snmpd()
    if binary is None:
        pytest.skip("snmpd is not installed: apt-get install snmpd")
    daemon = Snmpd(binary, directory, values)
    daemon.wait()
    return daemon
