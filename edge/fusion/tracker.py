"""The tracker: takes scans in any order, gives confirmed tracks predicted to now."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from edge.core.detections import Detections
from edge.core.perceived import PerceivedObjects
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.core.tracks import Tracks
from edge.core.v2x import V2xReport
from edge.fusion.calibration import Alignment, Calibration
from edge.fusion.existence import empty_coverage
from edge.fusion.identity import Identities
from edge.fusion.motion import predict
from edge.fusion.publication import publishable, tracks_of
from edge.fusion.recorded import RecordedScan, state_noise
from edge.fusion.replay import Replay
from edge.fusion.scan import Scan, checked_rows, detections_to_rows, reports_to_rows
from edge.fusion.sensors import SensorModel, sensor_polygon, sensor_terms
from edge.fusion.settings import TrackerSettings
from edge.fusion.shared import shared_scan
from edge.fusion.speakers import Speakers
from edge.fusion.step import step
from edge.fusion.table import (
    BIRTHS,
    BORN,
    CAPTURE,
    KEY,
    M_X,
    M_Y,
    MAX_ROWS,
    MERGED,
    NIS_COUNT,
    NIS_SUM,
    REFUSED,
    SEEN,
    SENSED,
    SPOKE,
    STILL,
    TOGETHER,
    TrackTable,
)
from edge.fusion.workspace import empty_workspace

MOST_MARKS = 512
FUTURE_NS = NS_PER_S
"""A capture time farther ahead of its arrival is a broken clock."""


class Tracker:
    """Fuses every sensor of the site.

    Args:
        sensors: cameras, radars and V2X links; their order is that of the columns of `Tracks.last_seen_ns`.
        replay_ns: how late a measurement may come and still be used.
        settings: see `TrackerSettings`.
        learn: estimate constant errors of the sensors where they overlap; False: take each at its word.
    """

    def __init__(
        self,
        sensors: tuple[SensorModel, ...],
        *,
        replay_ns: int = 400 * NS_PER_MS,
        settings: TrackerSettings | None = None,
        learn: bool = True,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._models = sensors
        self._names = tuple(sensor.name for sensor in sensors)
        self._column = {name: column for column, name in enumerate(self._names)}
        if len(self._column) != len(sensors):
            raise ValueError(f"sensor names are not unique: {self._names}")
        self._settings = settings or TrackerSettings()
        self._alignment = Alignment(sensors, learn=learn)
        self._terms = [sensor_terms(sensor, column=column) for column, sensor in enumerate(sensors)]
        if learn:
            self._terms = self._alignment.aligned(self._terms)
        self._polygons = [sensor_polygon(sensor) for sensor in sensors]
        self._coverage = empty_coverage(len(sensors))
        self._owned = np.array([sensor.kind not in {"v2x", "tracks"} for sensor in sensors], dtype=np.int64)
        self._work = empty_workspace()
        self._table = TrackTable.empty(sensors=len(sensors))
        self._replay, self._replays = Replay(self._table, self._process, window_ns=replay_ns), replay_ns > 0
        self._identities, self._speakers = Identities(), Speakers()
        self._scan_count, self._now_ns = 0, 0
        self._marks: dict[int, None] = {}

    def ingest(self, scan: Detections | tuple[V2xReport, ...]) -> None:
        """Take a scan of a camera or radar, or reports of V2X links; bad rows are counted and dropped."""
        if isinstance(scan, Detections):
            self._ingest_detections(scan)
            return
        known = [r for r in scan if r.link in self._column]
        self.counters["unknown_sensor"] += len(scan) - len(known)
        current = [r for r in known if not self._in_future(r.stamp.capture_ns, r.arrival_ns, rows=1)]
        if current:
            self._ingest_reports(current)

    def ingest_shared(self, perceived: PerceivedObjects, *, link: str, arrival_ns: int) -> None:
        """Take what a neighbouring station perceives; it confirms nothing and keeps nothing alive."""
        self.ingest_recorded(shared_scan(perceived, link=link, arrival_ns=arrival_ns))

    def catch_up(self, until_ns: int) -> None:
        """Run what was captured up to then and has come: `advance` has less to do.

        Where nothing is replayed it waits: what comes until `advance` would count as newer than it is.
        """
        if self._replays:
            self.counters["scans_run"] += self._replay.run(until_ns)

    def advance(self, now_ns: int) -> Tracks:
        """Run what has come and give the confirmed tracks predicted to `now_ns`."""
        self._now_ns = max(self._now_ns, now_ns)
        self.counters["scans_run"] += self._replay.run(now_ns)
        if self._alignment.due(now_ns):
            self._terms = self._alignment.update(self._terms, self._table)
        count = self._table.count
        floats, integers = self._table.floats[:count].copy(), self._table.integers[:count]
        predict(floats, count, (now_ns - self._table.time_ns) * 1e-9, self._settings)
        publish = publishable(floats, integers, now_ns=now_ns, settings=self._settings)
        ids = self._identities.assign(integers[:, KEY], floats[:, :4], publish, now_ns=now_ns)
        for name, statistic in (("births", BIRTHS), ("births_refused", REFUSED), ("merged", MERGED)):
            self.counters[name] = int(self._table.statistics[:, statistic].sum())
        newest = int(integers[:, CAPTURE].max()) if count else 0
        return tracks_of(
            floats[publish],
            integers[publish],
            ids[publish],
            stamp_ns=now_ns,
            newest_ns=newest,
            sensors=self._names,
            speakers=self._speakers,
        )

    def shift_clock(self, step_ns: int) -> None:
        """The clock was set by `step_ns`: go on as if it had always been so; scans that wait are dropped."""
        self.counters["clock_steps"] += 1
        table, count = self._table, self._table.count
        columns = [CAPTURE, BORN, SPOKE, SENSED, STILL, TOGETHER, *range(SEEN, table.integers.shape[1])]
        times = table.integers[:count, columns]
        table.integers[:count, columns] = np.where(times != 0, times + step_ns, 0)
        table.time_ns += step_ns
        self.counters["scans_dropped"] += self._replay.restart()
        self._identities.shift_clock(step_ns)
        self._alignment.restart()
        self._now_ns += step_ns

    @property
    def track_count(self) -> int:
        """Tracks in the table, confirmed or not."""
        return self._table.count

    def innovation_consistency(self) -> dict[str, float]:
        """Mean normalised innovation squared per sensor since start; about 2 or less when it is calibrated."""
        sums = self._table.statistics
        return {
            name: float(sums[column, NIS_SUM] / sums[column, NIS_COUNT])
            for column, name in enumerate(self._names)
            if sums[column, NIS_COUNT] > 0
        }

    def calibration(self) -> dict[str, Calibration]:
        """What has been learned of each sensor."""
        return self._alignment.calibration()

    def suspects(self) -> tuple[str, ...]:
        """Sensors whose calibration, clock or noise is not what their model says."""
        return tuple(name for name, found in self.calibration().items() if found.suspect)

    def _ingest_detections(self, detections: Detections) -> None:
        column = self._column.get(detections.sensor)
        if column is None:
            self.counters["unknown_sensor"] += 1
            return
        if self._in_future(detections.stamp.capture_ns, detections.arrival_ns, rows=len(detections)):
            return
        if self._blind(detections.sight):
            return
        rows = detections_to_rows(detections, counters=self.counters)
        order = (detections.stamp.capture_ns, column, detections.frame_id, "")
        speakers = np.zeros(len(rows), dtype=np.int64)
        self._add(Scan(order, column, self._next_key(), rows, speakers, detections.sight))

    def _ingest_reports(self, reports: list[V2xReport]) -> None:
        """One scan per report: each has a capture time of its own."""
        rows, good = reports_to_rows(reports, counters=self.counters)
        for index in np.flatnonzero(good).tolist():
            report = reports[index]
            time_ns, column = report.stamp.capture_ns, self._column[report.link]
            number = self._speakers.number(report.temporary_id)
            if self._speakers.repeated(number, time_ns, report.x_m, report.y_m):
                self.counters["reports_repeated"] += 1
                continue
            speakers: NDArray[np.int64] = np.array([number], dtype=np.int64)
            order = (time_ns, column, 0, report.temporary_id)
            self._add(Scan(order, column, self._next_key(), rows[index : index + 1], speakers))

    def ingest_recorded(self, scan: RecordedScan) -> None:
        """Take a line of a file of scans; bad rows are counted and dropped."""
        column = self._column.get(scan.sensor)
        if column is None:
            self.counters["unknown_sensor"] += 1
            return
        if self._in_future(scan.time_ns, scan.arrival_ns, rows=len(scan.rows)):
            return
        if self._models[column].kind != "v2x" and self._repeated(scan, column):
            return
        if self._blind(scan.sight):
            return
        state_noise(scan.rows, self._models[column])
        rows, good = checked_rows(scan.rows, counters=self.counters)
        if self._models[column].kind == "v2x":
            self._ingest_said(scan, column, rows, good)
            return
        if not good.all():
            rows = rows[good]
        self._add_recorded(scan, column, rows, np.zeros(len(rows), dtype=np.int64))

    def _repeated(self, scan: RecordedScan, column: int) -> bool:
        """Whether this very scan has come before: it is no new evidence."""
        mark = hash((column, scan.time_ns, scan.rows[:, M_X : M_Y + 1].tobytes()))
        if mark in self._marks:
            self.counters["scans_repeated"] += 1
            return True
        self._marks[mark] = None
        if len(self._marks) > MOST_MARKS:
            del self._marks[next(iter(self._marks))]
        return False

    def _ingest_said(
        self, scan: RecordedScan, column: int, rows: NDArray[np.float64], good: NDArray[np.bool_]
    ) -> None:
        kept, numbers = [], []
        for k in np.flatnonzero(good).tolist():
            number = self._speakers.number(scan.ids[k]) if scan.ids[k] else 0
            if number and self._speakers.repeated(number, scan.time_ns, *rows[k, M_X : M_Y + 1].tolist()):
                self.counters["reports_repeated"] += 1
                continue
            kept.append(k)
            numbers.append(number)
        if kept:
            self._add_recorded(scan, column, rows[kept], np.array(numbers, dtype=np.int64))

    def _add_recorded(
        self, scan: RecordedScan, column: int, rows: NDArray[np.float64], speakers: NDArray[np.int64]
    ) -> None:
        key = self._next_key()
        order = (scan.time_ns, column, key, "")
        self._add(Scan(order, column, key, np.ascontiguousarray(rows), speakers, scan.sight))

    def _in_future(self, capture_ns: int, arrival_ns: int, *, rows: int) -> bool:
        future = capture_ns > max(arrival_ns, self._now_ns) + FUTURE_NS
        if future:
            self.counters["future_rows"] += rows
        return future

    def _blind(self, sight: float) -> bool:
        """Whether a scan was no look at all: what it shows and what it misses says nothing."""
        self.counters["scans_blind"] += sight == 0.0
        return sight == 0.0

    def _next_key(self) -> int:
        self._scan_count += 1
        return self._scan_count * MAX_ROWS

    def _add(self, scan: Scan) -> None:
        self.counters["scans"] += 1
        if self._replay.full:
            self.counters["scans_dropped"] += 1
        elif not self._replay.add(scan):
            self.counters["scans_late"] += 1

    def _process(self, scan: Scan) -> None:
        table = self._table
        table.count = step(
            table.floats,
            table.integers,
            table.count,
            (scan.time_ns - table.time_ns) * 1e-9,
            scan.measured,
            scan.speakers,
            scan.key,
            scan.time_ns,
            self._terms[scan.column]._replace(sight=scan.sight),
            self._polygons[scan.column],
            self._coverage[scan.column],
            self._owned,
            self._settings,
            table.statistics,
            table.pairs,
            self._work,
        )
        table.time_ns = scan.time_ns
