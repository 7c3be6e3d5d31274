"""`edge models quantise`: an INT8 file of a detector that finds the same boxes on the user's own clips, or none."""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.adaptation.labels import split
from edge.adaptation.matching import Agreement, found_of
from edge.adaptation.report import card_toml
from edge.app.footage import length_of, shown
from edge.app.models import model_path
from edge.core.errors import ConfigError, ModelError
from edge.perception.onnx_model import OnnxModel
from edge.ports import Image

CALIBRATION, HELD_OUT = 40, 80
"""Pictures of all clips together."""
LEAST_BOXES = 20
TURNS = 40
"""Runs of each network, in turns, for the ratio of their times."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One recipe: its file, how far its boxes agree, boxes of both, its time over the float one's, and its size."""

    words: str
    path: Path
    agreement: Agreement
    ratio: float
    megabytes: float

    def line(self) -> str:
        """For people."""
        same = self.agreement
        return (
            f"{same.share:7.1%}  {same.both} of {same.first} boxes, {same.second - same.both} new; "
            f"{self.megabytes:.2f} MB, {self.ratio:.2f} of the time: {self.words}"
        )


def run_quantise(model: str, *, clips: Sequence[str], out: Path, least: float) -> None:
    """Try the recipes in order, keep the best one that agrees well enough.

    Raises:
        EdgeError: a file does not read, the pictures do not tell, or no recipe reaches `least`.
    """
    source = model_path(model)
    _refuse(source, out)
    whole = OnnxModel.load(source)
    if whole.runtime.entry.dtype != np.float32:
        raise ModelError(
            whole.name, f"takes {whole.runtime.entry.dtype.__name__}", remedy="give the float32 file"
        )
    learnt, held = _pictures(clips)
    print(f"{len(learnt)} pictures to calibrate on, {len(held)} held out to compare on", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        trials = _trials(source, whole, learnt, held, Path(folder))
        good = [trial for trial in trials if trial.agreement.share >= least]
        if not good:
            best = max(trials, key=lambda trial: trial.agreement.share)
            raise ModelError(
                whole.name,
                f"the best of {len(trials)} ways agrees in {best.agreement.share:.1%} of the boxes "
                f"({best.agreement.both} of {best.agreement.first}, "
                f"{best.agreement.second - best.agreement.both} new; {best.words}), less than {least:.0%}: "
                "nothing was written",
                remedy="keep the float32 file, or give more pictures of the site",
            )
        best = max(good, key=lambda trial: (trial.agreement.share, -trial.megabytes))
        shutil.copyfile(best.path, out)
        _write_card(out, source, whole, best)
    print(
        f"{out}: {best.megabytes:.2f} MB instead of {source.stat().st_size / 1e6:.2f}, "
        f"{best.agreement.share:.1%} of {best.agreement.first} boxes agree, {best.ratio:.2f} of the time; {best.words}"
    )
    if best.ratio > 1.0:
        print("INT8 is slower than float32 on this processor: it saves space only", file=sys.stderr)


def _refuse(source: Path, out: Path) -> None:
    """Raises `ConfigError` for what cannot be done, before any work."""
    if importlib.util.find_spec("onnx") is None:
        raise ConfigError("", "onnx is not installed", remedy="pip install 'roadside-edge[quantise]'")
    if out.suffix.lower() != ".onnx":
        raise ConfigError("--out", f"{out.name} is not the name of a model", remedy="end it in .onnx")
    if not out.parent.is_dir():
        raise ConfigError("--out", f"there is no folder {out.parent}", remedy="make it first")
    if out.resolve() == source.resolve():
        raise ConfigError("--out", "is the model itself", remedy="give another name")
    card = out.with_suffix(".toml")
    if card.is_file() and "quantised_from" not in card.read_text(encoding="utf-8"):
        raise ConfigError("--out", f"{card.name} beside it is of another model", remedy="give another name")


def _pictures(clips: Sequence[str]) -> tuple[list[Image], list[Image]]:
    """Pictures to calibrate on, and later ones to compare on. Raises `ConfigError` where there are too few."""
    learnt: list[Image] = []
    held: list[Image] = []
    wanted = max(2, -(-(CALIBRATION + HELD_OUT) * 2 // len(clips)))
    for clip in clips:
        every = max(1, (length_of(clip) or wanted) // wanted)
        seen = list(shown(clip, every=every, frames=2 * wanted))
        first, last = split([second for _, second, _ in seen])
        learnt += [seen[k][2] for k in _spread(first, CALIBRATION // len(clips))]
        held += [seen[k][2] for k in _spread(last, HELD_OUT // len(clips))]
    if not learnt or not held:
        raise ConfigError(
            "--clip", "too few pictures", remedy="give a video, or a folder of ten pictures or more"
        )
    return learnt, held


def _spread(members: list[int], most: int) -> list[int]:
    """At most so many, evenly."""
    if len(members) <= most:
        return members
    return [members[int(k)] for k in np.linspace(0, len(members) - 1, max(1, most))]


def _trials(
    source: Path, whole: OnnxModel, learnt: list[Image], held: list[Image], folder: Path
) -> list[Trial]:
    """Every recipe's file, compared with the float one."""
    from edge.adaptation.quantise import RECIPES, Source  # noqa: PLC0415 - needs onnx

    truth = [found_of(whole.detect(image)) for image in held]
    count = sum(len(found.kind) for found in truth)
    if count < LEAST_BOXES:
        raise ConfigError(
            "--clip",
            f"the model finds {count} boxes in {len(held)} pictures held out: {LEAST_BOXES} are needed",
            remedy="give clips with more traffic",
        )
    ready, feeds, trials = Source(source, folder), [whole.feed(image) for image in learnt], []
    seen: set[bytes] = set()
    for recipe in RECIPES:
        path = ready.quantised(recipe, feeds)
        if path is None or path.read_bytes() in seen:
            continue
        seen.add(path.read_bytes())
        small = OnnxModel.load(path, card=whole.card)
        agreement = Agreement()
        for image, found in zip(held, truth, strict=True):
            agreement.add(found, found_of(small.detect(image)))
        size = path.stat().st_size / 1e6
        trials.append(Trial(recipe.words, path, agreement, _ratio(whole, small, held[0]), size))
        print(trials[-1].line(), file=sys.stderr, flush=True)
    if not trials:
        raise ModelError(whole.name, "has nothing to quantise", remedy="use it as it is")
    return trials


def _ratio(whole: OnnxModel, small: OnnxModel, image: Image) -> float:
    """Time of a picture with the INT8 network over that with the float one, in turns."""
    from edge.adaptation.quantise import speed_ratio  # noqa: PLC0415 - needs onnx

    spent: tuple[list[float], list[float]] = ([], [])
    for turn in range(TURNS):
        for model, times in zip((whole, small), spent, strict=True):
            begun = time.perf_counter()
            model.detect(image)
            if turn:
                times.append(time.perf_counter() - begun)
    return speed_ratio(*spent)


def _write_card(out: Path, source: Path, whole: OnnxModel, best: Trial) -> None:
    card = dataclasses.replace(
        whole.card, name=out.stem if out.stem != "model" else out.resolve().parent.name
    )
    about: dict[str, str | float] = {
        "quantised_from": source.name if source.stem != "model" else source.parent.name,
        "recipe": best.words,
        "agreement": round(best.agreement.share, 4),
        "boxes_compared": best.agreement.first,
        "new_boxes": best.agreement.second - best.agreement.both,
        "megabytes": round(best.megabytes, 2),
        "megabytes_before": round(source.stat().st_size / 1e6, 2),
        "time_ratio": round(best.ratio, 2),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    out.with_suffix(".toml").write_text(card_toml(card, about), encoding="utf-8")
