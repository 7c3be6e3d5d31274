"""`[priority]` of a site file: who may ask, and mistakes that are named with their remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config.load import load_site
from edge.core.errors import ConfigError
from tests.unit.config.test_load import GOOD, write


def test_the_least_section_names_somebody_and_has_defaults(tmp_path: Path) -> None:
    site = load_site(write(tmp_path, GOOD + '[priority]\npublic_transport = ["bus-*", "tram-3"]\n'))
    assert site.priority is not None
    assert (site.priority.public_transport, site.priority.emergency) == (("bus-*", "tram-3"), ())
    assert (site.priority.most_hold_s, site.priority.lockout_s) == (15.0, 60.0)
    assert load_site(write(tmp_path, GOOD)).priority is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nobody may ask: name certificates"),
        ('emergency = ["*"]', "'\\*' is no name of a certificate"),
        ('emergency = ["edge://vehicle/fire-1"]', "write NAME of its edge://vehicle/NAME"),
        ('emergency = ["bus-*-9"]', "how such names begin and a star"),
        ('emergency = ["Fire-1"]', "is no name of a certificate"),
        ('emergency = ["radio:north"]', "is no name of a certificate"),
        ('freight = ["t"]\nahead_s = 60\nmost_presence_s = 30', "shorter than ahead_s 60"),
        ('freight = ["t"]\nmost_hold_s = 500', "most_hold_s"),
        ('freight = ["t"]\nlease_s = 0.5', "lease_s"),
        ('trucks = ["t"]', "priority.trucks"),
        ('radio = ["police"]', "priority.radio"),
        ('radio = ["freight"]', "set verify and trust of one"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_site(write(tmp_path, f"{GOOD}[priority]\n{text}\n"))
