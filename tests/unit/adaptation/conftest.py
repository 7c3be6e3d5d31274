"""Torch is of the extra `adapt` and not among the development packages: its tests are collected where it is."""

from __future__ import annotations

import importlib.util

collect_ignore = [] if importlib.util.find_spec("torch") else ["test_training.py"]
