"""What the node does with each kind of command that was judged good: check it against the site, then keep it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from edge.app.front_parts import build_encoders, build_lane
from edge.app.staging import Staging
from edge.config import SiteConfig
from edge.core.intersection import Intersection
from edge.core.stamp import NS_PER_S
from edge.publish.command_judge import CommandRefusedError, Handlers
from edge.v1.command_pb2 import (
    COMMAND_OUTCOME_APPLIED,
    COMMAND_OUTCOME_STAGED,
    COMMAND_REFUSAL_EXPIRED,
    COMMAND_REFUSAL_INVALID,
    COMMAND_REFUSAL_NOT_ALLOWED,
    Command,
    CommandOutcome,
)

CYCLE_S = (10.0, 600.0)
"""Shortest and longest cycle that can be meant."""
ADVICE_LIFE_NS = 7 * 86_400 * NS_PER_S


class Orders:
    """The handlers of one site; they run on a thread.

    Args:
        site: as its file says; orders of the centre come on top.
        intersection: the MAP that runs.
    """

    def __init__(
        self,
        site: SiteConfig,
        intersection: Intersection,
        staging: Staging,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._site, self._intersection, self._staging, self._now_ns = site, intersection, staging, now_ns

    def handlers(self) -> Handlers:
        """By kind of command."""
        return {"configuration": self.configuration, "map": self.map, "plan_advice": self.plan_advice}

    def configuration(self, command: Command) -> tuple[CommandOutcome, str]:
        """Values of the site file, for the next start. Raises `ConfigError`, `OSError`."""
        texts = command.configuration.values
        if not texts:
            raise CommandRefusedError(COMMAND_REFUSAL_INVALID, "it names no key")
        try:
            values = {key: json.loads(text) for key, text in texts.items()}
        except (ValueError, RecursionError) as error:
            raise CommandRefusedError(COMMAND_REFUSAL_INVALID, f"a value is not JSON: {error}") from error
        self._staging.stage_values(values)
        words = ", ".join(f"{key} = {text}" for key, text in sorted(texts.items()))
        return COMMAND_OUTCOME_STAGED, f"for the next start: {words}"

    def map(self, command: Command) -> tuple[CommandOutcome, str]:
        """A MAP, for the next start. Raises `ConfigError`, `CodecError`, `OSError`."""
        content = command.map.map_json
        found = self._staging.probe(content)
        if found.intersection != self._intersection.intersection:
            reason = f"it is of intersection {found.intersection}, not {self._intersection.intersection}"
            raise CommandRefusedError(COMMAND_REFUSAL_INVALID, reason)
        controller = self._site.controller
        if controller is not None:
            missing = {g.signal_group for g in controller.group} - set(found.signal_groups)
            if missing:
                reason = f"signal groups {sorted(missing)} of controller.group are not in it"
                raise CommandRefusedError(COMMAND_REFUSAL_INVALID, reason)
            build_lane(controller, found)
        for radio in self._site.rsu:
            build_encoders(radio, found).map(self._now_ns())
        self._staging.stage_map(content)
        return COMMAND_OUTCOME_STAGED, f"for the next start: MAP of revision {found.revision}"

    def plan_advice(self, command: Command) -> tuple[CommandOutcome, str]:
        """Advice to the signal plan: told to everyone in an event; nothing is written to the controller."""
        advice = command.plan_advice
        if self._site.controller is None:
            raise CommandRefusedError(COMMAND_REFUSAL_NOT_ALLOWED, "this site has no controller")
        if not self._now_ns() <= advice.valid_until_ns <= advice.valid_from_ns + ADVICE_LIFE_NS:
            reason = "its time is over, or longer than a week"
            raise CommandRefusedError(COMMAND_REFUSAL_EXPIRED, reason)
        problem = _unsound(command, set(self._intersection.signal_groups))
        if problem:
            raise CommandRefusedError(COMMAND_REFUSAL_INVALID, problem)
        words = [f"cycle {advice.cycle_s:g} s"]
        words += [f"offset {advice.offset_s:g} s"] if advice.HasField("offset_s") else []
        words += [f"green of group {group} {s:g} s" for group, s in sorted(advice.green_s.items())]
        return COMMAND_OUTCOME_APPLIED, f"advice published, controller not written to: {', '.join(words)}"


def _unsound(command: Command, groups: set[int]) -> str:
    """What is wrong with an advice; empty: nothing."""
    advice = command.plan_advice
    shortest_s, longest_s = CYCLE_S
    if not shortest_s <= advice.cycle_s <= longest_s:
        return f"a cycle of {advice.cycle_s:g} s, must be {shortest_s:g} to {longest_s:g} s"
    if not 0.0 <= advice.offset_s < advice.cycle_s:
        return f"an offset of {advice.offset_s:g} s, must lie within the cycle"
    for group, green_s in advice.green_s.items():
        if group not in groups:
            return f"signal group {group} is not in the MAP"
        if not 0.0 < green_s < advice.cycle_s:
            return f"a green of {green_s:g} s for group {group}, must lie within the cycle"
    return ""
