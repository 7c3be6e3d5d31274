"""Every T/CSAE message in both variants against pycrate, which compiles the same schema on its own.

Values are drawn from the schema, so that every field is met, present and absent, at its bounds and within.
"""

from __future__ import annotations

import random
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.v2x import codec as codec_module
from edge.v2x.codec import message_codec

SCHEMA = Path(codec_module.__file__).parent / "schema" / "csae"
SET: dict[str, Any] = tomllib.loads((SCHEMA / "set.toml").read_text(encoding="utf-8"))
CASES = [(variant, message) for variant in SET["variants"] for message in SET["messages"]]
VALUES = 30
OPTIONAL = 0.4
"""Share of optional fields that are there."""
LONGEST_LIST = 3
"""Lists are drawn up to this much longer than they must be."""

FRAME = """
CSAE-Frame DEFINITIONS AUTOMATIC TAGS ::= BEGIN
IMPORTS BasicSafetyMessage FROM CSAE-BSM MapData FROM CSAE-MAP RoadsideSafetyMessage FROM CSAE-RSM
  SPAT FROM CSAE-SPAT RoadSideInformation FROM CSAE-RSI;
MessageFrame ::= CHOICE {
  bsmFrame BasicSafetyMessage, mapFrame MapData, rsmFrame RoadsideSafetyMessage, spatFrame SPAT,
  rsiFrame RoadSideInformation, ...
}
END
"""
"""The frame around a day-1 message, which our codec writes as a prefix of bits (YD/T 3709-2020 clause 5.2.1)."""

ALTERNATIVES = {
    "BasicSafetyMessage": "bsmFrame",
    "MapData": "mapFrame",
    "RoadsideSafetyMessage": "rsmFrame",
    "SPAT": "spatFrame",
    "RoadSideInformation": "rsiFrame",
}

Types = dict[str, Any]


def text_of(variant: str) -> list[str]:
    """The modules of a variant, under names of their own."""
    modules = SET["variants"][variant]["modules"]
    texts = [(SCHEMA / name).read_text(encoding="ascii") for name in modules]
    return [text.replace("CSAE-", f"CSAE{variant}-") for text in (*texts, FRAME)]


@pytest.fixture(scope="module")
def oracles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Types]:
    """pycrate's types by name, for each variant, in modules that it writes: it holds one schema at a time."""
    from pycrate_asn1c.asnproc import GLOBAL, PycrateGenerator, compile_text, generate_modules

    found: dict[str, Types] = {}
    for variant in SET["variants"]:
        source = tmp_path_factory.mktemp("oracle") / f"csae_{variant}.py"
        GLOBAL.clear()
        compile_text(text_of(variant))
        generate_modules(PycrateGenerator, str(source))
        GLOBAL.clear()
        modules = [m for m in runpy.run_path(str(source)).values() if hasattr(m, "_all_")]
        found[variant] = {kind._name: kind for module in modules for kind in module._all_}
    return found


@pytest.fixture(scope="module")
def schemas() -> dict[str, Types]:
    """The types as they are written, by name, for each variant."""
    import asn1tools

    found: dict[str, Types] = {}
    for variant in SET["variants"]:
        parsed = asn1tools.parse_string("\n".join(text_of(variant)))
        found[variant] = {name: kind for module in parsed.values() for name, kind in module["types"].items()}
    return found


def value_of(kind: Any, types: Types, rng: random.Random) -> Any:
    """A value of a type."""
    name = kind["type"]
    if name in types:
        return value_of(types[name], types, rng)
    if name == "INTEGER":
        low, high = kind["restricted-to"][0]
        return rng.choice([low, high, rng.randint(low, high)])
    if name == "BOOLEAN":
        return rng.random() < 0.5
    if name == "ENUMERATED":
        return rng.choice([entry[0] for entry in kind["values"] if entry is not None])
    members = [member for member in kind.get("members", ()) if member is not None]
    if name == "CHOICE":
        chosen = rng.choice(members)
        return chosen["name"], value_of(chosen, types, rng)
    if name == "SEQUENCE":
        present = [m for m in members if not m.get("optional") or rng.random() < OPTIONAL]
        return {member["name"]: value_of(member, types, rng) for member in present}
    return sized(kind, types, rng)


def sized(kind: Any, types: Types, rng: random.Random) -> Any:
    """A value of a type that has a size; an extensible one may be longer by some bits."""
    name, size = kind["type"], kind["size"]
    low, high = size[0] if isinstance(size[0], tuple) else (size[0], size[0])
    if name == "SEQUENCE OF":
        count = rng.randint(low, min(high, low + LONGEST_LIST))
        return [value_of(kind["element"], types, rng) for _ in range(count)]
    if name == "IA5String":
        return "".join(chr(rng.randint(32, 126)) for _ in range(rng.randint(low, high)))
    if name == "OCTET STRING":
        return rng.randbytes(rng.randint(low, min(high, low + 20)))
    assert name == "BIT STRING"
    count = rng.randint(low, high + (9 if None in size else 0))
    return (rng.getrandbits(count) << -count % 8).to_bytes((count + 7) // 8, "big"), count


def plain(value: Any) -> Any:
    """Our value in the other codec's form: bit strings are (integer, length)."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if isinstance(value, tuple) and isinstance(value[0], bytes):
        return int.from_bytes(value[0], "big") >> (-value[1] % 8), value[1]
    return (value[0], plain(value[1])) if isinstance(value, tuple) else value


@pytest.mark.parametrize(("variant", "message"), CASES)
def test_octets_and_values_are_those_of_the_other_codec(
    oracles: dict[str, Types], schemas: dict[str, Types], variant: str, message: str
) -> None:
    root, alternative = SET["messages"][message]["type"], ALTERNATIVES.get(message)
    oracle = oracles[variant][root if alternative is None else "MessageFrame"]
    codec = message_codec(f"csae-{variant}/{message}")
    rng, compared = random.Random(f"{variant}/{message}"), 0
    for _ in range(VALUES):
        value = value_of({"type": root}, schemas[variant], rng)
        expected = oracle.to_uper(plain(value) if alternative is None else (alternative, plain(value)))
        if len(expected) > codec_module.MAX_MESSAGE_BYTES:
            with pytest.raises(CodecError, match="more than"):
                codec.encode(value)
            continue
        assert codec.encode(value) == expected
        assert codec.decode(expected) == value
        compared += 1
    assert compared > VALUES // 2
