"""`edge models`: which detectors there are, how a file is used, and whether it is fed what it wants."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from edge.app.models import model_names, model_path
from edge.core.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from edge.perception.model_card import ModelCard
    from edge.perception.onnx_model import OnnxModel
    from edge.ports import Image

app = typer.Typer(no_args_is_help=True, help="List, inspect, check, quantise and adapt detectors.")
ModelArgument = Annotated[
    str, typer.Argument(help="a shipped model or the path of an .onnx file", show_default=False)
]
TELLING = 0.5
"""Confidence summed over a picture below which it says nothing about a model."""
SAME_BOX = 0.6
BETTER, BETTER_PADDING = 1.25, 2.0
"""Another way of feeding must find this much more to be worth a warning: pictures differ, and small detectors like one
padding better in one picture and another in the next."""
FAINT = 0.15
"""Threshold of the check: small detectors are never sure."""


@app.command("list")
def list_models() -> None:
    """Show the models that travel with the project.

    Example: edge models list
    """
    from edge.perception.model_card import load_card  # noqa: PLC0415 - heavy

    for name in model_names():
        card = load_card(model_path(name))
        size = "x".join(map(str, card.input_size or ())) or "free"
        typer.echo(f"{name:<20}{card.layout:<14}{size:<10}{card.licence or 'licence not stated'}")
    typer.echo(f"{'background':<20}no weights, for still cameras; sizes only where the camera is calibrated")


@app.command()
def inspect(
    model: ModelArgument,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Load a detector and show how it is used: layout, size, colours, classes, licence.

    Example: edge models inspect yolox_nano.onnx
    """
    loaded = _load(model)
    card = dataclasses.asdict(loaded.card)
    road_users = sorted(
        {name for name in loaded.card.classes or () if not name.startswith(("coco_", "voc_"))}
    )
    shown: dict[str, Any] = {
        **{
            key: value
            for key, value in card.items()
            if key not in {"classes", "input_size"} and value is not None
        },
        "input_size": list(loaded.input_size),
        "classes": len(loaded.card.classes or ()),
        "named_classes": road_users,
        "found_by": loaded.why,
        "runs_on": loaded.runs_on,
    }
    if as_json:
        typer.echo(json.dumps(shown))
        return
    for key, value in shown.items():
        typer.echo(f"{key:<16}{value}")


@app.command()
def check(
    model: ModelArgument,
    picture: Annotated[
        Path | None, typer.Option(help="a street with road users in it; without it: a rendered crossing")
    ] = None,
) -> None:
    """Try other colours, scales and paddings on a picture and say whether one of them finds clearly more.

    A detector that is fed the wrong way still finds something: half as much, or the wrong classes.

    Example: edge models check detector.onnx --picture street.jpg
    """
    loaded = _load(model)
    image = rendered_crossing() if picture is None else _read(picture)
    path = model_path(model)
    card = dataclasses.replace(loaded.card, confidence=min(FAINT, loaded.card.confidence))
    found = [(value, words) for words, value in _tried(path, card, image)]
    as_it_is = found[0][0]
    typer.echo("found  fed with (confidence of the boxes that the mirrored picture shows too)")
    for value, words in sorted(found, key=lambda item: -item[0])[:6]:
        typer.echo(f"{value:7.2f}  {words}")
    if max(found)[0] < TELLING:
        raise ConfigError(
            "--picture", "the picture tells nothing about this model", remedy="give one with road users in it"
        )
    clearly = [
        (value, words)
        for value, words in found[1:]
        if value > (BETTER_PADDING if words.startswith("padding") else BETTER) * as_it_is
    ]
    if clearly:
        best, words = max(clearly)
        raise ModelError(
            loaded.name,
            f"finds {best:.2f} instead of {as_it_is:.2f} with {words}",
            remedy="set that in model.toml",
        )
    typer.echo(
        "the model is fed what it wants, as far as this picture tells: nothing else finds clearly more"
    )


@app.command()
def quantise(
    model: ModelArgument,
    clip: Annotated[
        list[str], typer.Option(help="video or folder of pictures of the site; may be given again")
    ],
    out: Annotated[Path, typer.Option(help="the new .onnx file; its card is written beside it")],
    least: Annotated[float, typer.Option(min=0.5, max=1.0, help="share of boxes that must agree")] = 0.95,
) -> None:
    """Make an INT8 file of a detector, if it finds the same boxes on your own pictures; needs the extra `quantise`.

    Calibrated on the earlier part of the clips, compared on the later part. Below the share nothing is written.

    Example: edge models quantise detector.onnx --clip north.mp4 --out detector_int8.onnx
    """
    from edge.app.quantise import run_quantise  # noqa: PLC0415 - heavy

    run_quantise(model, clips=clip, out=out, least=least)


