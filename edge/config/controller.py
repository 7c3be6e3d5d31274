"""What the configurations of all signal controllers have in common."""

from __future__ import annotations

import zoneinfo
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from edge.config.section import Name, Section


def _zone(value: str | None) -> str | None:
    if value is not None and value not in zoneinfo.available_timezones():
        raise ValueError(
            f"{value!r} is not a time zone: write one like Asia/Shanghai, or leave it out for UTC"
        )
    return value


TimeZone = Annotated[str | None, AfterValidator(_zone)]


class GroupConfig(Section):
    """One lamp group of the controller and the signal group of the MAP that it drives."""

    kind: Literal["vehicle", "pedestrian", "overlap", "group"] = Field(
        description="the controller's kind of group; `group` where it only numbers its signal groups"
    )
    number: int = Field(ge=1, le=255, description="the controller's number: phase, overlap, channel or group")
    id: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="the controller's own name of the group, where its protocol has names",
    )
    signal_group: int = Field(ge=1, le=255, description="SignalGroupID of the MAP")
    protected: bool = Field(
        default=True, description="green means no conflicting traffic; from the signal plan"
    )


class ControllerSection(Section):
    """Keys of every controller; each protocol adds its own and narrows `type`.

    Attributes:
        files: keys whose values are files, relative to the site file.
        named_groups: its protocol has a name or number for each group, and no kinds: one entry per number.
    """

    files: ClassVar[tuple[str, ...]] = ()
    named_groups: ClassVar[bool] = False
    name: Name = "controller"
    liveness_ms: int = Field(
        default=300, ge=150, le=120_000, description="silence after which signals are withdrawn, ms"
    )
    require_synchronised_clock: bool = Field(
        default=True, description="withdraw signals while our clock is not synchronised"
    )
    clock_error_bound_ms: int = Field(
        default=50, ge=1, le=1000, description="largest clock error for absolute times, ms"
    )
    group: tuple[GroupConfig, ...] = Field(min_length=1, description="lamp groups")
    conflict: tuple[tuple[int, int], ...] | None = Field(
        default=None,
        description="pairs of signal groups that must not be green together; default: from the MAP",
    )
    impossible_course: Literal["withdraw", "tell"] = Field(
        default="withdraw",
        description="what becomes of the signals when the course of their colours cannot be, e.g. green to red",
    )
    yellow_s: tuple[float, float] = Field(
        default=(2.5, 7.0),
        description="shortest and longest yellow of a vehicle group, s; others withdraw the signals",
    )
    clear_before_green: bool = Field(
        default=True,
        description="withdraw while a group is green before a conflicting one has ended its yellow",
    )
    lamp_disagreement: Literal["event", "withdraw"] = Field(
        default="event",
        description="what becomes of the signals while a camera sees another colour than the controller tells",
    )

    predict: bool = Field(
        default=True, description="learn likely ends of signal states where the controller tells none"
    )

    @model_validator(mode="after")
    def _unique(self) -> Self:
        seen: set[tuple[str, int]] = set()
        for entry in self.group:
            if (entry.kind, entry.number) in seen:
                raise ValueError(f"group {entry.kind} {entry.number} is listed twice: remove one")
            seen.add((entry.kind, entry.number))
        _check_names(self.group, named=self.named_groups)
        return self

    @model_validator(mode="after")
    def _yellows(self) -> Self:
        shortest, longest = self.yellow_s
        if not 0.0 <= shortest < longest <= 60.0:
            raise ValueError(f"yellow_s [{shortest:g}, {longest:g}] must rise and lie in 0 to 60 s")
        return self

    @model_validator(mode="after")
    def _conflicts(self) -> Self:
        known = {entry.signal_group for entry in self.group}
        for one, other in self.conflict or ():
            if one == other or not {one, other} <= known:
                raise ValueError(
                    f"conflict [{one}, {other}] must name two different signal_group of controller.group"
                )
        return self


def _check_names(groups: tuple[GroupConfig, ...], *, named: bool) -> None:
    numbers, names = (
        [entry.number for entry in groups],
        [entry.id for entry in groups if entry.id is not None],
    )
    if not named and names:
        raise ValueError(f"group id {names[0]!r}: groups of this controller have no id, remove it")
    for label, values in (("number", list(map(str, numbers))), ("id", names)) if named else ():
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise ValueError(f"group {label} {twice} is listed twice: this controller has one group of it")


def check_heartbeat(section: ControllerSection, *, key: str, beat_ms: int) -> None:
    """A controller that only speaks on change lives by its heartbeat: two may be late before it is dead."""
    if section.liveness_ms < 2 * beat_ms:
        raise ValueError(
            f"liveness_ms {section.liveness_ms} is less than two heartbeats: "
            f"write at least {2 * beat_ms}, or less than {section.liveness_ms // 2} in {key}"
        )
