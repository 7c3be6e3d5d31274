"""What runs a detector's network, whichever provider it is, and how the next one is taken when one fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from edge.core.errors import ModelError
from edge.core.providers import CPU, RKNN

Options = Mapping[str, str | int | float | bool]


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


class Network(Protocol):
    """A loaded network.

    Attributes:
        entry: the picture's input.
        others: names of further inputs with their type and shape.
        output_names: in order.
        metadata: of the file.
        provider: short name of what it runs on.
    """

    entry: Entry
    others: dict[str, tuple[str, list[Any]]]
    output_names: list[str]
    metadata: dict[str, str]
    provider: str

    def tell_size(self, *, width: int, height: int) -> None:
        """Fill the inputs besides the picture. Raises `ModelError`."""
        ...

    def feed(self, tensor: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Every input by its name, the picture's with this tensor."""
        ...

    def run(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        """The outputs. Raises `ModelError`."""
        ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What a network is to run on.

    Attributes:
        providers: short names, best first; the processor is tried last in any case.
        options: of each provider, by its short name.
        threads: of one inference on the processor.
    """

    providers: tuple[str, ...] = (CPU,)
    options: Mapping[str, Options] = field(default_factory=dict)
    threads: int = 1

    def candidates(self) -> tuple[str, ...]:
        """Short names in the order in which they are tried, each once."""
        return tuple(dict.fromkeys((*self.providers, CPU)))


class Opener(Protocol):
    """Opens a file on one provider."""

    def __call__(self, path: Path, *, provider: str, wish: Wish) -> Network:
        """Raises `ModelError` when the provider cannot have it."""
        ...


def open_network(path: Path, *, provider: str, wish: Wish) -> Network:
    """Open a file, or its twin of the other kind beside it: `.rknn` for the NPU of Rockchip, `.onnx` for all else."""
    options = wish.options.get(provider, {})
    if provider == RKNN:
        from edge.perception.rknn import RknnNetwork  # noqa: PLC0415 - only where it is asked for

        return RknnNetwork(_twin(path, ".rknn"), options=options)
    from edge.perception.runtime import Runtime  # noqa: PLC0415 - likewise

    return Runtime(_twin(path, ".onnx"), threads=wish.threads, provider=provider, options=options)


def _twin(path: Path, suffix: str) -> Path:
    twin = path.with_suffix(suffix)
    if twin.is_file():
        return twin
    raise ModelError(
        str(twin), "no such file", remedy=f"give the path of an {suffix} file, or put one beside {path.name}"
    )
