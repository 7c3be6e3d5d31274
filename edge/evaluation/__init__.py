"""Scores published tracks against the truth. Needs the extra `evaluate`; the node does not import it."""

from edge.evaluation.figures import Figures
from edge.evaluation.score import score

__all__ = ["Figures", "score"]
