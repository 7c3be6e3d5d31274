"""The table of faults of the validation bench."""

from __future__ import annotations

import dataclasses
import math

from edge.core.signals import GroupState, IntersectionStatus, MovementState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from tests.bench.validation_faults import (
    ACROSS,
    GREENS,
    LIGHTS,
    REDS,
    YELLOWS,
    Fault,
    Plant,
    after_state,
    beside_green,
    clock,
    crowd,
    ends,
    every_end,
    long_red,
    on_group,
    on_messages,
    renumber,
    replay,
    shift,
    shorten,
    show,
    stretch,
    swap,
    twice,
    whole,
)

_S, _T = MovementState, IntersectionStatus
S = NS_PER_S
WALKS = {4: (22,), 8: (22,), 2: (24,), 6: (24,)}
"""Walkers whose crosswalk the through traffic of a group crosses; group 22 walks with 2 and 6, 24 with 4 and 8."""


def fault(name: str, expected: str, plant: Plant) -> Fault:
    return Fault(name, frozenset(expected.split()), plant)


def all_green(group: GroupState) -> GroupState:
    return dataclasses.replace(group, state=_S.PROTECTED_MOVEMENT_ALLOWED)


_COLOURS = (
    fault("conflicting protected green", "conflicting_greens", beside_green(_S.PROTECTED_MOVEMENT_ALLOWED, ACROSS)),
    fault("walkers cross a green", "conflicting_greens", beside_green(_S.PERMISSIVE_MOVEMENT_ALLOWED, WALKS)),
    fault("all greens", "conflicting_greens", on_messages(
        lambda m, k: dataclasses.replace(m, groups=tuple(all_green(g) for g in m.groups)), for_=10)),
    fault("green before the other cleared", "conflicting_clearance impossible_change",
          beside_green(_S.PROTECTED_CLEARANCE, ACROSS)),
    fault("green to red", "clearance_missing", after_state(GREENS, _S.STOP_AND_REMAIN, for_=60)),
    fault("green cut to red", "clearance_missing", on_group(GREENS, show(_S.STOP_AND_REMAIN))),
    fault("red to yellow", "impossible_change", on_group(REDS, show(_S.PROTECTED_CLEARANCE), for_=30)),
    fault("yellow to green", "impossible_change", after_state(YELLOWS, _S.PROTECTED_MOVEMENT_ALLOWED, for_=15)),
    fault("green to red and yellow", "impossible_change", on_group(GREENS, show(_S.PRE_MOVEMENT), for_=12)),
    fault("yellow to red and yellow", "impossible_change", after_state(YELLOWS, _S.PRE_MOVEMENT, for_=10)),
    fault("red and yellow to red", "impossible_change", on_group(REDS, show(_S.PRE_MOVEMENT), for_=12, left=40)),
    fault("red and yellow for long", "pre_movement_long", on_group(REDS, show(_S.PRE_MOVEMENT), for_=80, left=80)),
    fault("flashing green to green", "impossible_change", on_group(GREENS, show(_S.FLASHING_GREEN), for_=10, left=30)),
    fault("red to flashing green", "impossible_change conflicting_greens",
          on_group(REDS, show(_S.FLASHING_GREEN), for_=10)),
    fault("flashing green for ever", "flashing_green_long impossible_change",
          on_group(GREENS, show(_S.FLASHING_GREEN), left=170)),
    fault("yellow of 1 s", "yellow_short", shorten(YELLOWS, 10, _S.STOP_AND_REMAIN)),
    fault("yellow of 2 s", "yellow_short", shorten(YELLOWS, 20, _S.STOP_AND_REMAIN)),
    fault("yellow of 10 s", "yellow_long", stretch(YELLOWS, 10)),
    fault("yellow for ever", "yellow_long", stretch(YELLOWS, 30)),
    fault("green of 0.3 s", "green_short", shorten(GREENS, 3, _S.PROTECTED_CLEARANCE)),
    fault("red of 0.3 s", "red_short", shorten(REDS, 3, _S.PROTECTED_MOVEMENT_ALLOWED)),
    fault("a group goes dark", "group_dark", on_group(LIGHTS, show(_S.DARK), for_=20)),
    fault("a group unavailable", "group_dark", on_group(LIGHTS, show(_S.UNAVAILABLE), for_=20)),
)  # fmt: skip

