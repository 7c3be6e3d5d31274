"""The card beside a model is read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.core.errors import ModelError
from edge.core.kinds import ObjectClass
from edge.perception.classes import COCO_CLASSES, USUAL_CLASSES, kinds_of
from edge.perception.model_card import ModelCard, load_card


def card_of(directory: Path, text: str) -> ModelCard:
    (directory / "model.toml").write_text(text)
    return load_card(directory / "model.onnx")


def test_bare_file_leaves_everything_to_the_file(tmp_path: Path) -> None:
    card = load_card(tmp_path / "yolox_nano.onnx")
    assert (card.name, card.layout, card.colour, card.classes) == ("yolox_nano", "auto", None, None)


def test_usual_class_lists_hold_the_road_users() -> None:
    columns = kinds_of(COCO_CLASSES)
    assert {k: int(columns[k]) for k in (0, 1, 2, 3, 5, 7)} == {
        0: ObjectClass.PEDESTRIAN,
        1: ObjectClass.BICYCLE,
        2: ObjectClass.CAR,
        3: ObjectClass.MOTORCYCLE,
        5: ObjectClass.BUS,
        7: ObjectClass.TRUCK,
    }
    assert (columns >= 0).sum() == 6
    for length, names in USUAL_CLASSES.items():
        assert len(names) == length
        assert set(kinds_of(names).tolist()) >= {-1, ObjectClass.CAR, ObjectClass.BUS, ObjectClass.PEDESTRIAN}


def test_every_key_is_read(tmp_path: Path) -> None:
    card = card_of(
        tmp_path,
        'name = "own"\nlayout = "yolox_decoded"\ninput_size = [480, 288]\ncolour = "rgb"\nscale = 0.5\n'
        'mean = [1, 2.5, 3]\nstd = [2, 2, 2]\npadding = "centre"\npad_value = 0\nstrides = [8, 16]\n'
        'classes = ["car"]\nconfidence = 0.2\nnms_iou = 0.7\nlicence = "MIT"\n[about]\ntrained_on = "streets"\n',
    )
    assert card == ModelCard(
        name="own",
        layout="yolox_decoded",
        input_size=(480, 288),
        colour="rgb",
        scale=0.5,
        mean=(1.0, 2.5, 3.0),
        std=(2.0, 2.0, 2.0),
        padding="centre",
        pad_value=0,
        strides=(8, 16),
        classes=("car",),
        licence="MIT",
        confidence=0.2,
        nms_iou=0.7,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("confidense = 0.3", "unknown key confidense"),
        ("confidence = 3", "confidence"),
        ('confidence = "high"', "wrong type"),
        ("input_size = [480]", "wrong type"),
        ("mean = [1, 2]", "wrong type"),
        ("strides = [true]", "wrong type"),
        ("std = [1, 0, 1]", "std"),
        ('layout = "sdd"', "layout"),
        ('colour = "grey"', "colour"),
        ('classes = ["tree"]', "classes"),
        ("strides = []", "strides"),
        ("= 3", "does not read"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        card_of(tmp_path, text)
    assert "model.toml" in str(caught.value)
    assert caught.value.remedy


def test_shipped_card_reads() -> None:
    shipped = Path(__file__).resolve().parents[3] / "models" / "roadside-nano" / "model.onnx"
    card = load_card(shipped)
    assert (card.name, card.layout, len(card.classes or ())) == ("roadside-nano", "yolox_raw", 6)


def test_card_of_the_files_own_name_goes_first(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text('colour = "bgr"')
    (tmp_path / "small.toml").write_text('colour = "rgb"')
    assert load_card(tmp_path / "small.onnx").colour == "rgb"
    assert load_card(tmp_path / "large.onnx").colour == "bgr"
