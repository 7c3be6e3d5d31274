"""Outcome of one check of `edge doctor`."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """Outcome of one check."""

    GOOD = "[green]ok  [/]"
    ODD = "[yellow]note[/]"
    BAD = "[bold red]FAIL[/]"
