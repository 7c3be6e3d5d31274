"""`edge models adapt`: what is asked for is checked first, and a worse model is not written."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.adaptation import report
from edge.adaptation.matching import Figures, Found, Labels
from edge.app import adapt
from edge.app.adapt_renders import rendered_pictures
from edge.app.models import model_path
from edge.core.errors import ConfigError, ModelError
from edge.perception.model_card import load_card
from edge.perception.onnx_model import OnnxModel

COURSE = report.Course(
    name="north", start="roadside-nano", start_licence="Apache-2.0", teacher="big.onnx",
    teacher_licence="AGPL-3.0", clips="north.mp4", learnt=9, boxes=50, rendered=0, steps=10, batch=8, minutes=1.0,
    held=3, how="the last 30 % of each clip, after a gap", confidence=0.35,
)  # fmt: skip


def wish(out: Path, **changed: Any) -> adapt.Order:
    start = adapt.Order(("north.mp4",), "big.onnx", out, 10.0, "roadside-nano", None, 0.2, 1, False)
    return dataclasses.replace(start, **changed)


def compared(ap50: float) -> adapt.Compared:
    none = Found(np.empty((0, 4)), np.empty(0), np.empty(0, np.int64))
    return adapt.Compared({"all": Figures(30, ap50, 0.5, 0.5)}, [none], None)


def publish(path: Path, *, before: float, after: float, force: bool) -> None:
    held = [
        (
            np.zeros((72, 120, 3), np.uint8),
            Labels(np.array([[1.0, 2, 30, 40]]), np.array([0]), np.ones(1, bool), np.ones(1, bool)),
        )
    ]
    adapt._publish(
        wish(path, force=force), COURSE, OnnxModel.load(model_path("roadside-nano")).card,
        held=held, before=compared(before), after=compared(after), new=model_path("roadside-nano"),
    )  # fmt: skip


def test_missing_torch_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    with pytest.raises(ConfigError, match="torch is not installed") as caught:
        adapt.run_adapt(wish(tmp_path))
    assert "roadside-edge[adapt]" in caught.value.remedy


def test_one_picture_is_no_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    with pytest.raises(ConfigError, match="one picture"):
        adapt.run_adapt(wish(tmp_path, clips=("street.png",)))


def test_worse_model_is_not_written_unless_forced(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"0\.400 after 0\.500"):
        publish(tmp_path / "site", before=0.5, after=0.4, force=False)
    assert sorted(path.name for path in (tmp_path / "site").iterdir()) == ["report.json", "sheet.png"]
    publish(tmp_path / "site", before=0.5, after=0.4, force=True)
    assert (tmp_path / "site" / "model.onnx").is_file()


def test_new_model_says_where_its_labels_come_from(tmp_path: Path) -> None:
    publish(tmp_path / "site", before=0.1, after=0.9, force=False)
    card = (tmp_path / "site" / "CARD.md").read_text()
    assert "not the truth" in card
    assert "AGPL-3.0" in card
    assert "| all | 30 | 0.100 | 0.900 |" in card
    about = tomllib.loads((tmp_path / "site" / "model.toml").read_text())["about"]
    assert (about["labels_from"], about["labels_licence"]) == ("big.onnx", "AGPL-3.0")
    assert json.loads((tmp_path / "site" / "report.json").read_text())["after"]["all"]["ap50"] == 0.9
    assert load_card(tmp_path / "site" / "model.onnx").layout == "yolox_raw"
    assert OnnxModel.load(tmp_path / "site" / "model.onnx").input_size == (480, 288)


def test_rendered_pictures_have_labels_of_every_kind() -> None:
    pictures = list(rendered_pictures(5, size=(480, 288), seed=3))
    assert all(image.shape == (288, 480, 3) for image, _ in pictures)
    kinds = {int(kind) for _, labels in pictures for kind in labels.kind[labels.sure]}
    assert kinds >= {0, 5}
