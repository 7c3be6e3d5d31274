"""`edge evaluate`: figures of tracks against the truth."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.core.errors import CodecError, ConfigError
from edge.evaluation import Figures, score

_WORDS = {
    "hota": "HOTA",
    "deta": "DetA",
    "assa": "AssA",
    "idf1": "IDF1",
    "mota": "MOTA",
    "id_switches": "ID switches",
    "fragments": "fragments",
    "false_positives": "false positives",
    "misses": "misses",
    "gospa": "GOSPA, m",
    "rmse_m": "position RMSE, m",
    "velocity_rmse_mps": "velocity RMSE, m/s",
    "nees": "NEES (2 is exact)",
    "confirm_median_s": "confirm delay, median s",
    "confirm_p95_s": "confirm delay, 95 % s",
    "never_found": "never found",
}


def run_evaluate(
    truth: Path, tracks: Path, *, as_json: bool, radius_m: float | None, skip_s: float
) -> Figures:
    """Score two files and print the figures.

    Raises:
        ConfigError, CodecError: a file cannot be read, or a line has no such form.
    """
    figures = score(_lines(truth), _lines(tracks), radius_m=radius_m, skip_s=skip_s)
    values = {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in dataclasses.asdict(figures).items()
    }
    if as_json:
        print(json.dumps(values))
        return figures
    print(
        f"{figures.instants} instants, {figures.objects} road user instants, {figures.tracks} track instants"
    )
    for name, words in _WORDS.items():
        value = values[name]
        shown = "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
        print(f"{words:<26}{shown:>12}")
    return figures


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, start=1):
                if text.strip():
                    yield _decoded(text, path, number)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("", f"cannot be read: {error}", file=str(path)) from error


def _decoded(text: str, path: Path, number: int) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"{path} line {number}", f"no JSON: {error}") from error
    if not isinstance(line, dict):
        raise CodecError(f"{path} line {number}", "no JSON object")
    return line
