"""Pictures that leave a camera's process: road users are blurred, found by the camera's own detector."""

from __future__ import annotations

import logging
import os

from edge.app.camera_parts import wish_of
from edge.app.models import model_path
from edge.config.site import CameraConfig, SiteConfig
from edge.core.errors import ConfigError, ModelError
from edge.perception.blur import CONFIDENCE, BoxMemory, blurred
from edge.perception.onnx_model import OnnxModel
from edge.ports import Boxes, Image, Model

_audit = logging.getLogger("edge.audit")


class Anonymiser:
    """Finds road users in the pictures of one camera and blurs them.

    Args:
        model: the detector, with a low threshold.
        threshold: of the boxes that are kept for other uses.
    """

    def __init__(self, model: Model, *, threshold: float) -> None:
        self._model, self._threshold = model, threshold
        self._memory = BoxMemory()

    @classmethod
    def load(cls, config: CameraConfig) -> Anonymiser:
        """The anonymiser of a camera, which needs no calibration.

        Raises:
            ConfigError: the camera's detector cannot find road users in a single picture.
            ModelError: the detector does not load: without it no picture is shown.
        """
        if config.model == "background":
            raise ConfigError(
                f"camera {config.name}: model",
                "background learns for seconds before it finds anybody, so it cannot blur",
                remedy="give --model a network",
            )
        try:
            model = OnnxModel.load(model_path(config.model), wish=wish_of(config))
        except ModelError as error:
            raise ModelError(
                config.model,
                f"{error.problem}, and without a detector nobody is blurred",
                remedy=error.remedy,
            ) from error
        threshold = model.card.confidence if config.confidence is None else config.confidence
        low = min(CONFIDENCE, threshold)
        return cls(model.shared(confidence=low), threshold=threshold)

    def look(self, image: Image, *, capture_ns: int) -> tuple[Image, Boxes]:
        """The blurred picture, and the boxes that are as sure as the detector is usually asked to be."""
        boxes = self._model.detect(image)
        clean = blurred(image, self._memory.regions(boxes, capture_ns=capture_ns))
        sure = boxes.confidence >= self._threshold
        return clean, Boxes(boxes.box_px[sure], boxes.confidence[sure], boxes.class_log_odds[sure])


def anonymiser_of(site: SiteConfig, config: CameraConfig, *, unblurred: bool) -> Anonymiser | None:
    """The camera's anonymiser; None where the user asks for plain pictures and the site allows it.

    Raises:
        ConfigError: the site does not allow it.
        ModelError: the detector does not load.
    """
    if not unblurred:
        return Anonymiser.load(config)
    if not site.privacy.allow_unblurred:
        raise ConfigError(
            "--no-blur",
            "this site blurs road users in every picture",
            remedy="allow_unblurred = true under [privacy] in the site file, where the law allows it",
        )
    return None


def audit(what: str, *, camera: str, anonymiser: Anonymiser | None) -> None:
    """Log who takes pictures out of the camera's process."""
    how = "UNBLURRED" if anonymiser is None else "road users blurred"
    _audit.warning("camera %s: %s by user %d, %s", camera, what, os.getuid(), how)
