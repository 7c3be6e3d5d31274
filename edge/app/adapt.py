"""`edge models adapt`: trains a shipped network further on a site's own clips, labelled by a bigger detector."""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.adaptation import report
from edge.adaptation.labels import Shrink, Watched, consistent, split, watch
from edge.adaptation.matching import Found, Labels, Score, found_of
from edge.adaptation.variety import varied
from edge.app.footage import is_picture, length_of, rate_of, shown
from edge.app.models import model_path
from edge.core.errors import ConfigError, ModelError
from edge.perception.model_card import ModelCard
from edge.perception.network import Wish
from edge.perception.onnx_model import OnnxModel
from edge.ports import Image

MOST_WATCHED, MOST_LEARNT, MOST_HELD = 900, 400, 150
LEAST_LEARNT, LEAST_HELD = 40, 20
"""Sure boxes below which nothing is learned, or nothing is shown by comparing."""
LABEL_SHARE = 0.35
"""Of the time goes to the teacher at most."""
LEAST_FIT_S = 15.0
WATCH_HZ, BURST = 5.0, 8
EVERY_BOX = 0.02
"""Threshold for average precision."""
UNSURE = 0.6
"""The teacher's boxes are read from this share of its threshold; the lower ones only carry tracks on."""
RENDERED, RENDERED_HELD = 160, 40
SHEET_ROWS = 6
Pair = tuple[Image, Labels]


@dataclass(frozen=True, slots=True)
class Order:
    """What the user asked for; see `edge models adapt --help`."""

    clips: tuple[str, ...]
    teacher: str
    out: Path
    minutes: float
    start: str
    hold_out: str | None
    rendered: float
    threads: int
    force: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """Figures of a network on the held-out pictures, what it found in them, and figures on rendered ones."""

    table: report.Table
    found: list[Found]
    rendered: report.Table | None


class Clock:
    """How much of the time is gone."""

    def __init__(self, minutes: float) -> None:
        self._begun, self.seconds = time.monotonic(), 60.0 * minutes

    @property
    def gone_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._begun


def run_adapt(wish: Order) -> None:
    """Label, split, train, compare, write.

    Raises:
        EdgeError: a file does not read, there is too little to learn from, or the result is worse.
    """
    _refuse(wish)
    clock = Clock(wish.minutes)
    cv2.setNumThreads(wish.threads)
    path = _start_path(wish.start)
    start = OnnxModel.load(path, wish=Wish(threads=wish.threads))
    if start.card.layout != "yolox_raw":
        raise ModelError(
            start.name, f"cannot be trained: {start.card.layout}", remedy="start from roadside-nano"
        )
    teacher = OnnxModel.load(model_path(wish.teacher), wish=Wish(threads=wish.threads))
    _say(f"teacher {teacher.summary()}")
    watched = _watch_all(wish, teacher, start, clock)
    learnt, held = _parts(wish, watched, confidence=teacher.card.confidence)
    old = _rendered(start.input_size) if wish.rendered > 0 else []
    begun_s = clock.gone_s
    before = _compared(path, start.card, (held, old[RENDERED:]), threads=wish.threads)
    fit_s = clock.seconds - clock.gone_s - 2.0 - 1.5 * (clock.gone_s - begun_s)
    if fit_s < LEAST_FIT_S:
        raise ConfigError(
            "--minutes", f"only {max(0.0, fit_s):.0f} s are left for training", remedy="give more minutes"
        )
    _say(f"training for {fit_s:.0f} s")
    from edge.app.adapt_training import BATCH, train  # noqa: PLC0415 - needs torch, of the extra

    begun_s = clock.gone_s
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder) / "model.onnx"
        steps = train(
            path, start, (learnt, old[:RENDERED]), new, share=wish.rendered, threads=wish.threads,
            progress_at=lambda: (clock.gone_s - begun_s) / fit_s, labels_from=Path(wish.teacher).name,
        )  # fmt: skip
        after = _compared(new, start.card, (held, old[RENDERED:]), threads=wish.threads)
        course = report.Course(
            name=wish.out.resolve().name, start=start.name, start_licence=start.card.licence or "not stated",
            teacher=Path(wish.teacher).name, teacher_licence=teacher.card.licence or "not stated",
            clips=", ".join(Path(clip).name for clip in watched), learnt=len(learnt),
            boxes=sum(int(labels.sure.sum()) for _, labels in learnt), rendered=len(old[:RENDERED]),
            steps=steps, batch=BATCH, minutes=round(clock.gone_s / 60.0, 2), held=len(held), how=_how(wish),
            confidence=start.card.confidence,
        )  # fmt: skip
        _publish(wish, course, start.card, held=held, before=before, after=after, new=new)


