"""`edge models`: what a file is and whether it is fed what it wants."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from edge.app.footage import shown
from edge.app.model_commands import app
from edge.core.errors import ConfigError, ModelError
from tests.unit.perception.graphs import raw_rows, save_constant


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    return result.output


def test_shipped_models_are_listed() -> None:
    shown = run("list")
    assert "roadside-nano" in shown
    assert "background" in shown


def test_inspection_says_how_a_file_is_used(tmp_path: Path) -> None:
    path = save_constant(tmp_path / "m.onnx", raw_rows([(20.0, 30.0, 12.0, 10.0, 0.9, 2)]))
    shown = json.loads(run("inspect", str(path), "--json"))
    assert shown["layout"] == "yolox_raw"
    assert shown["input_size"] == [96, 64]
    assert shown["classes"] == 80
    assert "car" in shown["named_classes"]
    assert "yolox_raw" in run("inspect", str(path))


def test_shipped_model_is_fed_what_it_wants() -> None:
    assert "as far as this picture tells" in run("check", "roadside-nano")


def test_wrong_colours_are_noticed(tmp_path: Path) -> None:
    shipped = Path(__file__).resolve().parents[3] / "models" / "roadside-nano"
    (tmp_path / "model.onnx").write_bytes((shipped / "model.onnx").read_bytes())
    card = (shipped / "model.toml").read_text()
    (tmp_path / "model.toml").write_text(card.replace("confidence", "scale = 0.003\nconfidence"))
    with pytest.raises(ModelError, match="scale 1") as caught:
        run("check", str(tmp_path / "model.onnx"))
    assert "model.toml" in caught.value.remedy


def test_empty_picture_tells_nothing(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((288, 480, 3), 90, np.uint8))
    with pytest.raises(ConfigError, match="tells nothing"):
        run("check", "roadside-nano", "--picture", str(tmp_path / "grey.png"))


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("yolox_nano", "scale = 0.00392", "scale 1 "),
        ("deimv2_atto_int8", 'colour = "bgr"', "colour rgb"),
        ("nanodet_hpc", 'colour = "rgb"', "colour bgr"),
    ],
)
def test_what_a_real_model_is_fed_wrongly_is_named(
    data_dir: Path, tmp_path: Path, name: str, wrong: str, said: str
) -> None:
    *_, (_, _, street) = shown(str(data_dir / "media" / "ahmetozlu_highway.mp4"), every=130, frames=2)
    cv2.imwrite(str(tmp_path / "street.png"), street)
    (tmp_path / "m.onnx").write_bytes((data_dir / "models" / f"{name}.onnx").read_bytes())
    check = ("check", str(tmp_path / "m.onnx"), "--picture", str(tmp_path / "street.png"))
    assert "as far as this picture tells" in run(*check)
    (tmp_path / "m.toml").write_text(wrong)
    with pytest.raises(ModelError, match=said):
        run(*check)
