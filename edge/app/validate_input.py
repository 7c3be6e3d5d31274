"""Reads recorded SPaT and MAP a line at a time: JSON (ODE, or as `edge v2x decode --raw` prints it), UPER in
hexadecimal, or timed scripts `TYPE,ms,JSON` whose placeholders stand for the time of sending.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TextIO

from edge.core.errors import CodecError, ConfigError
from edge.core.intersection import Intersection
from edge.core.signals import GroupState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.road.map_json import intersection_from_map, unwrap
from edge.signals.validation import SignalMessage
from edge.v2x import csae_map_decode, csae_spat, j2735_map
from edge.v2x.j2735_spat import spat_views
from edge.v2x.jer import from_json, to_json
from edge.v2x.marks import (
    MARK_BEYOND,
    TENTH_NS,
    instant_of,
    millisecond_of_minute,
    minute_of_year,
    time_of_mark,
)
from edge.v2x.minimum_data import missing_in_map, missing_in_spat
from edge.v2x.ode_json import is_ode_spat, ode_spat_value
from edge.v2x.spat import GroupView, SpatView
from edge.v2x.whole import encode_message, recognise

LONGEST_DOCUMENT = 8 << 20
"""Characters; no line may be longer, and a file up to this may be one JSON document over many lines."""
SCRIPT_HOUR_NS = 1_717_416_000 * NS_PER_S
"""2024-06-03 12:00 UTC: the hour in which scripts are played."""
_SCRIPT = re.compile(r"\s*([A-Za-z]{2,8})\s*,\s*(\d{1,12})\s*,\s*(\{.*)", re.DOTALL)
_HEXADECIMAL = re.compile(r"(?:0x)?((?:[0-9A-Fa-f]{2})+)")
_MARK = re.compile(r'"minEndTime"\s*:\s*(\d+)')
_WRAPPINGS = ("payload", "data", "MessageFrame", "value", "MapData")
_BAD = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, OverflowError)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one line holds.

    Attributes:
        line: 1-based number.
        kind: "bad": it does not read, "other": another message.
        messages: of a SPaT, one per intersection.
        maps: of a MAP, one per intersection.
        missing: fields of the minimum data that each MAP lacks.
        problem: why it is bad.
    """

    line: int
    kind: Literal["SPAT", "MAP", "other", "bad"]
    messages: tuple[SignalMessage, ...] = ()
    maps: tuple[Intersection, ...] = ()
    missing: tuple[tuple[str, ...], ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _When:
    """What is known of the time of a line: when it came; whether hour marks belong to that time; a time near it."""

    arrival_ns: int | None
    anchored: bool
    near_ns: int


class Reader:
    """Reads one file.

    Args:
        path: the file.
        now_ns: a time in the year of recordings that do not say theirs.

    Raises:
        ConfigError: it cannot be read, or is no text.
    """

    def __init__(self, path: Path, *, now_ns: int) -> None:
        self._path, self._now_ns = path, now_ns
        self._base_ns: int | None = None

    def __iter__(self) -> Iterator[Recorded]:
        """Every line that is not empty, in order."""
        self._base_ns = None
        for number, text in self._lines():
            try:
                yield self._read(number, text)
            except (CodecError, ConfigError, *_BAD) as error:
                words = str(error) if isinstance(error, (CodecError, ConfigError)) else f"{error!r}"
                yield Recorded(number, "bad", problem=words[:200])

    def _lines(self) -> Iterator[tuple[int, str]]:
        """Lines, or the whole where the file is one document."""
        try:
            if self._path.stat().st_size <= LONGEST_DOCUMENT:
                whole = self._path.read_text(encoding="utf-8")
                if "\n" in whole.strip() and _is_document(whole):
                    yield 1, whole
                    return
            with self._path.open(encoding="utf-8") as file:
                yield from _bounded_lines(file)
        except OSError as error:
            raise ConfigError(
                str(self._path), f"cannot be read: {error.strerror}", remedy="give a readable file"
            ) from error
        except UnicodeDecodeError as error:
            raise ConfigError(
                str(self._path), "is no text", remedy="give JSON lines, hexadecimal lines or TYPE,ms,JSON"
            ) from error

    def _read(self, number: int, text: str) -> Recorded:
        if len(text) > LONGEST_DOCUMENT:
            raise CodecError("line", f"has more than {LONGEST_DOCUMENT} characters")
        written = _HEXADECIMAL.fullmatch(text)
        if written is not None:
            found = recognise(bytes.fromhex(written[1]))
            return self._whole(number, found.message, found.value, found.payload, self._unknown_time())
        script = _SCRIPT.fullmatch(text)
        if script is None:
            document = json.loads(text)
            return self._document(number, document, self._time_of(document))
        if script[1].upper() not in {"SPAT", "MAP"}:
            return Recorded(number, "other")
        document, when = self._played(script[3], int(script[2]))
        return self._document(number, document, when)

    def _played(self, text: str, after_ms: int) -> tuple[Any, _When]:
        """A line of a script as it is sent `after_ms` into it."""
        if self._base_ns is None:
            marks = [int(mark) for mark in _MARK.findall(text)]
            self._base_ns = SCRIPT_HOUR_NS + min(marks, default=0) % MARK_BEYOND * TENTH_NS
        sent_ns = self._base_ns + after_ms * NS_PER_MS
        iso = datetime.fromtimestamp(sent_ns / NS_PER_S, tz=UTC).isoformat()
        filled = text.replace('"@MINUTE_OF_YEAR@"', str(minute_of_year(sent_ns)))
        filled = filled.replace('"@MILLI_OF_MINUTE@"', str(millisecond_of_minute(sent_ns)))
        filled = filled.replace("@ISO_DATE_TIME@", iso).replace("@TEMP_ID@", "00000000")
        document = json.loads(filled)
        if '"@MINUTE_OF_YEAR@"' in text:
            return document, _When(sent_ns, anchored=False, near_ns=sent_ns)
        return document, self._time_of(document)

    def _unknown_time(self) -> _When:
        return _When(None, anchored=True, near_ns=self._now_ns)

    def _time_of(self, document: Any) -> _When:
        """When a document came, where the ODE wrote it down."""
        metadata = document.get("metadata") if isinstance(document, dict) else None
        text = metadata.get("odeReceivedAt") if isinstance(metadata, dict) else None
        try:
            came = datetime.fromisoformat(text) if isinstance(text, str) else None
        except ValueError:
            came = None
        if came is None:
            return self._unknown_time()
        came = came.replace(tzinfo=UTC) if came.tzinfo is None else came
        arrival_ns = round(came.timestamp() * 1000) * NS_PER_MS
        return _When(arrival_ns, anchored=True, near_ns=arrival_ns)

    def _document(self, number: int, document: Any, when: _When) -> Recorded:
        if not isinstance(document, dict):
            raise CodecError("line", "is no JSON object")
        if isinstance(document.get("message"), str) and "value" in document:
            key = document["message"]
            value = from_json(key, document["value"])
            return self._whole(number, key, value, encode_message(key, value), when)
        if is_ode_spat(document):
            return _spat(number, ode_spat_value(document), when)
        if _inside(document, "intersections") is not None:
            geometry = _inside(document, "intersections")
            geometries = unwrap(geometry, "intersectionGeometry", key="intersections")
            maps = tuple(intersection_from_map(document, wanted=_identity(one)) for one in geometries)
            return Recorded(number, "MAP", maps=maps, missing=tuple(map(missing_in_map, geometries)))
        return Recorded(number, "other")

    def _whole(self, number: int, key: str, value: Any, payload: bytes, when: _When) -> Recorded:
        """A message of any set."""
        name = key.partition("/")[2]
        if key.startswith("csae") and name == "SPAT":
            views = csae_spat.decode_spats(payload)
            messages = tuple(_message(view, when, count=view.revision) for view in views)
            return Recorded(number, "SPAT", messages)
        if key.startswith("csae") and name == "MapData":
            maps = csae_map_decode.decode_maps(payload, variant="a" if key.startswith("csae-a") else "b")
            return Recorded(number, "MAP", maps=maps)
        inner = {"SPATEM": "spat", "MAPEM": "map"}.get(name)
        inside = value if inner is None else value[inner]
        if name in {"SPAT", "SPATEM"}:
            return _spat(number, inside, when, complete=name == "SPATEM")
        if name in {"MapData", "MAPEM"}:
            geometries = inside.get("intersections", ())
            maps = tuple(
                j2735_map.intersection_in(inside, intersection=one["id"]["id"]) for one in geometries
            )
            shown = to_json("j2735/MapData", inside) if name == "MapData" else {}
            missing = tuple(map(missing_in_map, shown.get("intersections", ())))
            return Recorded(number, "MAP", maps=maps, missing=missing)
        return Recorded(number, "other")


def _spat(number: int, value: Mapping[str, Any], when: _When, *, complete: bool = False) -> Recorded:
    """The value of a J2735 SPAT; `complete`: no minimum data are asked of it."""
    messages = tuple(
        _message(
            view, when, missing=() if complete else missing_in_spat(intersection), revision=view.revision
        )
        for view, intersection in zip(spat_views(value), value["intersections"], strict=True)
    )
    return Recorded(number, "SPAT", messages)


def _message(
    view: SpatView,
    when: _When,
    *,
    missing: tuple[str, ...] = (),
    revision: int | None = None,
    count: int | None = None,
) -> SignalMessage:
    made_ns = None
    if view.minute_of_year is not None and view.millisecond is not None:
        made_ns = instant_of(view.minute_of_year, view.millisecond, near_ns=when.near_ns)
    base_ns = when.near_ns if made_ns is None else made_ns
    return SignalMessage(
        view.intersection,
        view.region,
        tuple(_group(group, view.timing, base_ns) for group in view.groups),
        view.status,
        when.arrival_ns,
        made_ns,
        revision,
        count,
        absolute=view.timing == "utc",
        anchored=when.anchored and (made_ns is not None or when.arrival_ns is not None),
        missing=missing,
    )


def _group(group: GroupView, timing: str, base_ns: int) -> GroupState:
    least, latest, likely = (
        _end(mark, timing, base_ns) for mark in (group.min_end, group.max_end, group.likely_end)
    )
    return GroupState(group.signal_group, group.state, least, latest, likely, group.confidence)


def _end(mark: int | None, timing: str, base_ns: int) -> int | None:
    """UTC ns of an end; None: unknown, or an hour or more ahead."""
    if mark is None or mark >= MARK_BEYOND:
        return None
    return base_ns + mark * TENTH_NS if timing == "counting" else time_of_mark(mark, near_ns=base_ns)


def _inside(document: Any, name: str) -> Any:
    """A member of a document, below the wrappings of ODE and MessageFrame; None: there is none."""
    found = document
    for _ in range(6):
        if not isinstance(found, dict) or name in found:
            break
        below = [found[key] for key in _WRAPPINGS if key in found]
        found = below[0] if below else None
    return found.get(name) if isinstance(found, dict) else None


def _identity(geometry: Mapping[str, Any]) -> int | None:
    identity = geometry.get("id")
    found = identity.get("id") if isinstance(identity, dict) else None
    return found if isinstance(found, int) else None


def _bounded_lines(file: TextIO) -> Iterator[tuple[int, str]]:
    """Number and text of lines that are not empty; of one that is too long only its beginning."""
    number = 0
    while line := file.readline(LONGEST_DOCUMENT + 1):
        number += 1
        if line.strip():
            yield number, line.strip()
        while line and not line.endswith("\n"):
            line = file.readline(LONGEST_DOCUMENT + 1)


def _is_document(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