@app.command()
def adapt(  # noqa: PLR0913, PLR0917 - one argument an option
    clip: Annotated[
        list[str], typer.Option(help="video of the site's camera, a minute or more; may be given again")
    ],
    teacher: Annotated[str, typer.Option(help="a bigger detector, an .onnx file, whose boxes are learned")],
    out: Annotated[Path, typer.Option(help="folder for the new model")],
    minutes: Annotated[float, typer.Option(min=0.5, max=1440, help="for everything")] = 10.0,
    start: Annotated[
        str, typer.Option(help="what to start from: a shipped model, a folder or a file")
    ] = "roadside-nano",
    hold_out: Annotated[
        str | None, typer.Option(help="a clip to compare on alone; without it: the last part of each clip")
    ] = None,
    rendered: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="share of rendered pictures, against forgetting")
    ] = 0.2,
    threads: Annotated[int, typer.Option(min=1, max=64, help="of training and inference")] = 1,
    force: Annotated[bool, typer.Option("--force", help="write the model also if it is worse")] = False,
) -> None:
    """Train the shipped network further on a site's own clips, labelled by a bigger detector; needs extra `adapt`.

    Prints how start and result agree with the teacher on pictures held out, and writes model, card, report and a
    sheet of pictures to look at. A result that is worse than the start is not written.

    Example: edge models adapt --clip north.mp4 --teacher yolox_m.onnx --out models/north
    """
    from edge.app.adapt import Order, run_adapt  # noqa: PLC0415 - heavy

    run_adapt(Order(tuple(clip), teacher, out, minutes, start, hold_out, rendered, threads, force))


def _load(model: str) -> OnnxModel:
    from edge.perception.onnx_model import OnnxModel  # noqa: PLC0415 - heavy

    return OnnxModel.load(model_path(model))


def _tried(path: Path, card: ModelCard, image: Image) -> Iterator[tuple[str, float]]:
    """Ways of feeding and the confidence that each finds, summed over the picture; as it is comes first."""
    from edge.perception.onnx_model import OnnxModel  # noqa: PLC0415 - heavy

    plain = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    other = "bgr" if card.colour == "rgb" else "rgb"
    changes: dict[str, dict[str, Any]] = {
        "as it is": {},
        f"colour {other}": {"colour": other},
        "scale 1": {"scale": 1.0, **plain},
        "scale 1/255": {"scale": 1.0 / 255.0, **plain},
        "scale 1/255, ImageNet mean": {
            "scale": 1.0 / 255.0,
            "mean": (0.485, 0.456, 0.406),
            "std": (0.229, 0.224, 0.225),
        },
        **{
            f"padding {kind}": {"padding": kind}
            for kind in ("corner", "centre", "stretch")
            if kind != card.padding
        },
    }
    for words, change in changes.items():
        yield words, _agreed(OnnxModel.load(path, card=dataclasses.replace(card, **change)), image)


def _agreed(model: OnnxModel, image: Image) -> float:
    """Confidence summed over boxes that the mirrored picture shows too, less where many do not come back.

    What is fed wrongly sees road users anywhere, and elsewhere in the mirror.
    """
    seen, mirrored = model.detect(image), model.detect(np.ascontiguousarray(image[:, ::-1]))
    back = mirrored.box_px[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [image.shape[1], 0, image.shape[1], 0]
    total = 0.0
    for box, sure in zip(seen.box_px, seen.confidence, strict=True):
        low, high = np.maximum(box[:2], back[:, :2]), np.minimum(box[2:], back[:, 2:])
        shared = np.clip(high - low, 0.0, None).prod(axis=1)
        whole = (box[2:] - box[:2]).prod() + (back[:, 2:] - back[:, :2]).prod(axis=1) - shared
        same = shared > SAME_BOX * whole
        total += min(float(sure), float(mirrored.confidence[same].max(initial=0.0)))
    share = total / max(float(seen.confidence.sum()), 1e-9)
    return total * share * share


def _read(path: Path) -> Image:
    from edge.app.footage import read_picture  # noqa: PLC0415 - heavy

    return read_picture(path)


def rendered_crossing() -> Image:
    """A picture of the shipped crossing with known road users in it."""
    from hw.sim.camera import load_cameras, read_geometry  # noqa: PLC0415 - only where it is needed
    from hw.sim.camera_placement import scene_directory  # noqa: PLC0415
    from hw.sim.poses import WorldState  # noqa: PLC0415
    from hw.sim.recording import RecordedTraffic  # noqa: PLC0415
    from hw.sim.render import Renderer  # noqa: PLC0415

    scene = scene_directory("four_arm")
    traffic = RecordedTraffic(scene / "recorded.npz", step_s=20.0)
    traffic.step()
    _, (names, rows) = traffic.step()
    camera = next(iter(load_cameras(scene / "cameras.toml").values()))
    renderer = Renderer(camera, read_geometry(scene), seed=7)
    return renderer.render(WorldState(10**9, names, rows), at_ns=10**9)