def _rendered(size: tuple[int, int]) -> list[Pair]:
    from edge.app.adapt_renders import rendered_pictures  # noqa: PLC0415 - only where it is needed

    return list(rendered_pictures(RENDERED + RENDERED_HELD, size=size, seed=11))


def _compared(
    path: Path, card: ModelCard, parts: tuple[Sequence[Pair], Sequence[Pair]], *, threads: int
) -> Compared:
    table, found = _compare(path, card, parts[0], threads=threads)
    if not parts[1]:
        return Compared(table, found, None)
    rendered, _ = _compare(path, card, parts[1], threads=threads)
    return Compared(table, found, {name: row for name, row in rendered.items() if name != report.MOVING})


def _publish(
    wish: Order,
    course: report.Course,
    card: ModelCard,
    *,
    held: list[Pair],
    before: Compared,
    after: Compared,
    new: Path,
) -> None:
    """Print the comparison and write what there is to write. Raises `ModelError` where the result is worse."""
    rendered = (before.rendered, after.rendered) if before.rendered and after.rendered else None
    print("\n".join(report.table_lines(before.table, after.table)))
    if rendered is not None:
        print("\nrendered pictures of the demo, not learned from:")
        print("\n".join(report.table_lines(*rendered)))
    text = report.report_json(course, before.table, after.table, rendered=rendered)
    pictures = report.sheet(*_sheet_rows(held, before.found, after.found))
    try:
        wish.out.mkdir(parents=True, exist_ok=True)
        (wish.out / "report.json").write_text(text, encoding="utf-8")
        (wish.out / "sheet.png").write_bytes(cv2.imencode(".png", pictures)[1].tobytes())
        old, now = before.table["all"].ap50, after.table["all"].ap50
        if now < old and not wish.force:
            raise ModelError(
                course.name,
                f"is worse than its start on the held-out pictures: AP50 {now:.3f} after {old:.3f}; "
                "nothing but report.json and sheet.png was written",
                remedy="give more minutes or more varied clips; --force writes it all the same",
            )
        shutil.copyfile(new, wish.out / "model.onnx")
        words = report.card_text(course, before.table, after.table, rendered=rendered)
        _write_texts(wish.out, course, card, words)
    except OSError as error:
        raise ConfigError("--out", f"cannot be written: {error}", remedy="give another folder") from error
    _say(f"written: {wish.out}/model.onnx, model.toml, CARD.md, report.json, sheet.png")


def _refuse(wish: Order) -> None:
    """Raises `ConfigError` for what cannot be done, before any work."""
    for package in ("torch", "onnx"):
        if importlib.util.find_spec(package) is None:
            raise ConfigError(
                "",
                f"{package} is not installed",
                remedy="pip install 'roadside-edge[adapt]'; on x86 PyTorch's CPU build first, see models/README.md",
            )
    for clip in (*wish.clips, *([wish.hold_out] if wish.hold_out else [])):
        if is_picture(clip):
            raise ConfigError("--clip", f"{clip} is one picture", remedy="give a video of a minute or more")
    if wish.out.exists() and not wish.out.is_dir():
        raise ConfigError("--out", f"{wish.out} is no folder", remedy="give the name of a new folder")


def _start_path(start: str) -> Path:
    folder = Path(start) / "model.onnx"
    return folder if folder.is_file() else model_path(start)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _how(wish: Order) -> str:
    if wish.hold_out is not None:
        return f"the whole of {Path(wish.hold_out).name}, of which nothing was learned"
    return "the last 30 % of each clip, after a gap"


