"""Wrong model files are refused when they are loaded, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.core.errors import ModelError
from edge.perception.onnx_model import OnnxModel
from tests.unit.perception.graphs import raw_rows, save_constant


def _missing(directory: Path) -> Path:
    return directory / "none.onnx"


def _text(directory: Path) -> Path:
    (directory / "m.onnx").write_text("<html>404</html>")
    return directory / "m.onnx"


def _empty(directory: Path) -> Path:
    (directory / "m.onnx").touch()
    return directory / "m.onnx"


def _truncated(directory: Path) -> Path:
    path = save_constant(directory / "m.onnx", raw_rows([]))
    path.write_bytes(path.read_bytes()[:-200])
    return path


def _folder(directory: Path) -> Path:
    return directory


def _broken_card(directory: Path) -> Path:
    (directory / "model.toml").write_text("classes = [")
    return save_constant(directory / "m.onnx", raw_rows([]))


@pytest.mark.parametrize("make", [_missing, _text, _empty, _truncated, _folder, _broken_card])
def test_wrong_file_is_refused_with_a_remedy(tmp_path: Path, make: object) -> None:
    with pytest.raises(ModelError) as caught:
        OnnxModel.load(make(tmp_path))  # type: ignore[operator]
    assert caught.value.remedy
    assert len(str(caught.value)) < 600
