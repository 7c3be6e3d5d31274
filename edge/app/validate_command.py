"""The command `edge validate`; what it does is in `edge.app.validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def validate(
    file: Annotated[
        Path, typer.Argument(help="recorded SPaT and MAP: JSON or hexadecimal lines, TYPE,ms,JSON")
    ],
    map_path: Annotated[
        Path | None, typer.Option("--map", help="MAP to check against; it comes before those of the file")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a finding")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="remarks count for the exit status too")] = False,
    tolerance_s: Annotated[
        float, typer.Option(help="a promised end may move by this: many controllers count whole seconds")
    ] = 1.0,
    minimum_data: Annotated[
        bool | None,
        typer.Option(
            "--minimum-data/--no-minimum-data",
            help="judge minimum data (CTI 4501); else of J2735 files that have not both, MAP and SPaT",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Check recorded J2735 or T/CSAE signal messages: colours, ends, clock, rate, groups of the MAP, minimum data.

    Ends with 1 when colours or timing are in doubt or minimum data are missing, 0 when not, 2 when the file cannot be
    read.

    Example: edge validate spat.jsonl --map map.json
    """
    from edge.app.validate import validate_file  # noqa: PLC0415 - heavy

    status = validate_file(
        file,
        map_path=map_path,
        as_json=as_json,
        strict=strict,
        tolerance_s=tolerance_s,
        minimum_data=minimum_data,
    )
    if status:
        raise typer.Exit(status)
