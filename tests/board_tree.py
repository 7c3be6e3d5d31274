"""A machine's /sys and /dev as files below a directory."""

from __future__ import annotations

from pathlib import Path


class BoardTree:
    """Writes what the kernel would show; `root` goes to the readers."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: object) -> None:
        """One file."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")

    def zone(
        self, number: int, temperature: object, *, name: str = "cpu-thermal", critical: object = None
    ) -> None:
        """A thermal zone in milli-degrees, with a passive trip point below the critical one."""
        base = f"sys/class/thermal/thermal_zone{number}"
        self.write(f"{base}/type", name)
        self.write(f"{base}/temp", temperature)
        if critical is not None:
            self.write(f"{base}/trip_point_0_type", "passive")
            self.write(f"{base}/trip_point_0_temp", 70_000)
            self.write(f"{base}/trip_point_1_type", "critical")
            self.write(f"{base}/trip_point_1_temp", critical)

    def policy(self, limit_khz: object, most_khz: object) -> None:
        """A frequency policy."""
        base = "sys/devices/system/cpu/cpufreq/policy0"
        self.write(f"{base}/scaling_max_freq", limit_khz)
        self.write(f"{base}/cpuinfo_max_freq", most_khz)

    def card(self, life: str | None, pre_eol: str | None = "0x01") -> None:
        """An eMMC."""
        base = "sys/class/mmc_host/mmc0/mmc0:0001"
        self.write(f"{base}/name", "DG4016")
        if life is not None:
            self.write(f"{base}/life_time", life)
        if pre_eol is not None:
            self.write(f"{base}/pre_eol_info", pre_eol)
