"""Runs an ONNX file: ONNX Runtime with one of its execution providers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ModelError
from edge.core.providers import CPU, PROVIDERS
from edge.perception.network import Entry, Options

if TYPE_CHECKING:
    import onnxruntime

_DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
_ERRORS_ONLY = 3
FREE_SIDE = 640
"""Input side of a file that leaves it free and does not say another."""


class Runtime:
    """Implements `Network`.

    Args:
        path: of the .onnx file.
        threads: of one inference.
        provider: short name; parts of the network that it cannot run go to the processor.
        options: of the provider.

    Raises:
        ModelError: the provider is not there or does not start, the file does not load, or its inputs are not those of
            a detector.
    """

    def __init__(
        self, path: Path, *, threads: int, provider: str = CPU, options: Options | None = None
    ) -> None:
        self._session = _session(path, threads=threads, provider=provider, options=options or {})
        self._name, self.provider = path.name, provider
        inputs = self._session.get_inputs()
        self.entry = _entry(inputs, path.name)
        self.others: dict[str, tuple[str, list[Any]]] = {
            other.name: (other.type, other.shape) for other in inputs if other.name != self.entry.name
        }
        self.output_names = [output.name for output in self._session.get_outputs()]
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self._feed: dict[str, NDArray[Any]] = {}

    def tell_size(self, *, width: int, height: int) -> None:
        """Fill the inputs besides the picture: the size that boxes are to refer to, and no further scaling.

        Raises:
            ModelError: an input that no known layout has.
        """
        self._feed = {
            name: self._constant(name, kind, shape, width, height)
            for name, (kind, shape) in self.others.items()
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

    def _constant(self, name: str, kind: str, shape: list[Any], width: int, height: int) -> NDArray[Any]:
        if "int" in kind:
            # RT-DETR and its kin: width, height.
            size = [width, height] if len(shape) == 1 else [[width, height]]
            return np.array(size, np.int32 if "32" in kind else np.int64)
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


def _session(path: Path, *, threads: int, provider: str, options: Options) -> onnxruntime.InferenceSession:
    import onnxruntime  # noqa: PLC0415 - heavy, and a node with other models does without

    wanted = PROVIDERS.get(provider, provider)
    known = onnxruntime.get_available_providers()
    if wanted not in known:
        raise ModelError(
            path.name,
            f"{wanted} is not in this ONNX Runtime, which has {', '.join(known)}",
            remedy="install the build of onnxruntime that has it",
        )
    chosen = [(wanted, {key: _text(value) for key, value in options.items()})]
    if provider != CPU:
        chosen.append((PROVIDERS[CPU], {}))
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    # Spinning threads double the processor time and heat at 10 pictures a second.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    settings.log_severity_level = _ERRORS_ONLY
    try:
        # Its own fallback prints, and says nothing to us: ours is in `OnnxModel.load`.
        session = onnxruntime.InferenceSession(str(path), settings, providers=chosen, enable_fallback=0)
    except runtime_errors() as error:
        raise ModelError(
            str(path),
            f"does not load: {first_line(error)}",
            remedy="export it again as ONNX, opset 11 to 21",
        ) from error
    if session.get_providers()[0] != wanted:
        raise ModelError(
            path.name, f"{wanted} does not start", remedy="see its log: a library may be missing"
        )
    return session


def _text(value: str | float | bool) -> str:
    """An option as ONNX Runtime takes it."""
    return str(int(value)) if isinstance(value, bool) else str(value)


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
