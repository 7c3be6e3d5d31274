"""Temperatures and their trip points, and whether the processor is slowed down because of them.

Sources: Linux Documentation/driver-api/thermal/sysfs-api (thermal_zone*: type, temp and trip_point_*_temp in
milli-degrees), Documentation/admin-guide/pm/cpufreq (scaling_max_freq, cpuinfo_max_freq in kHz), and the Raspberry Pi's
get_throttled word (bit 0 under-voltage, 1 frequency capped, 2 throttled, 3 soft temperature limit).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hw.board.sysfs import read_int, read_text

COLDEST_C, HOTTEST_C = -55.0, 150.0
"""What lies outside is a sensor that is not there."""
_PI_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
_PI_WORDS = ((1, "under-voltage"), (2, "frequency capped"), (4, "throttled"), (8, "soft temperature limit"))


@dataclass(frozen=True, slots=True)
class Zone:
    """One temperature.

    Attributes:
        name: what the kernel calls it.
        temperature_c: degrees Celsius.
        critical_c: where the kernel switches the machine off; None: not told.
    """

    name: str
    temperature_c: float
    critical_c: float | None


class HeatReader:
    """Reads every thermal zone. Zones and trip points are looked for once: they do not change while a machine runs."""

    def __init__(self, root: Path) -> None:
        found = sorted((root / "sys/class/thermal").glob("thermal_zone*"))
        self._zones = [
            (path / "temp", read_text(path / "type") or path.name, _critical_c(path)) for path in found
        ]

    def read(self) -> tuple[Zone, ...]:
        """Every zone that tells a possible temperature."""
        zones = []
        for path, name, critical_c in self._zones:
            value = read_int(path)
            if value is not None and COLDEST_C <= value / 1000.0 <= HOTTEST_C:
                zones.append(Zone(name, value / 1000.0, critical_c))
        return tuple(zones)


def _critical_c(zone: Path) -> float | None:
    for kind in sorted(zone.glob("trip_point_*_type")):
        if read_text(kind) == "critical":
            value = read_int(kind.with_name(kind.name.replace("_type", "_temp")))
            return value / 1000.0 if value is not None and value > 0 else None
    return None


class ThrottleReader:
    """Reads whether the processor is held below its speed."""

    def __init__(self, root: Path) -> None:
        self._policies = sorted((root / "sys/devices/system/cpu/cpufreq").glob("policy*"))
        cooling = sorted((root / "sys/class/thermal").glob("cooling_device*"))
        self._cooling = [path for path in cooling if _slows(read_text(path / "type") or "")]
        self._pi = root / _PI_THROTTLED

    def read(self) -> str:
        """Why it is slowed down, for a person; empty: it is not, or nothing tells."""
        words = [self._pi_words(), *(_capped(policy) for policy in self._policies)]
        if any((read_int(path / "cur_state") or 0) > 0 for path in self._cooling):
            words.append("cooled by slowing the processor")
        return "; ".join(dict.fromkeys(word for word in words if word))

    def _pi_words(self) -> str:
        text = read_text(self._pi)
        try:
            bits = int(text, 16) if text else 0
        except ValueError:
            return ""
        return ", ".join(word for bit, word in _PI_WORDS if bits & bit)


def _slows(kind: str) -> bool:
    """Whether a cooling device is the processor itself; others are fans."""
    return "cpufreq" in kind or kind == "Processor"


def _capped(policy: Path) -> str:
    limit, most = read_int(policy / "scaling_max_freq"), read_int(policy / "cpuinfo_max_freq")
    if limit is None or most is None or limit >= most:
        return ""
    return f"processor capped at {limit // 1000} of {most // 1000} MHz"
