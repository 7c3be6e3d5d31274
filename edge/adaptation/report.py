"""What an adaptation did, in words, numbers and pictures: table, card, model.toml and a sheet of held-out pictures."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge.adaptation.matching import Figures, Found, Labels
from edge.core.kinds import CLASS_COUNT
from edge.perception.draw import draw_boxes
from edge.perception.model_card import ModelCard
from edge.ports import Boxes, Image

Table = Mapping[str, Figures]
MOVING = "all that moved"
_SHEET_WIDTH_PX = 640
_HEADING_PX = 26
_FOR_THE_RUN = {"name", "confidence", "nms_iou", "pad_value"}
_CARD = """# {name}

`{start}`, trained further on pictures of one site. It is for that site's cameras and says nothing about others.

**Its labels are not the truth.** No person looked at them: they are what the detector `{teacher}` found in the same
clips, where it found it in three pictures or more. What that detector overlooks or takes for something else, this one
has learned to overlook and to take for that too. The figures below tell how far the two agree, not how good either is.

| | |
|---|---|
| start | `{start}`, licence {start_licence} |
| labels | `{teacher}`, licence {teacher_licence}: whether labels from it bind these weights is for you to find out |
| clips | {clips} |
| learned from | {learnt} pictures with {boxes} sure boxes, {rendered} rendered pictures against forgetting |
| training | {steps} steps of {batch} pictures, {minutes:.1f} minutes |
| held out | {held} pictures: {how} |

## Figures on the held-out pictures

A box is right when its class is that of the label and IoU is 0.5 or more. Boxes of classes without a label count
against the precision of `all`. `all that moved` leaves out what stood all the time, which a network can learn by heart;
so read that row first. Recall and precision at confidence
{confidence}.

{table}

Held out is not independent: camera, place, weather and parked vehicles are those of the training, unless a whole clip
was held out. Look at `sheet.png`, and at pictures of another day, before you rely on it.
{forgetting}"""


@dataclass(frozen=True, slots=True)
class Course:
    """How an adaptation went; the fields are those of the card."""

    name: str
    start: str
    start_licence: str
    teacher: str
    teacher_licence: str
    clips: str
    learnt: int
    boxes: int
    rendered: int
    steps: int
    batch: int
    minutes: float
    held: int
    how: str
    confidence: float


def table_lines(before: Table, after: Table) -> list[str]:
    """A table of every class, before and after; readable as text and as Markdown."""
    lines = [
        "| class | labels | AP50 before | after | recall before | after | precision before | after |",
        "|---|---|---|---|---|---|---|---|",
    ]
    none = Figures(0, 0.0, 0.0, 0.0)
    last = ("all", MOVING)
    for name in sorted(set(before) | set(after), key=lambda name: (name in last, name)):
        old, new = before.get(name, none), after.get(name, none)
        cells = [old.ap50, new.ap50, old.recall, new.recall, old.precision, new.precision]
        labels = max(old.labels, new.labels)
        if labels or (name in last and name in before):
            lines.append(f"| {name} | {labels} | " + " | ".join(f"{value:.3f}" for value in cells) + " |")
    return lines


def card_text(course: Course, before: Table, after: Table, *, rendered: tuple[Table, Table] | None) -> str:
    """The CARD.md of the new model."""
    forgetting = ""
    if rendered is not None:
        lines = "\n".join(table_lines(*rendered))
        forgetting = f"\n## What it forgot\n\nRendered pictures of the demo, not learned from:\n\n{lines}\n"
    table = "\n".join(table_lines(before, after))
    return _CARD.format(**dataclasses.asdict(course), table=table, forgetting=forgetting)


def report_json(course: Course, before: Table, after: Table, *, rendered: tuple[Table, Table] | None) -> str:
    """Everything as one JSON object."""
    shown = {"before": before, "after": after}
    if rendered is not None:
        shown |= {"rendered_before": rendered[0], "rendered_after": rendered[1]}
    figures = {
        key: {name: dataclasses.asdict(entry) for name, entry in table.items()}
        for key, table in shown.items()
    }
    return json.dumps({**dataclasses.asdict(course), **figures}, indent=2)


def card_toml(card: ModelCard, about: Mapping[str, str | float]) -> str:
    """A `model.toml` that says everything of a completed card, and where the model comes from."""
    lines = [
        f"{key} = {json.dumps(value)}"
        for key, value in dataclasses.asdict(card).items()
        if value is not None and (key in _FOR_THE_RUN or value != getattr(ModelCard(), key))
    ]
    return "\n".join([*lines, "", "[about]", *(f"{k} = {json.dumps(v)}" for k, v in about.items()), ""])


def sheet(images: Sequence[Image], rows: Sequence[tuple[Labels, Found, Found]]) -> Image:
    """A picture for people: a row a held-out picture; what the teacher says, and the network before and after."""
    lines = []
    for image, (labels, before, after) in zip(images, rows, strict=True):
        sure = Found(labels.box_px[labels.sure], np.ones(int(labels.sure.sum())), labels.kind[labels.sure])
        cells = [
            _cell(image, found, heading)
            for found, heading in ((sure, "teacher"), (before, "before"), (after, "after"))
        ]
        lines.append(np.concatenate(cells, axis=1))
    width = max(line.shape[1] for line in lines)
    padded = [cv2.copyMakeBorder(line, 0, 4, 0, width - line.shape[1], cv2.BORDER_CONSTANT) for line in lines]
    return np.asarray(np.concatenate(padded), dtype=np.uint8)


def _cell(image: Image, found: Found, heading: str) -> Image:
    factor = _SHEET_WIDTH_PX / image.shape[1]
    size = (_SHEET_WIDTH_PX, round(image.shape[0] * factor))
    large = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    odds = np.full((len(found.kind), CLASS_COUNT), -5.0)
    odds[np.arange(len(found.kind)), found.kind] = 5.0
    drawn = draw_boxes(large, Boxes((found.box_px * factor).astype(np.float32), found.confidence, odds))
    cell = cv2.copyMakeBorder(drawn, _HEADING_PX, 0, 0, 4, cv2.BORDER_CONSTANT)
    text = f"{heading}: {len(found.kind)}"
    cv2.putText(cell, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(cell, dtype=np.uint8)
