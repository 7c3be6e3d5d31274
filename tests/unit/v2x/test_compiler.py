"""The code generator against asn1tools, one kind of type at a time, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.v2x.compiler import __main__ as command
from edge.v2x.compiler.build import Message, compiled_types, source_of
from edge.v2x.compiler.tree import OpenTable, Tree
from edge.v2x.uper import UperError

HEAD = "M DEFINITIONS AUTOMATIC TAGS ::= BEGIN\n"


class Made:
    """A message compiled from a text, by us and by asn1tools."""

    def __init__(
        self, text: str, *, root: str = "T", opens: dict[str, OpenTable] | None = None, **more: Any
    ) -> None:
        import asn1tools

        whole = HEAD + text + "\nEND"
        self.reference = asn1tools.compile_string(whole, "uper")
        named = {name: kind for types in self.reference.modules.values() for name, kind in types.items()}
        message = Message("x/T", Tree(named, opens or {}).named(root), edition="-", **({"prefix": ""} | more))
        self.module: dict[str, Any] = {}
        exec(source_of(message), self.module)  # noqa: S102 - the generated text is what is tested

    def agrees(self, value: Any) -> bytes:
        """Both encode the value to the same octets and decode them to it."""
        octets = bytes(self.reference.encode("T", value))
        assert self.module["encode"](value) == (octets or b"\0")
        assert self.module["decode"](octets or b"\0") == value
        return octets

    def survives(self, octets: bytes) -> Any:
        """The value of some octets, which encodes to them again."""
        value = self.module["decode"](octets)
        assert self.module["encode"](value) == octets
        return value


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("T ::= INTEGER (3..3)", [3]),
        ("T ::= INTEGER (-5..250)", [-5, 0, 250]),
        ("T ::= INTEGER (0..10, ...)", [0, 10, 11, -1, 300, -(2**40), 2**63]),
        ("T ::= INTEGER", [0, 127, 128, -128, -129, 2**70]),
        ("T ::= BOOLEAN", [True, False]),
        ("T ::= NULL", [None]),
        ("T ::= ENUMERATED { a, b, c }", ["a", "c"]),
        ("T ::= ENUMERATED { a, b, ..., c, d }", ["b", "c", "d"]),
        ("T ::= BIT STRING (SIZE (5))", [(b"\xa8", 5)]),
        ("T ::= BIT STRING (SIZE (13))", [(b"\xa8\x08", 13)]),
        ("T ::= BIT STRING (SIZE (1..20))", [(b"\x80", 1), (b"\xff\xff\xf0", 20)]),
        ("T ::= BIT STRING", [(b"", 0), (b"\x01" * 40, 320)]),
        ("T ::= OCTET STRING (SIZE (4))", [b"abcd"]),
        ("T ::= OCTET STRING (SIZE (80))", [bytes(range(80))]),
        ("T ::= OCTET STRING (SIZE (0..3))", [b"", b"abc"]),
        ("T ::= OCTET STRING (SIZE (1..2, ...))", [b"a", b"ab", b"abc", b""]),
        ("T ::= OCTET STRING", [b"", b"a" * 127, b"b" * 128, b"c" * 1500]),
        ("T ::= IA5String (SIZE (1..63))", ["x", "Main St. & 2nd" * 4]),
        ("T ::= IA5String", ["", "y" * 200]),
        ("T ::= NumericString (SIZE (1..4))", ["0 19"]),
        ("T ::= UTF8String", ["", "路口", "z" * 300]),
        ("T ::= SEQUENCE OF BOOLEAN", [[], [True] * 300]),
        ("T ::= SEQUENCE (SIZE (2)) OF INTEGER (0..7)", [[1, 2]]),
        ("T ::= SEQUENCE (SIZE (1..3)) OF INTEGER (0..2)", [[2], [0, 1, 2]]),
        ("T ::= SEQUENCE (SIZE (1..2, ...)) OF INTEGER (0..255)", [[1], [1, 2, 3], []]),
        ("T ::= SEQUENCE { a INTEGER (0..3), b BOOLEAN OPTIONAL, c NULL OPTIONAL }", [{"a": 1}, {"a": 2, "c": None}]),
        ("T ::= SEQUENCE { a INTEGER (0..3) DEFAULT 2, b BOOLEAN }", [{"a": 1, "b": True}, {"a": 2, "b": False}]),
        ("T ::= SEQUENCE { }", [{}]),
        ("T ::= SEQUENCE { ... }", [{}]),
        ("T ::= SEQUENCE { a BOOLEAN, ..., b INTEGER (0..9), c NULL OPTIONAL }", [{"a": True}, {"a": True, "b": 3}]),
        (
            "T ::= SEQUENCE { a BOOLEAN, ..., [[ b INTEGER (0..9), c BOOLEAN OPTIONAL ]], d OCTET STRING }",
            [{"a": True, "b": 1}, {"a": False, "b": 2, "c": True, "d": b"x" * 200}],
        ),
        ("T ::= CHOICE { a NULL, b INTEGER (0..7) }", [("a", None), ("b", 7)]),
        ("T ::= CHOICE { a NULL, ..., b BOOLEAN, c OCTET STRING }", [("a", None), ("b", True), ("c", b"x" * 160)]),
        ("T ::= CHOICE { a SEQUENCE { x BOOLEAN } }", [("a", {"x": True})]),
    ],
    ids=lambda found: found if isinstance(found, str) else "",
)  # fmt: skip
def test_every_kind_of_type_agrees_with_asn1tools(text: str, values: list[Any]) -> None:
    made = Made(text)
    for value in values:
        made.agrees(value)


def test_lists_longer_than_the_window_agree() -> None:
    made = Made(
        "T ::= SEQUENCE (SIZE (0..255)) OF SEQUENCE { a INTEGER (0..100), b OCTET STRING (SIZE (9)) OPTIONAL, c P }"
        "P ::= SEQUENCE { x INTEGER (-9..9), y INTEGER (0..65535) OPTIONAL, z P2 OPTIONAL }"
        "P2 ::= SEQUENCE { q BIT STRING (SIZE (11)), r IA5String (SIZE (0..30)) }"
    )
    elements = [
        {"a": 1, "c": {"x": -9}},
        {
            "a": 100,
            "b": b"123456789",
            "c": {"x": 9, "y": 65535, "z": {"q": (b"\xff\xe0", 11), "r": "x" * 30}},
        },
    ]
    for count in range(0, 44, 3):
        made.agrees(elements * count)


def test_types_that_occur_twice_become_functions() -> None:
    made = Made(
        "T ::= SEQUENCE { a P, b P OPTIONAL, c CHOICE { d P, e NULL } }"
        "P ::= SEQUENCE { u BOOLEAN OPTIONAL, v INTEGER (0..9), w INTEGER (0..9), x BOOLEAN, y BOOLEAN, z NULL }"
    )
    part = {"v": 1, "w": 9, "x": True, "y": False, "z": None}
    made.agrees({"a": part, "b": part | {"u": True}, "c": ("d", part)})


def test_what_a_later_edition_added_survives() -> None:
    """Enumerated and CHOICE additions, fields and their presence bits, an addition longer than its known type."""
    old = Made("T ::= SEQUENCE { e ENUMERATED { a, ... }, c CHOICE { n NULL, ... }, ..., k BOOLEAN }")
    new = Made(
        "T ::= SEQUENCE { e ENUMERATED { a, ..., b }, c CHOICE { n NULL, ..., m OCTET STRING }, ...,"
        " k BOOLEAN, o OCTET STRING, p INTEGER (0..1) }"
    )
    value = {"e": "b", "c": ("m", b"abc"), "k": True, "o": b"new", "p": 1}
    found = old.survives(new.agrees(value))
    assert found == {"e": 0, "c": (0, b"\x03abc"), "k": True, "...": {"bits": 3, 1: b"\x03new", 2: b"\x80"}}
    wider = Made("T ::= SEQUENCE { e ENUMERATED { a, ... }, c CHOICE { n NULL, ... }, ..., k OCTET STRING }")
    octets = wider.agrees({"e": "a", "c": ("n", None), "k": b"abcd"})
    assert old.survives(octets) == {"e": "a", "c": ("n", None), "...": {0: b"\x04abcd"}}


def test_more_additions_than_six_bits_count() -> None:
    extra = ", ".join(f"f{index} BOOLEAN" for index in range(70))
    new, old = (
        Made(f"T ::= SEQUENCE {{ a BOOLEAN, ..., {extra} }}"),
        Made("T ::= SEQUENCE { a BOOLEAN, ... }"),
    )
    octets = new.agrees({"a": True, "f0": True, "f69": False} | {f"f{index}": True for index in range(1, 69)})
    assert len(old.survives(octets)["..."]) == 71


def test_bit_strings_beyond_their_root_size() -> None:
    """asn1tools has no such strings; by hand from X.691 clause 16.6: bit 1, length 15, 15 bits."""
    made = Made("T ::= BIT STRING (SIZE (13, ...))")
    octets = bytes.fromhex("87ffff")
    assert made.survives(octets) == (b"\xff\xfe", 15)


OPEN = {"P": OpenTable("id", "value", {1: "A", 2: "B"})}
OPEN_TEXT = "T ::= SEQUENCE OF P P ::= SEQUENCE { id INTEGER (0..63), value OCTET STRING } A ::= SEQUENCE { x BOOLEAN, y INTEGER (0..999) } B ::= NULL"  # noqa: E501


def test_open_types_are_decoded_by_the_id_beside_them() -> None:
    made = Made(OPEN_TEXT, opens=OPEN)
    raw = [{"id": 1, "value": b"\x80\x40"}, {"id": 3, "value": b"raw"}, {"id": 2, "value": b""}]
    octets = bytes(made.reference.encode("T", raw))
    found = made.module["decode"](octets)
    assert found == [
        {"id": 1, "value": {"x": True, "y": 2}},
        {"id": 3, "value": b"raw"},
        {"id": 2, "value": None},
    ]
    assert made.module["encode"](raw) == octets


def test_open_types_that_hold_more_than_the_schema_knows_stay_octets() -> None:
    made = Made(OPEN_TEXT, opens=OPEN)
    octets = bytes(made.reference.encode("T", [{"id": 1, "value": b"\x80\x40\x01"}]))
    assert made.survives(octets) == [{"id": 1, "value": b"\x80\x40\x01"}]
    with pytest.raises(UperError, match="truncated"):
        made.module["decode"](bytes(made.reference.encode("T", [{"id": 1, "value": b"\x80"}])))


def test_a_prefix_comes_before_the_body() -> None:
    made = Made("T ::= SEQUENCE { a INTEGER (0..255) }", prefix="0011")
    assert made.module["encode"]({"a": 0x5A}) == b"\x35\xa0"
    assert made.module["decode"](b"\x35\xa0") == {"a": 0x5A}
    with pytest.raises(UperError, match="another message"):
        made.module["decode"](b"\x45\xa0")


@pytest.mark.parametrize(
    ("octets", "reason"),
    [(b"", "Short|truncated"), (b"\x00", "Short|truncated"), (b"\x01" * 9, "6 bytes follow")],
)
def test_too_few_and_too_many_octets_are_refused(octets: bytes, reason: str) -> None:
    made = Made("T ::= SEQUENCE { a INTEGER (0..255), b INTEGER (0..15), c INTEGER (0..255) }")
    with pytest.raises(ValueError, match=reason):
        made.module["decode"](octets)


FLAT_TEXT = """
T ::= SEQUENCE { a INTEGER (-4..20), b INTEGER (0..9) OPTIONAL, c BOOLEAN OPTIONAL, p P OPTIONAL,
  q CHOICE { r BIT STRING (SIZE (3)), s P, ..., t BOOLEAN }, l SEQUENCE (SIZE (0..3)) OF P,
  o SEQUENCE (SIZE (0..3)) OF O, ... }
