"""What the readings of the board mean: a state and one sentence with the remedy for each part. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.health import HealthState
from hw.board.heat import Zone
from hw.board.storage import Disk, Wear

BELOW_SHUTDOWN_C = 5.0
"""So far below the kernel's own switching off it is critical, whatever the site says."""
CALM_C = 3.0
"""It must be this much cooler before the state improves."""
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class BoardLimits:
    """Numbers of the judgement; as `[board]` of the site file."""

    hot_c: float = 85.0
    critical_c: float = 95.0
    disk_low_percent: float = 10.0
    disk_full_percent: float = 2.0
    wear_percent: int = 80


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one part of the board is.

    Attributes:
        state: see `HealthState`.
        text: what was found, and what to do about it.
    """

    state: HealthState
    text: str


def judge_heat(
    zones: Sequence[Zone], limits: BoardLimits, *, before: HealthState = HealthState.OK
) -> Verdict:
    """The hottest zone against its limits; `before` is the state until now, so it does not flap."""
    verdicts = [_zone(zone, limits, before) for zone in zones]
    if not verdicts:
        return Verdict(HealthState.OK, "no temperature is told")
    return max(verdicts, key=lambda verdict: verdict.state)


def _zone(zone: Zone, limits: BoardLimits, before: HealthState) -> Verdict:
    critical_c = limits.critical_c
    if zone.critical_c is not None:
        critical_c = min(critical_c, zone.critical_c - BELOW_SHUTDOWN_C)
    text = f"{zone.name} {zone.temperature_c:.0f} degrees C"
    if zone.temperature_c >= critical_c - (CALM_C if before is HealthState.DOWN else 0.0):
        remedy = "too hot, about to switch off: look at fan, filter and sun on the cabinet now"
        return Verdict(HealthState.DOWN, f"{text}, limit {critical_c:g}: {remedy}")
    hot_c = min(limits.hot_c, critical_c - CALM_C)
    if zone.temperature_c >= hot_c - (CALM_C if before >= HealthState.DEGRADED else 0.0):
        return Verdict(
            HealthState.DEGRADED, f"{text}, limit {hot_c:g}: hot, look at fan, filter and ventilation"
        )
    return Verdict(HealthState.OK, text)


def judge_throttle(reason: str) -> Verdict:
    """Whether the processor is slowed down, and why."""
    if not reason:
        return Verdict(HealthState.OK, "full speed")
    remedy = "use a stronger supply" if "under-voltage" in reason else "cool the box, or undo the limit"
    return Verdict(HealthState.DEGRADED, f"throttled: {reason}: {remedy}")


def judge_disk(disk: Disk | None, limits: BoardLimits) -> Verdict:
    """Free space of the state directory."""
    if disk is None:
        return Verdict(HealthState.DOWN, "the disk does not answer: look at the journal of the kernel")
    what = f"{disk.path}: {disk.free_percent:.1f} % free, {disk.free_bytes // MB} MB"
    remedy = "delete old records, or move state_dir to a larger disk"
    if disk.free_percent <= limits.disk_full_percent:
        return Verdict(HealthState.DOWN, f"disk full, {what}: {remedy}")
    if disk.free_percent <= limits.disk_low_percent:
        return Verdict(HealthState.DEGRADED, f"disk nearly full, {what}: {remedy}")
    return Verdict(HealthState.OK, what)


def judge_wear(worn: Sequence[Wear], limits: BoardLimits) -> Verdict:
    """The most worn flash device."""
    if not worn:
        return Verdict(HealthState.OK, "no flash tells its wear")
    worst = max(worn, key=lambda wear: (bool(wear.trouble), wear.used_percent))
    what = f"{worst.device}: up to {worst.used_percent} % of its life used"
    what += f", {worst.trouble}" if worst.trouble else ""
    if worst.trouble or worst.used_percent >= limits.wear_percent:
        return Verdict(
            HealthState.DEGRADED, f"worn flash, {what}: replace it, and let the journal be volatile"
        )
    return Verdict(HealthState.OK, what)


def judge_accelerator(provider: str, there: bool | None) -> Verdict:
    """Whether the hardware of a configured provider is there."""
    if there is False:
        remedy = f"load its driver, or leave {provider} out of camera.providers"
        return Verdict(HealthState.DEGRADED, f"no hardware for provider {provider}: {remedy}")
    return Verdict(HealthState.OK, provider)
