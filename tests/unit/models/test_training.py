"""Growing, exporting and the loss; runs where torch (group `train`) is installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="torch is only in the group train")

from edge.adaptation.loss import boxes_of, grid  # noqa: E402
from models.train.export import export  # noqa: E402 - after the check for torch
from models.train.grow import grow  # noqa: E402
from models.train.loss import DetectionLoss  # noqa: E402
from models.train.network import HEIGHT_PX, STRIDES, WIDTH_PX, RoadsideNano  # noqa: E402

MODEL = Path(__file__).resolve().parents[3] / "models" / "roadside-nano" / "model.onnx"


def test_grown_network_computes_what_the_shipped_file_does(tmp_path: Path) -> None:
    pictures = torch.from_numpy(np.random.default_rng(1).uniform(0, 255, (4, 3, 288, 480)).astype(np.float32))
    torch.save(grow(MODEL, pictures).state_dict(), tmp_path / "grown.pt")
    export(tmp_path / "grown.pt", tmp_path / "grown.onnx")
    outputs = [
        onnxruntime.InferenceSession(str(path)).run(None, {"images": pictures[:1].numpy()})[0]
        for path in (MODEL, tmp_path / "grown.onnx")
    ]
    np.testing.assert_allclose(*outputs, rtol=1e-3, atol=1e-3)


def test_loss_falls_as_boxes_and_classes_come_right() -> None:
    cells, strides = grid(WIDTH_PX, HEIGHT_PX, STRIDES)
    box = torch.tensor([[[100.0, 80.0, 160.0, 120.0]]])
    near = ((cells + 0.5) * strides - torch.tensor([130.0, 100.0])).abs().amax(-1) < 12.0
    rows = torch.full((1, len(cells), 11), -8.0)
    rows[..., :2] = 0.0
    rows[..., 2:4] = 0.0
    right = rows.clone()
    right[0, near, :2] = (torch.tensor([130.0, 100.0]) / strides - cells)[near]
    right[0, near, 2:4] = torch.log(torch.tensor([60.0, 40.0]) / strides)[near]
    right[0, near, 4], right[0, near, 7] = 8.0, 8.0
    assert torch.allclose(boxes_of(right, cells, strides)[0, near], box[0].expand(int(near.sum()), 4))
    kind, use = torch.tensor([[2]]), torch.ones((1, 1), dtype=torch.long)
    loss = DetectionLoss()
    assert float(loss(right, box, kind, use)) < 0.05 * float(loss(rows, box, kind, use))


def test_ignored_boxes_and_padding_teach_nothing() -> None:
    rows = torch.zeros((1, len(grid(WIDTH_PX, HEIGHT_PX, STRIDES)[0]), 11))
    box = torch.tensor([[[0.0, 0.0, 480.0, 288.0], [10.0, 10.0, 50.0, 50.0]]])
    kind, use = torch.zeros((1, 2), dtype=torch.long), torch.tensor([[0, -1]])
    assert float(DetectionLoss()(rows, box, kind, use)) == 0.0


def test_constructor_needs_no_arguments_and_stays_small() -> None:
    assert sum(weight.numel() for weight in RoadsideNano().parameters()) <= 1_500_000