def _watch_all(wish: Order, teacher: OnnxModel, start: OnnxModel, clock: Clock) -> dict[str, Watched]:
    """What the teacher sees in every clip, within its share of the time."""
    clips = [*dict.fromkeys([*wish.clips, *([wish.hold_out] if wish.hold_out else [])])]
    low = OnnxModel.load(
        model_path(wish.teacher), wish=Wish(threads=wish.threads), confidence=UNSURE * teacher.card.confidence
    )
    width, height = start.input_size
    shrink = Shrink(width=width, height=height, stretch=start.card.padding == "stretch")
    watched: dict[str, Watched] = {}
    for number, clip in enumerate(clips):
        until_s = LABEL_SHARE * clock.seconds * (number + 1) / len(clips)
        most = min(MOST_WATCHED // len(clips), _affordable(clip, low, until_s - clock.gone_s))
        seen = watch(clip, _until(_bursts(clip, most), clock, until_s), teacher=low, shrink=shrink)
        watched[clip] = seen
        boxes = sum(len(each.confidence) for each in seen.boxes)
        _say(f"{clip}: {len(seen.image)} pictures watched, {boxes} boxes, {clock.gone_s:.0f} s")
    return watched


def _affordable(clip: str, teacher: OnnxModel, seconds: float) -> int:
    """Pictures that the teacher can look at in the time."""
    first = next(shown(clip, frames=1), None)
    if first is None:
        raise ConfigError("--clip", "the video has no picture", file=clip)
    teacher.detect(first[2])  # the first time takes longer
    begun = time.monotonic()
    for _ in range(3):
        teacher.detect(first[2])
    each = (time.monotonic() - begun) / 3
    return max(1, int(seconds / (1.3 * each + 0.02)))


def _bursts(clip: str, most: int) -> Iterator[tuple[float, Image]]:
    """Pictures at about 5 Hz; of a long clip, runs of eight with pauses, so that road users can be followed."""
    step = max(1, round(float(rate_of(clip)) / WATCH_HZ))
    length = (length_of(clip) or most * step) // step
    period = BURST * max(1.0, length / most)
    for number, second, image in shown(clip, every=step):
        if (number // step) % period < BURST:
            yield second, image


def _until(
    pictures: Iterator[tuple[float, Image]], clock: Clock, until_s: float
) -> Iterator[tuple[float, Image]]:
    for each in pictures:
        yield each
        if clock.gone_s > until_s:
            _say("the teacher's time is up: the rest of this clip is not used")
            return


def _parts(wish: Order, watched: dict[str, Watched], *, confidence: float) -> tuple[list[Pair], list[Pair]]:
    """Pictures to learn from and pictures held out. Raises `ConfigError` where there are too few boxes."""
    learnt: list[Pair] = []
    held: list[Pair] = []
    for clip, seen in watched.items():
        labels = consistent(seen, confidence=confidence)
        everything = list(range(len(labels)))
        if wish.hold_out is None:
            own, others = split(seen.second)
        else:
            own, others = ([], everything) if clip == wish.hold_out else (everything, [])
        learnt += [(seen.image[k], labels[k]) for k in own]
        held += [(seen.image[k], labels[k]) for k in others]
    held = held[:: max(1, -(-len(held) // MOST_HELD))]
    kept = varied([image for image, _ in learnt], [labels for _, labels in learnt], most=MOST_LEARNT)
    learnt = [learnt[k] for k in kept]
    for part, least, what in ((learnt, LEAST_LEARNT, "to learn from"), (held, LEAST_HELD, "held out")):
        count = sum(int(labels.sure.sum()) for _, labels in part)
        _say(f"{len(part)} pictures {what}, {count} sure boxes")
        if count < least:
            raise ConfigError(
                "--clip",
                f"the teacher is sure of {count} boxes in the pictures {what}: {least} are needed",
                remedy="give longer clips with more traffic, more minutes, or a teacher that finds more",
            )
    return learnt, held


def _compare(
    path: Path, card: ModelCard, pictures: Sequence[Pair], *, threads: int
) -> tuple[report.Table, list[Found]]:
    """Figures of a network on labelled pictures, and what it found above its own threshold."""
    model = OnnxModel.load(
        path, card=dataclasses.replace(card, confidence=EVERY_BOX), wish=Wish(threads=threads)
    )
    score, moving, shown_boxes = Score(confidence=card.confidence), Score(confidence=card.confidence), []
    for image, labels in pictures:
        found = found_of(model.detect(image))
        score.add(found, labels)
        moving.add(found, dataclasses.replace(labels, sure=labels.sure & labels.moving))
        shown_boxes.append(found.surer_than(card.confidence))
    return {**score.figures(), report.MOVING: moving.figures()["all"]}, shown_boxes


def _sheet_rows(
    held: list[Pair], before: list[Found], after: list[Found]
) -> tuple[list[Image], list[tuple[Labels, Found, Found]]]:
    """The fullest picture of each of some equal parts of the held-out pictures."""
    parts = np.array_split(np.arange(len(held)), min(SHEET_ROWS, len(held)))
    chosen = [int(max(part, key=lambda k: held[k][1].sure.sum())) for part in parts]
    return [held[k][0] for k in chosen], [(held[k][1], before[k], after[k]) for k in chosen]


def _write_texts(out: Path, course: report.Course, card: ModelCard, text: str) -> None:
    about = {
        "adapted_from": course.start,
        "labels_from": course.teacher,
        "labels_licence": course.teacher_licence,
        "clips": course.clips,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    own = dataclasses.replace(card, name=course.name)
    (out / "model.toml").write_text(report.card_toml(own, about), encoding="utf-8")
    (out / "CARD.md").write_text(text, encoding="utf-8")
