"""Trains roadside-nano for a given time on rendered pictures.

    python -m models.train.fit RUN --data A B --minutes 45 [--threads 2] [--start weights.pt]

Runs on the GPU where there is one, otherwise on the CPU; bfloat16 on both.
The learning rate falls with the clock, not with the steps, so a busy machine still ends on time.
Data that is still being rendered joins as soon as it is complete (looked for whenever weights are saved).
Writes RUN.pt (averaged weights) and RUN.onnx every few minutes and at the end.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path

import cv2
import torch
from torch import nn

from models.train.batches import Batches
from models.train.export import export
from models.train.loss import DetectionLoss
from models.train.network import RoadsideNano
from models.train.shards import Shard

_WARM_UP = 0.03
_AVERAGE = 0.998


def learning_rate(peak: float, progress: float) -> float:
    """Linear rise, then half a cosine down to a fiftieth."""
    if progress < _WARM_UP:
        return peak * (0.05 + 0.95 * progress / _WARM_UP)
    fall = (progress - _WARM_UP) / (1.0 - _WARM_UP)
    return peak * (0.02 + 0.98 * (1.0 + math.cos(math.pi * min(1.0, fall))) / 2)


def average(kept: nn.Module, network: nn.Module, step: int) -> None:
    """Move the averaged weights towards the newest."""
    share = min(_AVERAGE, (1.0 + step) / (10.0 + step))
    with torch.no_grad():
        for old, new in zip(kept.state_dict().values(), network.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.mul_(share).add_(new, alpha=1.0 - share)
            else:
                old.copy_(new)


def main() -> None:
    """Train, save, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--minutes", type=float, default=45.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, help="weights to begin with")
    parser.add_argument("--save-minutes", type=float, default=8.0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(options.seed)
    network = RoadsideNano()
    if options.start:
        network.load_state_dict(torch.load(options.start, weights_only=True))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = network.to(device, memory_format=torch.channels_last)
    _train(network, options)


def _train(network: RoadsideNano, options: argparse.Namespace) -> None:
    ready = _ready(options.data)
    batches = Batches([Shard(path) for path in ready], size=options.batch, seed=options.seed)
    criterion = DetectionLoss()
    optimiser = torch.optim.AdamW(network.parameters(), options.rate, weight_decay=0.03)
    kept = copy.deepcopy(network)
    begun = saved = time.monotonic()
    running, step, progress = 0.0, 0, 0.0
    while progress < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(options.rate, progress)
        running = 0.98 * running + 0.02 * _step(network, batches, criterion, optimiser)
        average(kept, network, step)
        step += 1
        now = time.monotonic()
        progress = (now - begun) / (60.0 * options.minutes)
        if step % 50 == 0:
            loss = running / (1.0 - 0.98**step)
            print(
                f"step {step} loss {loss:.3f} {(now - begun) / step * 1e3:.0f} ms/step {progress:.0%}",
                flush=True,
            )
        if now - saved > 60.0 * options.save_minutes:
            saved = now
            _save(kept, options.run)
            if _ready(options.data) != ready:
                ready = _ready(options.data)
                batches = Batches([Shard(path) for path in ready], size=options.batch, seed=step)
    _save(kept, options.run)


def _ready(paths: list[Path]) -> list[Path]:
    """Those whose labels, which are written last, are there."""
    found = [path for path in paths if Path(f"{path}.labels.npz").is_file()]
    if not found:
        raise SystemExit(f"none of the data is there: {', '.join(map(str, paths))}")
    return found


def _step(
    network: nn.Module, batches: Batches, criterion: DetectionLoss, optimiser: torch.optim.Optimizer
) -> float:
    """One batch."""
    batch = batches.draw()
    device = next(network.parameters()).device
    with torch.autocast(device.type, torch.bfloat16):
        rows = network(batch.pictures.to(device))
    loss = criterion(rows.float(), batch.box_px.to(device), batch.kind.to(device), batch.use.to(device))
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 10.0)
    optimiser.step()
    return float(loss.detach())


def _save(network: nn.Module, run: Path) -> None:
    torch.save({name: value.cpu() for name, value in network.state_dict().items()}, run.with_suffix(".pt"))
    export(run.with_suffix(".pt"), run.with_suffix(".onnx"))


if __name__ == "__main__":
    main()
