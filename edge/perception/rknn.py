"""Runs an `.rknn` file on the NPU of a Rockchip processor, through rknn-toolkit-lite2 where it is installed.

Not run on hardware: tested against a module with the same functions. The conversion to `.rknn` builds scale, mean and
deviation into the file, which takes uint8 pixels (1, height, width, 3); how large, `model.toml`
must say (`input_size`).
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ModelError
from edge.core.providers import RKNN
from edge.perception.network import Entry, Options

_MODULE = "rknnlite.api"


class RknnNetwork:
    """Implements `Network`.

    Args:
        path: of the `.rknn` file.
        options: given to `init_runtime`; `core_mask` may be the name of a constant, as NPU_CORE_0_1_2.
        module: name of the module that holds `RKNNLite`.

    Raises:
        ModelError: the toolkit is not installed, or refuses the file or the processor.
    """

    def __init__(self, path: Path, *, options: Options, module: str = _MODULE) -> None:
        self._name = path.name
        self.provider = RKNN
        self.entry = Entry("picture", None, None, np.uint8, channels_last=True)
        self.others: dict[str, tuple[str, list[Any]]] = {}
        self.output_names: list[str] = []
        self.metadata: dict[str, str] = {}
        try:
            toolkit: Any = importlib.import_module(module).RKNNLite
        except (ImportError, AttributeError) as error:
            raise ModelError(
                self._name, f"rknn-toolkit-lite2 does not load: {error}", remedy="install it from Rockchip"
            ) from error
        self._rknn = toolkit()
        given: dict[str, Any] = dict(options)
        mask = given.get("core_mask")
        if isinstance(mask, str):
            given["core_mask"] = getattr(toolkit, mask, mask)
        self._expect(self._rknn.load_rknn(str(path)), "does not load")
        self._expect(self._rknn.init_runtime(**given), "the NPU does not take it")

    def tell_size(self, *, width: int, height: int) -> None:
        """The picture is the only input: nothing to tell."""

    def feed(self, tensor: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The picture's input; there is no other."""
        return {self.entry.name: tensor}

    def run(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        """The outputs. Raises `ModelError`."""
        outputs = self._rknn.inference(inputs=[tensor], data_format=["nhwc"])
        if outputs is None:
            raise ModelError(self._name, "inference failed on the NPU")
        return [np.asarray(output) for output in outputs]

    def _expect(self, code: int, problem: str) -> None:
        if code != 0:
            self._rknn.release()
            raise ModelError(
                self._name, f"{problem}: code {code}", remedy="see the log of rknn-toolkit-lite2"
            )
