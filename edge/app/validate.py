"""`edge validate`: checks recorded SPaT and MAP, and prints what is wrong."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from edge.app.validate_input import Reader, Recorded
from edge.core.errors import ConfigError
from edge.core.intersection import Intersection
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.road.load import load_intersection
from edge.signals.validation import Bounds, SignalMessage, Validator
from edge.signals.validation_colours import CLEARANCE
from edge.signals.validation_kinds import EndBounds, Finding, Severity

MOST_ROWS = 2000
MOST_PLACES = 1000
"""Rows and intersections that are kept; more are only counted."""
_Key = tuple[int, int]
"""Region (0: none) and IntersectionID."""


@dataclass(slots=True)
class Row:
    """A finding, how often and when.

    Attributes:
        key: where; line: where it was found first; first_ns, last_ns: UTC ns.
    """

    key: _Key
    finding: Finding
    line: int
    first_ns: int
    last_ns: int
    count: int = 1


@dataclass(slots=True)
class Report:
    """What a file holds and what is wrong with it.

    Attributes:
        counts: SPAT, MAP, other, bad, unshown.
        rows: by place, kind and groups, in the order in which they were found.
        bad: the first malformed lines and why.
    """

    counts: Counter[str] = field(default_factory=Counter)
    rows: dict[tuple[Any, ...], Row] = field(default_factory=dict)
    bad: list[tuple[int, str]] = field(default_factory=list)
    begin_ns: int | None = None

    def add(self, key: _Key, findings: Iterable[Finding], *, line: int) -> None:
        """Count findings of one message."""
        for finding in findings:
            known = self.rows.get((key, finding.kind, finding.groups))
            if known is not None:
                known.count, known.last_ns = known.count + 1, finding.at_ns
            elif len(self.rows) < MOST_ROWS:
                row = Row(key, finding, line, finding.at_ns, finding.at_ns)
                self.rows[key, finding.kind, finding.groups] = row
            else:
                self.counts["unshown"] += 1

    def status(self, *, strict: bool) -> int:
        """Exit status: 1 when anything but remarks was found (strict: those too), else 0."""
        grave = [row for row in self.rows.values() if strict or row.finding.severity is not Severity.REMARK]
        return int(bool(grave))


class FileCheck:
    """Checks one file.

    Args:
        map_path: MAPs that come before those of the file.
        tolerance_s: by how much a promised end may move.
        minimum_data: judge the minimum data; None: of a file that has not both, MAP and SPaT.
    """

    def __init__(
        self, *, map_path: Path | None = None, tolerance_s: float = 1.0, minimum_data: bool | None = None
    ) -> None:
        self._bounds = Bounds(ends=EndBounds(promise_tolerance_ns=round(tolerance_s * NS_PER_S)))
        self._minimum = minimum_data
        self._given = map_path
        self._fixed: dict[_Key, Intersection] = {}
        self._maps: dict[_Key, Intersection] = {}
        self._yellow: set[_Key] = set()
        self._validators: dict[_Key, Validator] = {}
        self.report = Report()

    def run(self, path: Path, *, now_ns: int) -> Report:
        """Read the file twice: for its MAPs, and then its messages in order. Raises `ConfigError`."""
        self._collect(Reader(path, now_ns=now_ns))
        if self._given is not None:
            self._fixed = {_key_of(one): one for one in load_maps(self._given, now_ns=now_ns)}
            self._maps |= self._fixed
        for recorded in Reader(path, now_ns=now_ns):
            self.report.counts[recorded.kind] += 1
            if recorded.kind == "bad" and len(self.report.bad) < 10:
                self.report.bad.append((recorded.line, recorded.problem))
            if recorded.kind == "MAP":
                self._take_map(recorded)
            for message in recorded.messages:
                self._take(message, recorded.line)
        if not self.report.counts["SPAT"] + self.report.counts["MAP"]:
            raise ConfigError(
                str(path),
                "holds no SPaT and no MAP that can be read" + self._why(),
                remedy="give JSON lines, hexadecimal lines or TYPE,ms,JSON",
            )
        return self.report

    def _why(self) -> str:
        return f": line {self.report.bad[0][0]}: {self.report.bad[0][1]}" if self.report.bad else ""

    def _collect(self, reader: Reader) -> None:
        kinds: set[str] = set()
        for recorded in reader:
            kinds.add(recorded.kind)
            for message in recorded.messages:
                if len(self._yellow) < MOST_PLACES and _clears(message):
                    self._yellow.add((message.region or 0, message.intersection))
            for found in recorded.maps:
                if len(self._maps) < MOST_PLACES:
                    self._maps.setdefault(_key_of(found), found)
        if self._minimum is None:
            self._minimum = not {"SPAT", "MAP"} <= kinds

    def _take_map(self, recorded: Recorded) -> None:
        for found, missing in zip(recorded.maps, recorded.missing, strict=False):
            if self._minimum and missing:
                words = "minimum data of the MAP missing: " + ", ".join(missing)
                self.report.add(_key_of(found), [Finding("minimum_data", words)], line=recorded.line)
        for found in recorded.maps:
            key = _key_of(found)
            known = self._maps.get(key)
            if known is None or key in self._fixed or _same_map(known, found):
                continue
            if known.revision == found.revision:
                words = f"the MAP changed and kept revision {found.revision}"
                self.report.add(key, [Finding("map_revision", words)], line=recorded.line)
            self._maps[key] = found
            self._validators.pop(key, None)

    def _take(self, message: SignalMessage, line: int) -> None:
        key = (message.region or 0, message.intersection)
        validator = self._validators.get(key)
        if validator is None:
            if len(self._validators) >= MOST_PLACES:
                self.report.counts["unshown"] += 1
                return
            validator = self._validators[key] = self._validator(key)
        if self.report.begin_ns is None:
            self.report.begin_ns = message.at_ns
        self.report.add(key, validator.check(message), line=line)

    def _validator(self, key: _Key) -> Validator:
        found = self._maps.get(key) or next(
            (m for m in self._maps.values() if m.intersection == key[1]), None
        )
        other = None
        if found is None and len(self._maps) == 1:
            found = other = next(iter(self._maps.values()))
        return Validator(
            found,
            conflicts=None if other is None else (),
            bounds=self._bounds,
            minimum_data=bool(self._minimum),
            yellow_seen=key in self._yellow,
        )


def load_maps(path: Path, *, now_ns: int) -> list[Intersection]:
    """The MAPs of a file: JSON or a SUMO network, or recorded in any form that `edge validate` reads."""
    if path.suffix == ".xml":
        return [load_intersection(path)]
    found = [one for recorded in Reader(path, now_ns=now_ns) for one in recorded.maps]
    if not found:
        raise ConfigError("--map", f"{path} holds no MAP that can be read", remedy="give J2735 or T/CSAE MAP")
    return found


def validate_file(
    path: Path,
    *,
    map_path: Path | None,
    as_json: bool,
    strict: bool,
    tolerance_s: float,
    minimum_data: bool | None,
) -> int:
    """Check a file and print the findings; returns the exit status. Raises `ConfigError` where it cannot be read."""
    check = FileCheck(map_path=map_path, tolerance_s=tolerance_s, minimum_data=minimum_data)
    report = check.run(path, now_ns=time.time_ns())
    if as_json:
        for shown in json_rows(report):
            print(json.dumps(shown, ensure_ascii=False))
    else:
        _print(report, Console(width=None if sys.stdout.isatty() else 160))
    _summary(report, Console(stderr=as_json))
    return report.status(strict=strict)


def json_rows(report: Report) -> Iterator[dict[str, Any]]:
    """Findings as JSON objects; `at_s` counts from the first SPaT."""
    begin_ns = report.begin_ns or 0
    for row in report.rows.values():
        finding = row.finding
        yield {
            "kind": finding.kind,
            "severity": finding.severity.name.lower(),
            "intersection": row.key[1],
            "region": row.key[0] or None,
            "groups": list(finding.groups),
            "at_s": max(row.first_ns - begin_ns, 0) // NS_PER_MS / 1000.0,
            "until_s": max(row.last_ns - begin_ns, 0) // NS_PER_MS / 1000.0,
            "line": row.line,
            "count": row.count,
            "sentence": finding.sentence,
        }


def _print(report: Report, console: Console) -> None:
    if not report.rows:
        return
    table = Table("severity", "kind", "intersection", "groups", "line", "at s", "times", "what")
    for row in json_rows(report):
        groups = ", ".join(map(str, row["groups"]))
        cells = (Severity[row["severity"].upper()].value, row["kind"], str(row["intersection"]), groups)
        table.add_row(*cells, str(row["line"]), f"{row['at_s']:.1f}", str(row["count"]), row["sentence"])
    console.print(table)


def _summary(report: Report, console: Console) -> None:
    counts, rows = report.counts, list(report.rows.values())
    for line, problem in report.bad:
        console.print(f"line {line} does not read: {problem}", markup=False, highlight=False, soft_wrap=True)
    by = Counter(row.finding.severity for row in rows)
    console.print(
        f"{counts['SPAT']} SPaT, {counts['MAP']} MAP, {counts['other']} other, {counts['bad']} malformed; "
        f"findings: {by[Severity.COLOUR]} colour, {by[Severity.TIMING]} timing, "
        f"{by[Severity.INCOMPLETE]} incomplete, {by[Severity.REMARK]} remarks"
        + (f"; {counts['unshown']} more not kept" if counts["unshown"] else ""),
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _clears(message: SignalMessage) -> bool:
    return any(group.state in CLEARANCE for group in message.groups)


def _key_of(found: Intersection) -> _Key:
    return found.region or 0, found.intersection


def _same_map(one: Intersection, other: Intersection) -> bool:
    if one.revision != other.revision or len(one.lanes) != len(other.lanes):
        return False
    return all(
        (a.lane, a.connections, a.signal_group) == (b.lane, b.connections, b.signal_group)
        and a.points_m.shape == b.points_m.shape
        and bool((abs(a.points_m - b.points_m) < 0.01).all())
        for a, b in zip(one.lanes, other.lanes, strict=True)
    )
