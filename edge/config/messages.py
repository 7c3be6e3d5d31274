"""Words for what is wrong in a configuration file: what was expected, what is there, and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from edge.config.lines import Path as Where

_UNITS = {
    "_ms": "milliseconds",
    "_s": "seconds",
    "_m": "metres",
    "_px": "pixels",
    "_hz": "times a second",
    "_deg": "degrees",
}
_WHOLE = frozenset({"int_parsing", "int_type", "int_from_float"})
_NUMBER = frozenset({"float_parsing", "float_type"})
_LIST = frozenset({"tuple_type", "list_type"})
_POINTS = {
    "points": "a point is [u px, v px, x m, y m]",
    "points_wgs84": "a point is [u px, v px, latitude, longitude]",
}


def words(error: Any, where: Where, model: type[BaseModel]) -> tuple[str, str]:
    """Problem and remedy of one mistake, as pydantic tells it, at a key of a file that `model` describes."""
    kind, given = error["type"], error.get("input")
    key = str(where[-1]) if where else ""
    if kind == "extra_forbidden":
        return "unknown key", _for_unknown(where, model)
    if kind == "missing":
        return "is missing", _for_missing(where)
    if kind == "union_tag_not_found":
        return "needs a type", f"add type = one of {error['ctx'].get('discriminator')}"
    if kind == "union_tag_invalid":
        return f"no type is called {error['ctx']['tag']!r}", f"one of {error['ctx']['expected_tags']}"
    return _for_value(error, key, kind, given)


def _for_value(error: Any, key: str, kind: str, given: Any) -> tuple[str, str]:
    if kind in _WHOLE | _NUMBER:
        return f"must be {_number(kind, key)}, not {given!r}", _for_number(given)
    if kind in _LIST:
        return _for_one(key, given)
    if kind == "string_type" and not isinstance(given, (dict, list)):
        return f"must be text, not {given!r}", 'write it in " "'
    if kind == "string_pattern_mismatch":
        return f"{given!r} is no name", "small letters, digits, - and _, at most 32, beginning with a letter"
    message = error["msg"].removeprefix("Value error, ")
    plain = isinstance(given, (dict, list)) or (isinstance(given, str) and repr(given) in message)
    return message[0].lower() + message[1:] + ("" if plain else f", not {given!r}"), _for_place(key, given)


def toml_remedy(error: Exception) -> str:
    """How to mend what is no TOML; empty where the parser's own words say it."""
    text = str(error)
    if "overwrite" in text or "Cannot declare" in text or "mutate" in text:
        return "a key or section is there twice; every camera is a [[camera]], with two brackets"
    return 'text stands in " ", numbers and true or false do not' if "Invalid value" in text else ""


def _for_one(key: str, given: Any) -> tuple[str, str]:
    if isinstance(given, dict):
        return "there may be several", f"write [[{key}]], with two brackets"
    return f"must be a list, not {given!r}", "write it in [ ]"


def _number(kind: str, key: str) -> str:
    unit = next((name for ending, name in _UNITS.items() if key.endswith(ending)), "")
    return ("a whole number" if kind in _WHOLE else "a number") + (f" of {unit}" if unit else "")


def _for_missing(where: Where) -> str:
    if where[0] == "schema_version":
        return "add schema_version = 1"
    if len(where) > 2 and where[-3] in _POINTS:
        return _POINTS[str(where[-3])]
    return "add it"


def _for_number(given: Any) -> str:
    return "write the number alone, without quotes and unit" if isinstance(given, str) else ""


def _for_place(key: str, given: Any) -> str:
    if key == "latitude_deg" and isinstance(given, float | int) and 90 <= abs(given) <= 180:
        return "is it the longitude?"
    return ""


def _for_unknown(where: Where, model: type[BaseModel]) -> str:
    key = str(where[-1])
    close = difflib.get_close_matches(key, _known_keys(where[:-1], model), n=1)
    if close:
        return f"did you mean {close[0]}?"
    homes = sorted({section for section, name in _sections(model) if name == key})
    if homes:
        return f"it belongs under {' or '.join(homes)}"
    return "remove it or see the README"


def _sections(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, str]]:
    """Header of every section, as it is written in the file, with each key that it may have."""
    for name, field in model.model_fields.items():
        if path:
            yield path, name
        several = str(field.annotation).startswith("tuple")
        inner_path = f"{path.strip('[]')}.{name}".lstrip(".")
        for inner in _models_in(field.annotation):
            yield from _sections(inner, f"[[{inner_path}]]" if several else f"[{inner_path}]")


def _known_keys(where: Where, model: type[BaseModel]) -> list[str]:
    """Keys that the section at a path may have."""
    models: list[type[BaseModel]] = [model]
    for part in where:
        if isinstance(part, int):
            continue
        found = [m.model_fields[part].annotation for m in models if part in m.model_fields]
        models = [inner for annotation in found for inner in _models_in(annotation)]
    return sorted({name for found in models for name in found.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    inner = getattr(annotation, "__args__", ())
    return [found for argument in inner for found in _models_in(argument)]
