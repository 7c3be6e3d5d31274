"""The first provider that works runs the model; why the wanted ones do not is kept and said."""

from __future__ import annotations

import logging
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.app.camera_parts import model_health
from edge.core.errors import ConfigError, ModelError
from edge.core.health import HealthState
from edge.core.kinds import ObjectClass
from edge.core.providers import KNOWN, checked
from edge.perception.network import Network, Wish, open_network
from edge.perception.onnx_model import OnnxModel
from tests.unit.perception.graphs import raw_rows, save_constant

CAR = 2
PICTURE = np.zeros((128, 192, 3), np.uint8)
ROWS = raw_rows([(20.0, 30.0, 12.0, 10.0, 0.9, CAR)])


class Faulty:
    """Opens everything on the processor; one provider fails as it is told."""

    def __init__(self, provider: str, *, at: str) -> None:
        self.provider, self.at = provider, at
        self.asked: list[str] = []

    def __call__(self, path: Path, *, provider: str, wish: Wish) -> Network:
        self.asked.append(provider)
        if provider == self.provider and self.at == "creation":
            raise ModelError(path.name, "no engine for this processor")
        network = open_network(path, provider="cpu", wish=wish)
        network.provider = provider
        if provider == self.provider:
            network.run = self._fail  # type: ignore[method-assign]
        return network

    def _fail(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        raise ModelError("m.onnx", f"out of memory at {tensor.shape}")


@pytest.mark.parametrize(
    ("at", "reason"), [("creation", "no engine"), ("first run", "out of memory at (1, 3, 64, 96)")]
)
def test_provider_that_fails_is_followed_by_the_next_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, at: str, reason: str
) -> None:
    opener = Faulty("tensorrt", at=at)
    path = save_constant(tmp_path / "m.onnx", ROWS)
    with caplog.at_level(logging.INFO):
        model = OnnxModel.load(path, wish=Wish(("tensorrt", "cuda")), opener=opener)
    assert opener.asked == ["tensorrt", "cuda"]
    assert len(model.detect(PICTURE).confidence) == 1
    assert model.runs_on.startswith("on cuda; not on tensorrt: ")
    assert reason in model.runs_on
    assert reason in caplog.text
    assert "on cuda" in model.summary()


def test_provider_that_the_runtime_lacks_leaves_the_processor_degraded(tmp_path: Path) -> None:
    model = OnnxModel.load(save_constant(tmp_path / "m.onnx", ROWS), wish=Wish(("acl", "cpu")))
    state, words = model_health(model)
    assert state is HealthState.DEGRADED
    assert "on cpu; not on acl" in words
    assert "ACLExecutionProvider is not in this ONNX Runtime" in words


def test_wanted_provider_that_runs_is_no_matter_for_worry(tmp_path: Path) -> None:
    model = OnnxModel.load(save_constant(tmp_path / "m.onnx", ROWS))
    assert model_health(model) == (HealthState.OK, "on cpu")


def test_broken_file_is_refused_by_every_provider_and_then_by_us(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(ModelError, match="does not load"):
        OnnxModel.load(path, wish=Wish(("cuda",)))


def test_options_reach_the_runtime_and_its_silent_fallback_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    real, asked = onnxruntime.InferenceSession, []

    def session(
        path: str, settings: object, *, providers: list[tuple[str, dict[str, str]]], **more: int
    ) -> object:
        asked.append(providers[0])
        return real(path, settings, providers=["CPUExecutionProvider"], **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["TensorrtExecutionProvider", "CPUExecutionProvider"]
    )
    options = {"tensorrt": {"trt_fp16_enable": True, "trt_engine_cache_path": "/var/cache"}}
    model = OnnxModel.load(save_constant(tmp_path / "m.onnx", ROWS), wish=Wish(("tensorrt",), options))
    assert asked == [
        ("TensorrtExecutionProvider", {"trt_fp16_enable": "1", "trt_engine_cache_path": "/var/cache"}),
        ("CPUExecutionProvider", {}),
    ]
    assert "TensorrtExecutionProvider does not start" in model.runs_on


@pytest.mark.parametrize(
    ("written", "short"),
    [("TensorRT", "tensorrt"), ("CUDAExecutionProvider", "cuda"), (" cpu ", "cpu"), ("rknn", "rknn")],
)
def test_short_and_long_names_are_taken(written: str, short: str) -> None:
    assert checked([written], key="--provider") == (short,)


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="'tensort' is no provider") as caught:
        checked(["cpu", "tensort"], key="--provider")
    assert all(name in str(caught.value) for name in KNOWN)


class FakeLite:
    """The functions of rknn-toolkit-lite2 that are used."""

    NPU_CORE_0_1_2 = 7
    loads, starts, answers = 0, 0, True
    given: dict[str, Any]
    released = 0

    def load_rknn(self, path: str) -> int:
        assert Path(path).suffix == ".rknn"
        return self.loads

    def init_runtime(self, **given: Any) -> int:
        type(self).given = given
        return self.starts

    def inference(self, *, inputs: list[NDArray[Any]], data_format: list[str]) -> list[NDArray[Any]] | None:
        assert data_format == ["nhwc"]
        assert inputs[0].dtype == np.uint8
        assert inputs[0].shape == (1, 64, 96, 3)
        return [ROWS] if self.answers else None

    def release(self) -> None:
        type(self).released += 1


@pytest.fixture
def lite(monkeypatch: pytest.MonkeyPatch) -> type[FakeLite]:
    fake = type("Lite", (FakeLite,), {})
    module = types.ModuleType("rknnlite.api")
    module.RKNNLite = fake  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rknnlite", types.ModuleType("rknnlite"))
    monkeypatch.setitem(sys.modules, "rknnlite.api", module)
    return fake


@pytest.fixture
def rknn_file(tmp_path: Path) -> Path:
    (tmp_path / "model.toml").write_text("input_size = [96, 64]")
    path = tmp_path / "m.rknn"
    path.write_bytes(b"rknn")
    return path


RKNN = Wish(("rknn",), {"rknn": {"core_mask": "NPU_CORE_0_1_2"}})


def test_rockchip_file_runs_through_its_toolkit(rknn_file: Path, lite: type[FakeLite]) -> None:
    model = OnnxModel.load(rknn_file, wish=RKNN)
    boxes = model.detect(PICTURE)
    assert boxes.class_log_odds.argmax(axis=1).tolist() == [ObjectClass.CAR]
    np.testing.assert_allclose(boxes.box_px[0], [28, 50, 52, 70], atol=1e-3)
    assert lite.given == {"core_mask": 7}
    assert model.runs_on == "on rknn"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"loads": -1}, "does not load: code -1"),
        ({"starts": -2}, "code -2"),
        ({"answers": False}, "inference failed"),
    ],
)
def test_npu_that_refuses_leaves_the_onnx_file_beside_it_to_the_processor(
    rknn_file: Path, lite: type[FakeLite], change: dict[str, Any], reason: str
) -> None:
    for name, value in change.items():
        setattr(lite, name, value)
    save_constant(rknn_file.with_suffix(".onnx"), ROWS)
    model = OnnxModel.load(rknn_file, wish=RKNN)
    assert model.runs_on.startswith("on cpu; not on rknn: ")
    assert reason in model.runs_on
    assert len(model.detect(PICTURE).confidence) == 1


def test_missing_toolkit_and_missing_onnx_file_are_said(rknn_file: Path) -> None:
    with pytest.raises(ModelError, match=r"m\.onnx: no such file"):
        OnnxModel.load(rknn_file, wish=RKNN)
