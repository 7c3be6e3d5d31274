"""Self-validation: faults found in simulated SPaT, and false alarms in a simulated day.

Sound streams come from the demo's fixed plan and from an actuated controller (three countries' courses of the lamps,
changing patterns, preemption, flash, stop time), through the signal lane and over a radio that loses and delays.

    .venv/bin/python -m tests.bench.bench_validation [--quick] [--hours 24] [--positions 8]

The last line is one JSON object. False alarms are findings of the validator, and reasons of the lane that withdrew or
dropped timing, in the sound streams.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import time
from collections import Counter
from collections.abc import Iterator

from edge.core.signals import SignalSnapshot
from edge.signals.validation import SignalMessage, Validator
from tests.bench.validation_fault_table import FAULTS
from tests.bench.validation_faults import AFTER, WARM, Fault
from tests.bench.validation_stream import (
    HOUR_DS,
    START_NS,
    Heard,
    actuated,
    chinese,
    european,
    hear,
    place,
    snapshots_of,
    snapshots_of_plan,
)

STREAMS = ("actuated", "european", "chinese", "plan")
_STARTING = "good snapshots since the last fault"


def snapshots(name: str, tenths: int, *, hours: int, seed: int) -> Iterator[SignalSnapshot]:
    """A sound controller; `hours` 0: undisturbed."""
    if name == "plan":
        return snapshots_of_plan(tenths, START_NS)
    make = {"actuated": actuated, "european": european, "chinese": chinese}[name]
    return snapshots_of(make(hours, seed), tenths, START_NS)


class FaultTrial:
    """Plants faults in one warm stream each."""

    def __init__(self, tenths: int = 2400) -> None:
        self._streams: dict[str, list[SignalMessage]] = {}
        self._warm: dict[str, Validator] = {}
        for index, name in enumerate(STREAMS):
            heard = hear(snapshots(name, tenths, hours=0, seed=index + 11), index)
            messages = [one.message for one in heard]
            validator = Validator(place())
            found = [finding for message in messages[:WARM] for finding in validator.check(message)]
            assert not found, found[:3]
            self._streams[name], self._warm[name] = messages, validator

    def finds(self, fault: Fault, name: str, seed: int) -> bool | None:
        """Whether a planted fault is found under its name; None: it found no place."""
        dice = random.Random(f"{fault.name} {seed}")
        planted = None
        for _ in range(50):
            planted = planted or fault.plant(self._streams[name], dice)
        if planted is None:
            return None
        messages, at = planted
        validator = copy.deepcopy(self._warm[name])
        for message in messages[WARM : at + AFTER + 400]:
            if any(finding.kind in fault.expected for finding in validator.check(message)):
                return True
        return False


def recall(positions: int) -> tuple[float, int, Counter[str], list[str]]:
    """Share of the faults that were found, faults planted, misses by fault, and faults without any place."""
    trial, found, planted, missed = FaultTrial(), 0, 0, Counter[str]()
    nowhere = []
    for fault in FAULTS:
        before = planted
        for position in range(positions):
            for shift in range(len(STREAMS)):
                outcome = trial.finds(fault, STREAMS[(position + shift) % len(STREAMS)], position)
                if outcome is not None:
                    break
            else:
                continue
            planted, found = planted + 1, found + outcome
            missed[fault.name] += not outcome
        if planted == before:
            nowhere.append(fault.name)
    return found / planted, planted, +missed, nowhere


def false_alarms(name: str, hours: int, seed: int) -> tuple[Counter[str], int]:
    """What was found in sound hours, and messages checked."""
    validator, alarms, messages = Validator(place()), Counter[str](), 0
    for heard in hear(snapshots(name, hours * HOUR_DS, hours=hours, seed=seed), seed):
        messages += 1
        alarms.update(finding.kind for finding in validator.check(heard.message))
        alarms.update(f"lane: {reason}" for reason in lane_reasons(heard))
    return alarms, messages


def lane_reasons(heard: Heard) -> list[str]:
    """Why the lane withdrew or dropped timing; starting is no alarm."""
    return [reason for reason in heard.state.reasons if not reason.endswith(_STARTING)]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--full", action="store_true", help="more positions")
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--positions", type=int, default=8)
    asked = parser.parse_args()
    positions = 2 if asked.quick else 32 if asked.full else asked.positions
    hours = 1 if asked.quick else max(asked.hours // len(STREAMS), 1)
    start_s = time.process_time()
    share, planted, missed, nowhere = recall(positions)
    print(
        f"{planted} faults of {len(FAULTS)} kinds: recall {share:.4f}; missed {dict(missed)}; no place {nowhere}",
        flush=True,
    )
    alarms, messages = Counter[str](), 0
    for index, name in enumerate(STREAMS):
        found, count = false_alarms(name, hours, 100 + index)
        print(f"{name}: {hours} h, {count} messages, alarms {dict(found)}", flush=True)
        alarms, messages = alarms + found, messages + count
    figures = {
        "recall": round(share, 4),
        "kinds": len(FAULTS) - len(nowhere),
        "planted": planted,
        "missed": dict(missed),
        f"false_alarms_{hours * len(STREAMS)}h": sum(alarms.values()),
        "messages": messages,
        "cpu_s": round(time.process_time() - start_s, 1),
    }
    print(json.dumps({"bench": "validation", "figures": figures}))


if __name__ == "__main__":
    main()
