"""Finding the models that travel with the project."""

from __future__ import annotations

import pytest

from edge.app.models import model_names, model_path
from edge.core.errors import ModelError


def test_every_shipped_model_is_found_by_its_name() -> None:
    assert model_names()
    for name in model_names():
        assert model_path(name).is_file()


def test_path_of_a_file_stays_as_it_is() -> None:
    assert str(model_path("/somewhere/own.onnx")) == "/somewhere/own.onnx"


def test_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ModelError) as caught:
        model_path("roadside-giant")
    assert all(name in str(caught.value) for name in ("background", *model_names()))
