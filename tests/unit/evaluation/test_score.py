"""Each figure says what it should where the right answer is known."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.app.evaluate import run_evaluate
from edge.core.errors import CodecError, ConfigError
from edge.evaluation import Figures, score
from edge.evaluation.gospa import gospa

START_NS, STEP_NS = 1_700_000_000_000_000_000, 100_000_000
INSTANTS = 40
Line = dict[str, Any]


def user(name: str, k: int, lane: float, **more: Any) -> Line:
    return {"id": name, "x": 1.0 * k - 20.0, "y": lane, "vx": 10.0, "vy": 0.0, **more}


def truth(lanes: int = 3, **more: Any) -> list[Line]:
    return [
        {
            "t_ns": START_NS + k * STEP_NS,
            "objects": [user(f"u{n}", k, 10.0 * n, **more) for n in range(lanes)],
        }
        for k in range(INSTANTS)
    ]


def tracks(of: list[Line]) -> list[Line]:
    """Perfect tracks."""
    return [
        {
            "t_ns": line["t_ns"],
            "tracks": [
                {**entry, "id": int(entry["id"][1:]) + 7, "cov": [0.25, 0.0, 0.25]}
                for entry in line["objects"]
            ],
        }
        for line in of
    ]


def test_perfect_tracks() -> None:
    figures = score(truth(), tracks(truth()))
    assert (figures.hota, figures.deta, figures.assa) == pytest.approx((100.0, 100.0, 100.0))
    assert (figures.idf1, figures.mota) == pytest.approx((100.0, 100.0))
    assert (figures.id_switches, figures.false_positives, figures.misses, figures.fragments) == (0, 0, 0, 0)
    assert (figures.gospa, figures.rmse_m, figures.velocity_rmse_mps) == pytest.approx(
        (0.0, 0.0, 0.0), abs=1e-9
    )
    assert (figures.confirm_median_s, figures.never_found) == (0.0, 0)
    assert (figures.instants, figures.objects, figures.tracks) == (INSTANTS, 3 * INSTANTS, 3 * INSTANTS)


def test_two_tracks_that_swap_are_two_switches() -> None:
    found = tracks(truth())
    for line in found[20:]:
        line["tracks"][0]["id"], line["tracks"][1]["id"] = line["tracks"][1]["id"], line["tracks"][0]["id"]
    figures = score(truth(), found)
    assert figures.id_switches == 2
    assert figures.deta == pytest.approx(100.0)
    assert figures.assa < 90.0


def test_missed_false_and_late() -> None:
    found = tracks(truth())
    for line in found[:10]:
        line["tracks"] = line["tracks"][1:]
    found[30]["tracks"].append({"id": 99, "x": 0.0, "y": 90.0})
    figures = score(truth(), found)
    assert (figures.misses, figures.false_positives) == (10, 1)
    assert figures.mota == pytest.approx(100.0 * (1 - 11 / 120))
    assert figures.confirm_p95_s == pytest.approx(0.9)
    lone = 0.5 * 5.0**2
    assert figures.gospa_missed == pytest.approx(lone * 10 / INSTANTS)
    assert figures.gospa_false == pytest.approx(lone / INSTANTS)
    assert figures.gospa == pytest.approx(math.sqrt(lone) * 11 / INSTANTS)


def test_no_line_of_tracks_is_no_track_and_other_instants_do_not_count() -> None:
    found = tracks(truth())
    del found[5]
    found.append({"t_ns": START_NS + 1, "tracks": [{"id": 1, "x": 500.0, "y": 0.0}]})
    figures = score(truth(), found)
    assert (figures.misses, figures.false_positives) == (3, 0)


def test_road_users_to_ignore_are_neither_right_nor_wrong() -> None:
    given = truth()
    for line in given:
        line["objects"][2]["ignore"] = True
    found = tracks(truth())
    for line in found:
        line["tracks"][2]["y"] += 3.0  # within 4 m of the ignored one
    figures = score(given, found)
    assert (figures.misses, figures.false_positives, figures.objects) == (0, 0, 2 * INSTANTS)
    for line in found:
        line["tracks"][2]["y"] += 3.0
    assert score(given, found).false_positives == INSTANTS


def test_radius_and_skip_leave_out() -> None:
    figures = score(truth(), tracks(truth()), radius_m=15.0, skip_s=1.0)
    assert figures.instants == INSTANTS - 10
    assert figures.objects < 2 * INSTANTS
    assert figures.misses == figures.false_positives == 0


def test_nees_of_errors_as_stated_is_two() -> None:
    rng = np.random.default_rng(5)
    found = tracks(truth())
    root = np.linalg.cholesky(np.array([[0.25, 0.1], [0.1, 0.16]]))
    for line in found:
        for track in line["tracks"]:
            error = root @ rng.normal(0, 1, 2)
            track["x"] += error[0]
            track["y"] += error[1]
            track["cov"] = [0.25, 0.1, 0.16]
    figures = score(truth(), found)
    assert figures.nees == pytest.approx(2.0, abs=0.4)
    assert figures.rmse_m == pytest.approx(math.sqrt(0.41), rel=0.15)


def test_gospa_is_that_of_stone_soup() -> None:
    from stonesoup.metricgenerator.ospametric import GOSPAMetric
    from stonesoup.types.state import State

    theirs = GOSPAMetric(c=5.0, p=2)
    rng = np.random.default_rng(9)
    for _ in range(100):
        a, b = rng.uniform(0, 15, (rng.integers(0, 7), 2)), rng.uniform(0, 15, (rng.integers(0, 7), 2))
        distance = np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])
        if len(a) + len(b) == 0:
            assert gospa(distance).distance == 0.0
            continue
        expected, _ = theirs.compute_gospa_metric(
            [State(point.reshape(2, 1), timestamp=0) for point in b],
            [State(point.reshape(2, 1), timestamp=0) for point in a],
        )
        assert gospa(distance).distance == pytest.approx(float(expected.value["distance"]), abs=1e-9)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"objects": []}, "line 1 has no t_ns|truth line 1"),
        ({"t_ns": 1, "objects": [{"id": "a", "x": 1.0}]}, "truth line 1"),
        ({"t_ns": 1, "objects": [{"id": "a", "x": 1.0, "y": "far"}]}, "truth line 1"),
        ({"t_ns": 1, "objects": [{"id": "a", "x": 1.0, "y": float("nan")}]}, "finite"),
        ({"t_ns": 1, "objects": [user("a", 0, 0.0), user("a", 0, 1.0)]}, "same id"),
    ],
)
def test_lines_that_are_none_are_named(broken: Line, words: str) -> None:
    with pytest.raises(CodecError, match=words):
        score([broken], tracks(truth()))


def test_nothing_to_score_is_said() -> None:
    with pytest.raises(ConfigError, match="no road user"):
        score([{"t_ns": START_NS, "objects": []}], [])


def write(path: Path, lines: list[Line]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_command_prints_a_table_or_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given, found = write(tmp_path / "truth", truth()), write(tmp_path / "tracks", tracks(truth()))
    run_evaluate(given, found, as_json=False, radius_m=None, skip_s=0.0)
    assert "HOTA" in capsys.readouterr().out
    figures = run_evaluate(given, found, as_json=True, radius_m=None, skip_s=0.0)
    assert set(json.loads(capsys.readouterr().out)) == set(Figures.__dataclass_fields__)
    assert figures.hota == pytest.approx(100.0)


@pytest.mark.parametrize("text", ["{", "[1]", '"a"'])
def test_command_names_file_and_line(tmp_path: Path, text: str) -> None:
    given = tmp_path / "truth.jsonl"
    given.write_text("\n" + text + "\n", encoding="utf-8")
    with pytest.raises(CodecError, match=r"truth\.jsonl line 2"):
        run_evaluate(given, given, as_json=True, radius_m=None, skip_s=0.0)
    with pytest.raises(ConfigError, match="cannot be read"):
        run_evaluate(given, tmp_path / "none", as_json=True, radius_m=None, skip_s=0.0)


def test_order_of_entries_does_not_matter() -> None:
    given, found = truth(), tracks(truth())
    rng = random.Random(3)
    for line in found:
        rng.shuffle(line["tracks"])
    assert score(given, found) == score(given, tracks(truth()))
