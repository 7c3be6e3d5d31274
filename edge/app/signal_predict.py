"""`edge signal predict`: how well the ends of greens in a log of controller events are predicted."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

EventsArgument = Annotated[
    Path, typer.Argument(help="Parquet file: TimeStamp, DeviceId, EventId, Parameter", show_default=False)
]


def predict(events: EventsArgument) -> None:
    """Learn and predict in time order, and print how far off the likely ends of greens were.

    Asked at every second of every green from the 21st of each phase on; the last line is one JSON object.

    Example: edge signal predict hires.parquet
    """
    from edge.app.event_log import read_events  # noqa: PLC0415 - after --help

    print_report(read_events(events))


def print_report(logs: Mapping[Any, Any]) -> dict[str, float]:
    """Predict each controller's log and print the figures; returns those of the last line."""
    from edge.signals.prediction_figures import figures_of  # noqa: PLC0415
    from edge.signals.prediction_replay import Replay  # noqa: PLC0415

    samples, blind = [], []
    for index, (device, events) in enumerate(sorted(logs.items()), start=1):
        typer.echo(f"controller {device}, {index} of {len(logs)}: {len(events.code)} events", err=True)
        samples += list(Replay(device).samples(events))
        blind += list(Replay(device, reported=False).samples(events))
    print(_HEADER)
    for name, some in _sets(samples):
        _print_row(name, figures_of(some))
    _print_row("no cycle told", figures_of(blind))
    whole = figures_of(samples)
    if whole is None:
        typer.echo("no phase has more than 20 whole greens: nothing to predict", err=True)
        raise typer.Exit(1)
    figures = {key: round(value, 4) for key, value in dataclasses.asdict(whole).items()}
    figures["early_end_violations"] = sum(sample.promise_broken for sample in samples)
    print(json.dumps({"bench": "prediction", "figures": figures}))
    return figures


_HEADER = (
    f"{'greens':<22}{'seconds':>8}{'error':>8}{'baseline':>10}{'ratio':>8}{'95 % interval':>17}{'inside':>8}"
    f"{'width':>8}{'conf. gap':>11}"
)


def _sets(samples: Iterable[Any]) -> Iterable[tuple[str, list[Any]]]:
    """What the rows are made of: all, each controller, each cause, each phase."""
    every = list(samples)
    yield "all", every
    for key, label in (("device", "controller {}"), ("cause", "{}")):
        for value in sorted({getattr(sample, key) for sample in every}):
            yield label.format(value), [sample for sample in every if getattr(sample, key) == value]
    for device, phase in sorted({(sample.device, sample.phase) for sample in every}):
        some = [sample for sample in every if (sample.device, sample.phase) == (device, phase)]
        yield f"  {device} phase {phase}", some


def _print_row(name: str, found: Any) -> None:
    if found is None:
        return
    interval = f"{found.ratio_low:.3f}-{found.ratio_high:.3f}"
    print(
        f"{name:<22}{found.samples:>8}{found.mae_s:>8.2f}{found.baseline_mae_s:>10.2f}{found.mae_ratio:>8.3f}"
        f"{interval:>17}{found.coverage_90:>8.3f}{found.interval_s:>8.1f}{found.confidence_gap:>11.3f}"
    )
