"""A network read from its file computes what the file says, learns, and goes back into the same graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from edge.adaptation.examples import Example, Examples
from edge.adaptation.fit import Feed, fit
from edge.adaptation.graph_network import GraphNetwork
from edge.adaptation.loss import GridLoss
from edge.app.models import model_path
from edge.core.errors import ModelError
from edge.perception.onnx_model import OnnxModel

SHIPPED = model_path("roadside-nano")
FEED = Feed((0, 1, 2), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def start() -> OnnxModel:
    return OnnxModel.load(SHIPPED)


def test_it_answers_as_the_file_does_also_to_many_pictures(start: OnnxModel) -> None:
    network = GraphNetwork(SHIPPED)
    network.check(lambda picture: start.runtime.run(picture)[0], start.input_size)
    width, height = start.input_size
    pictures = np.random.default_rng(2).uniform(0, 255, (3, 3, height, width)).astype(np.float32)
    with torch.no_grad():
        rows = network.rows(torch.from_numpy(pictures), logits=False).numpy()
        logits = network.rows(torch.from_numpy(pictures), logits=True)
    for k in range(3):
        np.testing.assert_allclose(rows[k], start.runtime.run(pictures[k : k + 1])[0][0], atol=2e-3)
    np.testing.assert_allclose(torch.sigmoid(logits[..., 4:]).numpy(), rows[..., 4:], atol=1e-5)
    np.testing.assert_allclose(logits[..., :4].numpy(), rows[..., :4], atol=1e-5)


def test_it_learns_and_is_used_as_before(start: OnnxModel, tmp_path: Path) -> None:
    network, (width, height) = GraphNetwork(SHIPPED), start.input_size
    image = np.random.default_rng(3).integers(60, 120, (height, width, 3)).astype(np.uint8)
    image[100:140, 200:260] = (250, 20, 250)
    box = np.array([[200, 100, 260, 140]], np.float32)
    examples = Examples([Example(image, box, np.array([2]), np.array([1]))], [], share=0.0, size=2, seed=1)
    losses: list[float] = []
    torch.set_num_threads(1)
    steps = fit(
        network,
        examples,
        feed=FEED,
        criterion=GridLoss(width, height, start.card.strides or ()),
        progress_at=lambda: len(losses) / 8 + 1e-9,
        told=lambda _step, loss, _progress: losses.append(loss),
    )
    assert 8 <= steps <= 9
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:2])
    network.save(tmp_path / "model.onnx", metadata={"adapted_from": "roadside-nano"})
    learned = OnnxModel.load(tmp_path / "model.onnx", card=start.card)
    assert learned.runtime.metadata["adapted_from"] == "roadside-nano"
    old, new = onnx.load(str(SHIPPED)), onnx.load(str(tmp_path / "model.onnx"))
    assert [node.op_type for node in old.graph.node] == [node.op_type for node in new.graph.node]
    with torch.no_grad():
        own = network.rows(FEED.tensor(image[None]), logits=False).numpy()
    np.testing.assert_allclose(learned.runtime.run(FEED.tensor(image[None]).numpy())[0], own, atol=5e-3)


def test_road_user_to_be_left_out_is_neither_demanded_nor_punished() -> None:
    criterion = GridLoss(64, 64, (8, 16, 32))
    rows = torch.full((1, len(criterion.cells), 11), -9.0)
    box = torch.tensor([[[8.0, 8.0, 40.0, 40.0]]])
    kind = torch.zeros((1, 1), dtype=torch.long)
    sure, middle = rows.clone(), (criterion.cells + 0.5) * criterion.strides
    inside = (middle > 8) & (middle < 40)
    sure[0, :, 4] = torch.where(inside.all(1), 9.0, -9.0)
    left_out, none = torch.zeros((1, 1), dtype=torch.long), torch.full((1, 1), -1)
    assert float(criterion(rows, box, kind, left_out)) < 0.1
    assert float(criterion(sure, box, kind, left_out)) < 0.5 * float(criterion(sure, box, kind, none))
    assert float(criterion(rows, box, kind, left_out + 1)) > 5.0


def test_graph_with_operators_that_are_not_known_is_refused(tmp_path: Path) -> None:
    entries = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 8, 8]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Erf", ["x"], ["y"])], "g", entries[:1], entries[1:])
    onnx.save(helper.make_model(graph), str(tmp_path / "other.onnx"))
    with pytest.raises(ModelError, match="operators Erf"):
        GraphNetwork(tmp_path / "other.onnx")