P ::= SEQUENCE { x ENUMERATED { e0, e1, e2 }, y OCTET STRING (SIZE (2)) OPTIONAL, z IA5String (SIZE (0..5)), ... }
O ::= SEQUENCE { id INTEGER (0..63), value OCTET STRING }
A ::= SEQUENCE { m INTEGER (0..3) OPTIONAL, n INTEGER (0..200) }
"""
PATHS = ("a", "p.x", "p.y", "q.s.x", "o{7}.n", "o{8}?", "c?", "b#")
SHORT = {"x": "e0", "z": ""}


@pytest.mark.parametrize(
    ("value", "flat"),
    [
        ({"a": -4, "q": ("s", SHORT), "l": [], "o": []}, (-4, None, None, 0, None, None, None, None)),
        (
            {
                "a": 20,
                "b": 3,
                "c": False,
                "p": {"x": "e2", "y": b"hi", "z": "abc"},
                "q": ("s", {"x": "e1", "z": ""}),
                "l": [{"x": "e0", "z": "xyz"}] * 3,
                "o": [{"id": 7, "value": b"\xf9\x00"}, {"id": 8, "value": b"..."}, {"id": 9, "value": b"."}],
            },
            (20, 2, b"hi", 1, 200, True, True, 3),
        ),
    ],
)
def test_a_flat_decoder_reads_what_it_is_asked(value: Any, flat: tuple[Any, ...]) -> None:
    opens = {"O": OpenTable("id", "value", {7: "A", 8: "A"})}
    made = Made(FLAT_TEXT, opens=opens, report=PATHS)
    octets = bytes(made.reference.encode("T", value))
    assert made.module["report"](octets) == flat
    with pytest.raises((ValueError, IndexError)):
        made.module["report"](octets[:-1])
    with pytest.raises(UperError, match="1 bytes follow"):
        made.module["report"](octets + b"\0")


@pytest.mark.parametrize("choice", [("r", (b"\xe0", 3)), ("t", True)])
def test_a_flat_decoder_leaves_another_alternative_to_the_whole_one(choice: Any) -> None:
    opens = {"O": OpenTable("id", "value", {7: "A", 8: "A"})}
    made = Made(FLAT_TEXT, opens=opens, report=PATHS)
    value = {"a": 0, "q": choice, "l": [], "o": []}
    octets = bytes(made.reference.encode("T", value))
    assert made.module["decode"](octets) == value
    with pytest.raises(UperError, match=r"q: \d is out of range"):
        made.module["report"](octets)


def test_a_number_as_it_is_on_the_wire_is_not_compared_with_its_range() -> None:
    made = Made("T ::= SEQUENCE { a INTEGER (-4..20), b INTEGER (-4..20) }", report=("a#", "b"))
    assert made.module["report"](b"\x00\x00") == (0, -4)
    assert made.module["report"](b"\xf8\x00") == (31, -4)
    with pytest.raises(UperError, match="b: 27 is out of range"):
        made.module["report"](b"\x07\xc0")


def test_what_is_generated_is_what_is_committed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("T ::= INTEGER (1..2 | 5)", "union"),
        ("T ::= SET { a BOOLEAN }", "Set is not supported"),
        ("T ::= BIT STRING { a (0) } (SIZE (1..3))", "named bits"),
    ],
)
def test_what_cannot_be_generated_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "m.asn").write_text(f"{HEAD}{text}\nEND")
    with pytest.raises(ValueError, match=reason):
        Tree(compiled_types(tmp_path, ["m.asn"]), {}).named("T")
