"""Points are replaced in the text of a site file, and nothing else of it changes."""

from __future__ import annotations

import tomllib

import pytest

from edge.config.marks import Mark, Marks, lines_of_marks, read_notes, with_marks
from edge.config.toml_text import statements
from edge.core.errors import ConfigError

TEXT = '''# A crossing.
schema_version = 1

[site]  # where it stands
id = "demo"
name = """a [[camera]]
name = "north"
"""

[[camera]]
name = "north"          # on the pole
source = "rtsp://10.0.0.2/[1]#x"
image_size = [1280, 720]  # the main stream
# Marked on a dry day.
points = [ # u v x y
  [1, 2, 3, 4],  # manhole
  # the far side
  [5, 6, 7, 8],
  [9, 10,
   11, 12], [13, 14, 15, 16], # kerb # north
]  # enough
fps = 10

[[camera]]
name = 'south'
points = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]
'''
ROWS = (Mark((10.123, 20.0), (1.23456, -2.0), "kerb"), Mark((30.0, 40.0), (3.0, 4.0)))


def marks(key: str = "points", size: tuple[int, int] = (640, 360)) -> Marks:
    return Marks(key, ROWS, size)  # type: ignore[arg-type]


def test_only_the_points_and_their_image_size_change() -> None:
    new = with_marks(TEXT, "north", marks())
    expected = TEXT.replace("image_size = [1280, 720]", "image_size = [640, 360]")
    start, end = expected.index("points = [ #"), expected.index("]  # enough")
    body = "\n".join(
        [
            "points = [",
            "  # u v x y",
            "  # the far side",
            "  [10.12, 20.00, 1.235, -2.000],  # kerb",
            "  [30.00, 40.00, 3.000, 4.000],",
            "",
        ]
    )
    assert new == expected[:start] + body + expected[end:]


def test_comments_behind_rows_are_read_back() -> None:
    assert read_notes(TEXT, "north") == {"points": ["manhole", "", "", "kerb # north"]}
    assert read_notes(with_marks(TEXT, "north", marks()), "north") == {"points": ["kerb", ""]}
    assert read_notes(TEXT, "south") == {"points": [""] * 4}


def test_section_without_points_gets_them_behind_its_last_key() -> None:
    text = '[[camera]]\n  name = "a"\n  fps = 5 # slow\n\n# the next one\n[[camera]]\nname = "b"\n'
    new = with_marks(text, "a", marks("points_wgs84"))
    assert new.startswith(
        '[[camera]]\n  name = "a"\n  fps = 5 # slow\n  image_size = [640, 360]\n  points_wgs84 = [\n'
    )
    assert new.endswith('  ]\n\n# the next one\n[[camera]]\nname = "b"\n')
    assert tomllib.loads(new)["camera"][0]["points_wgs84"][0] == [10.12, 20.0, 1.23456, -2.0]


@pytest.mark.parametrize("end", ["", "\n", "  # last words"], ids=["bare", "newline", "comment"])
def test_section_at_the_end_of_the_file(end: str) -> None:
    text = f'[[camera]]\nname = "a"{end}'
    assert tomllib.loads(with_marks(text, "a", marks()))["camera"][0]["image_size"] == [640, 360]


def test_points_in_degrees_take_the_place_of_points_in_metres() -> None:
    new = with_marks(TEXT, "north", marks("points_wgs84"))
    camera = tomllib.loads(new)["camera"][0]
    assert "points" not in camera
    assert len(camera["points_wgs84"]) == 2
    assert new.index("# Marked on a dry day.") < new.index("points_wgs84") < new.index("fps = 10")
    assert "# the far side" in new


def test_of_both_kinds_one_is_left_and_all_comments_stay() -> None:
    text = TEXT.replace("fps = 10", "points_wgs84 = [  # from the survey\n [1, 2, 3, 4]]\nfps = 10 # enough")
    new = with_marks(text, "north", marks())
    assert set(tomllib.loads(new)["camera"][0]) == {"name", "source", "image_size", "points", "fps"}
    for comment in ("# from the survey", "# the far side", "# enough", "# Marked on a dry day."):
        assert comment in new


def test_line_ends_of_the_file_are_kept() -> None:
    new = with_marks(TEXT.replace("\n", "\r\n"), "south", marks())
    assert new.count("\n") == new.count("\r\n")
    assert tomllib.loads(new)["camera"][1]["points"][0][0] == 10.12


def test_lines_of_the_points_are_told() -> None:
    new = with_marks(TEXT, "north", marks())
    first, last = lines_of_marks(new, "north", "points")
    lines = new.splitlines()
    assert lines[first - 1] == "points = ["
    assert lines[last - 1] == "]  # enough"


def test_note_becomes_one_line_of_a_comment() -> None:
    hostile = Marks("points", (Mark((1, 2), (3, 4), 'x"]\n[site]\nid = "mine"\x00' + "y" * 200),), (1, 1))
    new = with_marks(TEXT, "north", hostile)
    assert tomllib.loads(new)["site"] == tomllib.loads(TEXT)["site"]
    assert max(len(line) for line in new.splitlines()) < 140


@pytest.mark.parametrize(
    "text",
    ['camera = [{name = "north", fps = 1}]', '[[camera]]\nsub.x = 1\nname = "north"\n[site.camera]\n'],
    ids=["inline", "dotted"],
)
def test_inline_camera_is_refused_and_dotted_keys_are_not(text: str) -> None:
    if text.startswith("camera"):
        with pytest.raises(ConfigError, match="not a section of its own"):
            with_marks(text, "north", marks())
    else:
        assert tomllib.loads(with_marks(text, "north", marks()))["camera"][0]["sub"] == {"x": 1}


def test_unknown_camera_is_refused_with_the_known_names() -> None:
    with pytest.raises(ConfigError, match=r"no camera named 'west' \(use one of north, south\)"):
        with_marks(TEXT, "west", marks())


def test_quoted_keys_and_headers_are_found() -> None:
    text = '[[ "camera" ]]\n"name" = \'a\'\n"points" = [[1, 2, 3, 4]]\n'
    camera = tomllib.loads(with_marks(text, "a", marks()))["camera"][0]
    assert len(camera["points"]) == 2


def test_statements_are_those_of_the_file() -> None:
    found = [(s.kind, s.key) for s in statements(TEXT)]
    assert found[:5] == [
        ("key", ("schema_version",)),
        ("table", ("site",)),
        ("key", ("id",)),
        ("key", ("name",)),
        ("array", ("camera",)),
    ]
    assert found[-3:] == [("array", ("camera",)), ("key", ("name",)), ("key", ("points",))]
    assert "a.b" not in {part for _, key in found for part in key}
    assert [s.key for s in statements('a . b = 1979-05-27T07:32:00Z\n\'c.d\' = """x\n""""\n')] == [
        ("a", "b"),
        ("c.d",),
    ]
