"""Runs an ONNX file: ONNX Runtime with the execution providers that the site asks for."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ModelError

if TYPE_CHECKING:
    import onnxruntime

_log = logging.getLogger(__name__)
_CPU = "CPUExecutionProvider"
PROVIDERS = {
    "cpu": _CPU,
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "qnn": "QNNExecutionProvider",
    "acl": "ACLExecutionProvider",
    "xnnpack": "XnnpackExecutionProvider",
}
"""Short names of a site file; the long ones are taken too."""
_DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
_ERRORS_ONLY = 3
FREE_SIDE = 640
"""Input side of a file that leaves it free and does not say another."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The picture's input.

    Attributes:
        name: of the input.
        width, height: None: free.
        dtype: of the tensor.
        channels_last: (1, height, width, 3) instead of (1, 3, height, width).
    """

    name: str
    width: int | None
    height: int | None
    dtype: Any
    channels_last: bool


class Runtime:
    """A loaded network.

    Args:
        path: of the .onnx file.
        threads: of one inference.
        providers: best first, short or long names; what this runtime lacks is skipped with a warning.

    Raises:
        ModelError: the file does not load, or its inputs are not those of a detector.
    """

    def __init__(self, path: Path, *, threads: int, providers: tuple[str, ...] = ("cpu",)) -> None:
        self._session = _session(path, threads=threads, providers=providers)
        self._name = path.name
        inputs = self._session.get_inputs()
        self.entry = _entry(inputs, path.name)
        self.others: dict[str, tuple[str, list[Any]]] = {
            other.name: (other.type, other.shape) for other in inputs if other.name != self.entry.name
        }
        self.output_names = [output.name for output in self._session.get_outputs()]
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self.providers: list[str] = self._session.get_providers()
        self._feed: dict[str, NDArray[Any]] = {}

    def tell_size(self, *, width: int, height: int) -> None:
        """Fill the inputs besides the picture: the size that boxes are to refer to, and no further scaling.

        Raises:
            ModelError: an input that no known layout has.
        """
        self._feed = {
            name: self._constant(name, kind, width, height) for name, (kind, _) in self.others.items()
        }

    def feed(self, tensor: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Every input by its name, the picture's with this tensor."""
        return {**self._feed, self.entry.name: tensor}

    def run(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        """The outputs. Raises `ModelError`."""
        self._feed[self.entry.name] = tensor
        try:
            return list(self._session.run(None, self._feed))
        except runtime_errors() as error:
            raise ModelError(self._name, f"inference failed: {first_line(error)}") from error

    def _constant(self, name: str, kind: str, width: int, height: int) -> NDArray[Any]:
        if "int" in kind:
            # RT-DETR and its kin: width, height.
            return np.array([[width, height]], np.int32 if "32" in kind else np.int64)
        if name == "scale_factor":
            return np.ones((1, 2), np.float32)
        if name == "im_shape":
            return np.array([[height, width]], np.float32)
        raise ModelError(
            self._name, f"input {name} of {kind} is of no known layout", remedy="export the detector alone"
        )


def _entry(inputs: list[Any], name: str) -> Entry:
    """The first input of four axes, one of which counts three colours; a lone input may leave its axes free."""
    for entry in inputs:
        shape = list(entry.shape)
        if not shape and len(inputs) == 1:
            shape = [None, 3, None, None]
        if len(shape) != 4 or entry.type not in _DTYPES:
            continue
        last = shape[3] == 3 or (shape[1] != 3 and entry.type == "tensor(uint8)")
        if not last and isinstance(shape[1], int) and shape[1] != 3:
            continue
        if isinstance(shape[0], int) and shape[0] != 1:
            raise ModelError(
                name, f"the file wants {shape[0]} pictures at once", remedy="export it with a batch of 1"
            )
        height, width = (shape[1], shape[2]) if last else (shape[2], shape[3])
        sides = [side if isinstance(side, int) and side > 0 else None for side in (width, height)]
        return Entry(entry.name, sides[0], sides[1], _DTYPES[entry.type], last)
    found = ", ".join(f"{entry.name} {entry.shape} of {entry.type}" for entry in inputs)
    raise ModelError(
        name,
        f"no input is a picture: {found or 'there is none'}",
        remedy="the input must be [1, 3, height, width] or [1, height, width, 3], float or uint8",
    )


def _session(path: Path, *, threads: int, providers: tuple[str, ...]) -> onnxruntime.InferenceSession:
    import onnxruntime  # noqa: PLC0415 - heavy, and a node with other models does without

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads double the processor time and heat at 10 pictures a second.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=_chosen(providers))
    except runtime_errors() as error:
        raise ModelError(
            str(path),
            f"does not load: {first_line(error)}",
            remedy="export it again as ONNX, opset 11 to 21",
        ) from error


def _chosen(providers: tuple[str, ...]) -> list[str]:
    """What this runtime has of the providers asked for; the processor last."""
    import onnxruntime  # noqa: PLC0415 - see _session

    known = onnxruntime.get_available_providers()
    wanted = [PROVIDERS.get(provider.lower(), provider) for provider in providers]
    for missing in (provider for provider in wanted if provider not in known):
        _log.warning(
            "%s is not in this ONNX Runtime, which has %s: the next one is used", missing, ", ".join(known)
        )
    chosen = [provider for provider in wanted if provider in known]
    return chosen if _CPU in chosen else [*chosen, _CPU]


def runtime_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises; its classes have no common base."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state  # noqa: PLC0415 - see _session

    names = (
        "EPFail", "EngineError", "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "ModelLoaded",
        "NoModel", "NoSuchFile", "NotImplemented", "RuntimeException",
    )  # fmt: skip
    return (*(getattr(state, name, RuntimeError) for name in names), ValueError, RuntimeError)


def first_line(error: Exception) -> str:
    """What went wrong, without the runtime's stack."""
    return str(error).strip().split("\n", 1)[0][:200]
