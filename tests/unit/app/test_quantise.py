"""`edge models quantise`: a smaller file that finds the same boxes, or a refusal with the figures."""

from __future__ import annotations

import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.adaptation import quantise as recipes
from edge.app import quantise
from edge.app.adapt_renders import rendered_pictures
from edge.app.models import model_path
from edge.core.errors import ConfigError, ModelError
from edge.perception.onnx_model import OnnxModel


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of rendered pictures."""
    folder = tmp_path_factory.mktemp("street")
    for number, (image, _) in enumerate(rendered_pictures(16, size=(480, 288), seed=5)):
        cv2.imwrite(str(folder / f"{number:02d}.png"), image)
    return folder


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantise, "TURNS", 3)
    monkeypatch.setattr(recipes, "RECIPES", recipes.RECIPES[2:3])


def test_smaller_file_finds_the_same_boxes(
    street: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "small.onnx"
    quantise.run_quantise("roadside-nano", clips=[str(street)], out=out, least=0.8)
    assert "boxes agree" in capsys.readouterr().out
    assert out.stat().st_size < 0.5 * model_path("roadside-nano").stat().st_size
    about = tomllib.loads(out.with_suffix(".toml").read_text())["about"]
    assert about["quantised_from"] == "roadside-nano"
    assert 0.8 <= about["agreement"] <= 1.0
    small, whole = OnnxModel.load(out), OnnxModel.load(model_path("roadside-nano"))
    assert small.card.classes == whole.card.classes
    image = np.asarray(cv2.imread(str(street / "15.png")), np.uint8)
    assert len(small.detect(image).confidence) > 0
    with pytest.raises(ModelError, match="quantised already"):
        quantise.run_quantise(str(out), clips=[str(street)], out=tmp_path / "again.onnx", least=0.8)


def test_what_agrees_too_little_is_not_written(
    street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(self: object, *_: object) -> None:
        """A network that found nothing of what the other did."""
        self.first += 10  # type: ignore[attr-defined]

    monkeypatch.setattr(quantise.Agreement, "add", nothing)
    out = tmp_path / "small.onnx"
    with pytest.raises(ModelError, match=r"0\.0%.*less than 95%: nothing was written"):
        quantise.run_quantise("roadside-nano", clips=[str(street)], out=out, least=0.95)
    assert not out.exists()


def test_first_last_and_depthwise_convolutions_can_stay_float(tmp_path: Path) -> None:
    source = recipes.Source(model_path("roadside-nano"), tmp_path)
    plain, careful = recipes.Recipe("all"), recipes.Recipe("careful", stem=True, prediction=True)
    assert source._kept_float(plain) == set()
    # One first convolution; a box and a class convolution on each of three grids.
    assert len(source._kept_float(careful)) == 7


def test_mistakes_are_named(street: Path, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('layout = "ssd"')
    cv2.imwrite(str(tmp_path / "one.png"), np.zeros((9, 9, 3), np.uint8))
    cases = [
        (str(street), tmp_path / "small.bin", "not the name of a model"),
        (str(street), tmp_path / "nowhere" / "small.onnx", "no folder"),
        (str(street), tmp_path / "other.onnx", "of another model"),
        (str(tmp_path / "one.png"), tmp_path / "small.onnx", "too few pictures"),
    ]
    for clip, out, said in cases:
        with pytest.raises(ConfigError, match=said):
            quantise.run_quantise("roadside-nano", clips=[clip], out=out, least=0.95)
