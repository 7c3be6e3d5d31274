"""No process of ours tells the maker of ONNX Runtime about itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MODEL = Path(__file__).parents[3] / "models" / "roadside-nano" / "model.onnx"


def test_running_a_model_leaves_nothing_in_the_home_directory(tmp_path: Path) -> None:
    code = f"import edge.app, onnxruntime; onnxruntime.InferenceSession({str(MODEL)!r})"
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
    assert list(tmp_path.rglob("*")) == []
