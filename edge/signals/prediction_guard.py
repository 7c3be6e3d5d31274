"""A predictor that may fail: the lights go on without what is learned."""

from __future__ import annotations

import logging
from collections import Counter

from edge.core.signals import GroupKind, SignalSnapshot
from edge.signals.prediction import Forecast, Predictor

_log = logging.getLogger(__name__)


class GuardedPredictor:
    """Learns and predicts until its first bug, then does nothing. Counter: prediction_faults."""

    def __init__(self, predictor: Predictor | None, counters: Counter[str]) -> None:
        self.predictor, self._counters = predictor, counters

    def learn(self, snapshot: SignalSnapshot) -> None:
        """Let the predictor see a snapshot whose colours are not in doubt."""
        if self.predictor is None:
            return
        try:
            self.predictor.observe_snapshot(snapshot)
        except Exception:  # the lights go on without what is learned
            self._drop()

    def of(self, key: tuple[GroupKind, int] | None, *, now_ns: int) -> Forecast | None:
        """What is known of the present state of a controller group; None: nothing, or `key` is None."""
        if self.predictor is None or key is None:
            return None
        try:
            return self.predictor.predict(key, now_ns=now_ns)
        except Exception:  # as above
            self._drop()
            return None

    def _drop(self) -> None:
        _log.exception("prediction failed: the signals go on without learned ends")
        self._counters["prediction_faults"] += 1
        self.predictor = None