_PLACES = (
    fault("group left out", "group_missing",
          on_messages(lambda m, k: dataclasses.replace(m, groups=m.groups[1:]), for_=20)),
    fault("group of another place", "group_unknown", on_messages(
        lambda m, k: dataclasses.replace(m, groups=(*m.groups, GroupState(77, _S.STOP_AND_REMAIN))), for_=20)),
    fault("groups shifted by one", "group_unknown group_missing", on_messages(
        lambda m, k: dataclasses.replace(
            m, groups=tuple(dataclasses.replace(g, signal_group=g.signal_group + 1) for g in m.groups)), for_=20)),
    fault("group twice", "group_twice",
          on_messages(lambda m, k: dataclasses.replace(m, groups=(*m.groups, m.groups[2])), for_=20)),
    fault("no group at all", "no_groups group_missing", whole(groups=())),
    fault("other intersection", "map_intersection", whole(intersection=4242)),
    fault("other region", "map_intersection", whole(region=99)),
    fault("other MAP revision", "map_revision", whole(map_revision=99)),
    fault("not valid, yet colours", "status_contradicts", whole(status=_T.NO_VALID_SPAT)),
    fault("off, yet colours", "status_contradicts", whole(status=_T.OFF)),
    fault("failure flash, yet steady", "status_contradicts", whole(status=_T.FAILURE_FLASH)),
)  # fmt: skip

_ENDS = (
    fault("least end runs back 2 s", "promise_broken", on_group(GREENS | REDS, ends(
        lambda g, now, k: {"min_end_ns": None if g.min_end_ns is None else g.min_end_ns - (2 * S if k else 0)}),
        left=40)),
    fault("least end runs back 30 s", "promise_broken", on_group(REDS, ends(
        lambda g, now, k: {"min_end_ns": now + (40 if k < 5 else 10) * S, "max_end_ns": None}), left=30)),
    fault("latest end put off", "promise_broken", on_group(GREENS | REDS, ends(
        lambda g, now, k: {"min_end_ns": None, "max_end_ns": now + (20 if k < 10 else 45) * S}), left=30)),
    fault("frozen countdown", "promise_broken", on_group(REDS, ends(
        lambda g, now, k: {"min_end_ns": now + 9 * S, "max_end_ns": now + 9 * S}), left=30)),
    fault("countdown too fast", "promise_broken", on_group(REDS, ends(
        lambda g, now, k: {"min_end_ns": now + 30 * S - k * 200 * NS_PER_MS,
                           "max_end_ns": now + 30 * S - k * 200 * NS_PER_MS}), left=40)),
    fault("end drifts earlier", "promise_broken", on_group(REDS, ends(
        lambda g, now, k: shift(g, -k * 20 * NS_PER_MS)), left=80)),
    fault("end drifts later", "promise_broken", on_group(REDS, ends(
        lambda g, now, k: {"min_end_ns": None, "max_end_ns": now + 30 * S - k * 70 * NS_PER_MS}), left=60)),
    fault("countdown in whole tens of seconds", "promise_broken", on_group(REDS, ends(
        lambda g, now, k: {"min_end_ns": now + 60 * S, "max_end_ns": now + 60 * S}), left=30)),
    fault("least after latest", "ends_contradict", on_group(LIGHTS, ends(
        lambda g, now, k: {"min_end_ns": now + 9 * S, "max_end_ns": now + 5 * S}))),
    fault("latest end in the past", "end_past", on_group(GREENS | REDS, ends(
        lambda g, now, k: {"min_end_ns": None, "max_end_ns": now - 5 * S}), left=30)),
    fault("green past its end", "end_overstayed end_past", stretch(GREENS, 33)),
    fault("red past its end", "end_overstayed end_past", on_group(REDS, ends(
        lambda g, now, k: {"min_end_ns": None, "max_end_ns": now + S if k < 3 else None}), left=40)),
    fault("green ends before its least end", "ended_early promise_broken", on_group(GREENS, ends(
        lambda g, now, k: {"min_end_ns": now + 60 * S, "max_end_ns": None}), left=3)),
    fault("red ends before its least end", "ended_early promise_broken", on_group(REDS, ends(
        lambda g, now, k: {"min_end_ns": now + 90 * S, "max_end_ns": None}), left=3)),
    fault("end in two hours", "end_beyond_hour", on_group(LIGHTS, ends(
        lambda g, now, k: {"min_end_ns": now + 5 * S, "max_end_ns": now + 7200 * S}))),
    fault("clock half an hour off in the ends of yellow", "clearance_end_far promise_broken", on_group(YELLOWS, ends(
        lambda g, now, k: shift(g, 1800 * S)), begin=5, left=5)),
    fault("yellow would last 20 s", "clearance_end_far promise_broken", on_group(YELLOWS, ends(
        lambda g, now, k: {"min_end_ns": now + 20 * S, "max_end_ns": None}), begin=5, left=5)),
    fault("likely before least", "likely_outside", on_group(LIGHTS, ends(
        lambda g, now, k: {"min_end_ns": now + 9 * S, "max_end_ns": None, "likely_end_ns": now + 4 * S}), for_=5)),
    fault("likely after latest", "likely_outside", on_group(LIGHTS, ends(
        lambda g, now, k: {"min_end_ns": None, "max_end_ns": now + 9 * S, "likely_end_ns": now + 14 * S}), for_=5)),
    fault("confidence of 3", "confidence_wrong", on_group(LIGHTS, ends(
        lambda g, now, k: {"likely_end_ns": now + 6 * S, "min_end_ns": None, "max_end_ns": None, "confidence": 3.0}),
        for_=5)),
    fault("red with a demand for ever", "long_red", long_red),
)  # fmt: skip

