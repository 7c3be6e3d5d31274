"""The sections of the box: nothing is needed, and what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.app.demo_site import DemoPorts, write_site
from edge.config import SiteConfig, load_site
from edge.core.errors import ConfigError


def load(directory: Path, text: str) -> SiteConfig:
    path = write_site(directory, DemoPorts(*range(20_001, 20_010)))
    path.write_text(f"{path.read_text()}\n{text}\n")
    return load_site(path)


def test_nothing_needs_to_be_written(tmp_path: Path) -> None:
    site = load(tmp_path, "")
    assert (site.clock.source, site.gnss, site.board.power_fail) == ("auto", None, None)


def test_whole_sections_are_read(tmp_path: Path) -> None:
    site = load(
        tmp_path,
        '[clock]\nsource = "ptp"\nholdover_s = 60\n[gnss]\nantenna = [39.9, 116.4]\n'
        "[board]\nhot_c = 70\n[board.power_fail]\nline = 4\nactive_low = true",
    )
    assert site.clock.holdover_s == 60
    assert site.gnss is not None
    assert (site.gnss.gpsd, site.gnss.antenna) == ("127.0.0.1:2947", (39.9, 116.4))
    assert site.board.power_fail is not None
    assert site.board.power_fail.line == 4


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[clock]\nsource = "ntp"', "clock.source"),
        ("[clock]\ndrift_ppm = 0", "clock.drift_ppm"),
        ("[clock]\nservers = []", "clock.servers"),
        ("[gnss]\nantenna = [91.0, 0.0]", "gnss.antenna"),
        ("[gnss]\nantenna = [1.0]", "gnss.antenna"),
        ('[gnss]\ngpsd = "nowhere"', "gnss.gpsd"),
        ("[board]\nhot_c = 99", "hot_c must be below critical_c"),
        ("[board]\ndisk_full_percent = 50", "disk_full_percent must not be above disk_low_percent"),
        ('[board.power_fail]\nchip = "gpio"\nline = 1', "board.power_fail.chip"),
        ("[board.power_fail]\nactive_low = true", "board.power_fail.line"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert key in str(caught.value)
