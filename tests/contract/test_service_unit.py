"""The systemd unit lets the node do what it does: read from its text, without systemd."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT

UNIT = ROOT / "deploy" / "systemd" / "roadside-edge.service"
CLOCK_GROUPS = frozenset({"@clock", "@privileged"})
"""Groups of systemd.exec(5) that hold adjtimex; @system-service does not."""


def settings() -> list[tuple[str, str]]:
    """Keys and values in the order of the file."""
    lines = (line.strip() for line in UNIT.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return [(key, value) for key, _, value in pairs]


@pytest.mark.parametrize("call", ["adjtimex", "clock_adjtime"])
def test_unit_lets_the_node_ask_how_far_its_clock_is_off(call: str) -> None:
    allowed = False
    for key, value in settings():
        names = set(value.removeprefix("~").split())
        if key == "SystemCallFilter" and names & (CLOCK_GROUPS | {call}):
            allowed = not value.startswith("~")
    assert allowed
    assert dict(settings()).get("ProtectClock", "no") == "no"
    assert dict(settings())["CapabilityBoundingSet"] == ""  # so it can only ask


def test_unit_is_started_again_however_often_it_ended() -> None:
    found = dict(settings())
    assert found["Restart"] == "always"
    assert found["StartLimitIntervalSec"] == "0"


def test_no_container_that_drops_its_capabilities_has_to_give_up_root_by_itself() -> None:
    compose = (ROOT / "deploy" / "docker" / "compose.yaml").read_text(encoding="utf-8")
    dockerfile = (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert "cap_drop: [ALL]" in compose
    broker = compose.partition("image: eclipse-mosquitto")[2].partition("\nvolumes:")[0]
    assert '\n    user: "1883:1883"' in broker  # of the image
    assert "\nUSER edge\n" in dockerfile