_STREAM = (
    fault("clock 3 s fast", "clock_off", clock(lambda k: 3 * S)),
    fault("clock 3 s slow", "clock_off", clock(lambda k: -3 * S)),
    fault("clock an hour off", "clock_off", clock(lambda k: 3600 * S)),
    fault("minute one too many", "clock_off clock_jump", clock(lambda k: 60 * S)),
    fault("minute does not turn", "clock_backwards", clock(lambda k: -60 * S)),
    fault("clock drifts", "clock_off", clock(lambda k: k * 10 * NS_PER_MS)),
    fault("clock set back in between", "clock_backwards", clock(lambda k: -2 * S if k == 10 else 0)),
    fault("clock jumps once", "clock_jump", clock(lambda k: 2 * S if k == 10 else 0)),
    fault("clock stands still", "clock_frozen", clock(lambda k: -(k % 30) * 100 * NS_PER_MS)),
    fault("no time at all", "clock_missing", whole(made_ns=None)),
    fault("five a second", "rate_low", on_messages(lambda m, k: m if k % 2 else None)),
    fault("one a second", "rate_low gap", on_messages(lambda m, k: None if k % 10 else m)),
    fault("fifty a second", "rate_high", crowd),
    fault("in bursts", "jitter", on_messages(lambda m, k: None if k % 8 > 4 else m)),
    fault("2 s of silence", "gap", on_messages(lambda m, k: None, for_=20)),
    fault("each one twice", "duplicate", twice),
    fault("out of order", "out_of_order", swap),
    fault("count stands still", "sequence", on_messages(lambda m, k: dataclasses.replace(m, count=5))),
    fault("count jumps", "sequence",
          on_messages(lambda m, k: dataclasses.replace(m, count=((m.count or 0) + 40) % 128), for_=50)),
    fault("revision stands still", "revision_stuck", on_messages(lambda m, k: dataclasses.replace(m, revision=7))),
    fault("minimum data missing", "minimum_data", whole(missing=("id.region",))),
)  # fmt: skip

_ATTACKS = (
    fault("straight greens cross, both called permissive", "conflicting_greens", on_messages(
        lambda m, k: dataclasses.replace(m, groups=tuple(
            dataclasses.replace(g, state=_S.PERMISSIVE_MOVEMENT_ALLOWED) if g.signal_group in {2, 4} else g
            for g in m.groups)), for_=10)),
    fault("a minute ago, stamped anew", "end_past promise_broken ended_early end_overstayed", replay),
    fault("groups 2 and 4 the wrong way round", "conflicting_greens", renumber({2: 4, 4: 2})),
    fault("ends in tenths taken for seconds", "promise_broken clearance_end_far", every_end(
        lambda end, now: now + 10 * (end - now))),
    fault("ends in seconds taken for tenths", "promise_broken end_overstayed", every_end(
        lambda end, now: now + (end - now) // 10)),
    fault("ends of a zone half an hour off", "promise_broken clearance_end_far", every_end(
        lambda end, now: end + 1800 * S)),
    fault("ends of the hour before", "end_past", every_end(lambda end, now: end - 3600 * S)),
    fault("ends 1.5 s late", "promise_broken ended_early", every_end(lambda end, now: end + 3 * S // 2)),
    fault("red flickers in a green", "clearance_missing red_short", on_group(
        GREENS, show(_S.STOP_AND_REMAIN), for_=1)),
    fault("likely end long past", "likely_outside", on_group(LIGHTS, ends(
        lambda g, now, k: {"min_end_ns": None, "max_end_ns": None, "likely_end_ns": now - 20 * S}), for_=5)),
    fault("confidence is no number", "confidence_wrong", on_group(LIGHTS, ends(
        lambda g, now, k: {"min_end_ns": None, "max_end_ns": None, "likely_end_ns": now + 9 * S,
                           "confidence": math.nan}), for_=5)),
)  # fmt: skip

FAULTS = (*_COLOURS, *_PLACES, *_ENDS, *_STREAM, *_ATTACKS)
