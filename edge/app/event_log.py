"""Reads logs of controller events: Parquet files with the columns TimeStamp, DeviceId, EventId, Parameter."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from edge.core.errors import ConfigError
from edge.signals.prediction_replay import Events

COLUMNS = ("TimeStamp", "DeviceId", "EventId", "Parameter")
_NUMBER = re.compile(r"-?\d+")
_QUERY = """
SELECT coalesce(try_cast("DeviceId"::VARCHAR AS BIGINT)::VARCHAR, "DeviceId"::VARCHAR),
    epoch_us("TimeStamp"::TIMESTAMP) / 1e6, "EventId"::BIGINT, "Parameter"::BIGINT
FROM read_parquet(?)
WHERE "TimeStamp" IS NOT NULL AND "DeviceId" IS NOT NULL AND "EventId" IS NOT NULL AND "Parameter" IS NOT NULL
"""


def read_events(path: Path) -> dict[int, Events] | dict[str, Events]:
    """The events of each controller in time order, events of one instant in the order of the file.

    Keys are numbers where all controllers have one, else names. Local times are taken as they stand.
    Raises `ConfigError` where the file or the reader of Parquet is missing.
    """
    try:
        import duckdb  # noqa: PLC0415 - the node does without
    except ModuleNotFoundError as error:
        raise ConfigError(
            "edge signal predict",
            "no reader of Parquet files is installed",
            remedy="pip install 'roadside-edge[events]'",
        ) from error
    if not path.is_file():
        raise ConfigError(str(path), "no such file", remedy="give a Parquet file of controller events")
    try:
        found: dict[str, Any] = duckdb.connect().execute(_QUERY, [str(path)]).fetchnumpy()
    except duckdb.Error as error:
        problem = str(error).splitlines()[0]
        raise ConfigError(
            str(path), problem, remedy=f"a Parquet file with the columns {', '.join(COLUMNS)}"
        ) from error
    device, time_s, code, parameter = (np.ma.getdata(column) for column in found.values())
    order = np.argsort(time_s, kind="stable")
    device, time_s, code, parameter = (column[order] for column in (device, time_s, code, parameter))
    logs = {
        str(name): Events(*(column[device == name] for column in (time_s, code, parameter)))
        for name in np.unique(device.astype(str))
    }
    if all(_NUMBER.fullmatch(name) for name in logs):
        return {int(name): log for name, log in logs.items()}
    return logs
