"""What a node does with orders of its centre: checked against the site, staged, tried, given up."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.app.demo_site import SCENE_DIRECTORY, free_ports, write_site
from edge.app.front_orders import Orders
from edge.app.staging import Staging, load_map, running_map
from edge.config import SiteConfig, load_site
from edge.core.errors import ConfigError
from edge.publish.command_judge import CommandRefusedError
from edge.v1.command_pb2 import (
    COMMAND_OUTCOME_APPLIED,
    COMMAND_OUTCOME_STAGED,
    COMMAND_REFUSAL_EXPIRED,
    COMMAND_REFUSAL_INVALID,
    Command,
    Configuration,
    NewMap,
    PlanAdvice,
)

NOW_NS = time.time_ns()
HOUR_NS = 3600 * 10**9
MAP = json.loads((SCENE_DIRECTORY / "map.json").read_text(encoding="utf-8"))


@pytest.fixture
def site(tmp_path: Path) -> SiteConfig:
    return load_site(write_site(tmp_path, free_ports()))


@pytest.fixture
def orders(site: SiteConfig) -> Orders:
    return Orders(site, load_map(site, site.site.map), Staging(site), now_ns=lambda: NOW_NS)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"[]", b"7", b"\xef\xbb\xbf{}"])
def test_octets_that_are_no_map_are_refused_in_words(orders: Orders, content: bytes) -> None:
    with pytest.raises(ConfigError, match=r"probe\.json"):
        orders.map(Command(map=NewMap(map_json=content)))


def configuration(**values: str) -> Command:
    named = {key.replace("__", "."): text for key, text in values.items()}
    return Command(configuration=Configuration(values=named))


def deeper(found: object, key: str) -> list[dict[str, object]]:
    """Every object that holds a key, at any depth."""
    if isinstance(found, list):
        return [hit for entry in found for hit in deeper(entry, key)]
    if not isinstance(found, dict):
        return []
    return [
        *([found] if key in found else []),
        *(hit for entry in found.values() for hit in deeper(entry, key)),
    ]


def with_revision(revision: int) -> bytes:
    found = json.loads(json.dumps(MAP))
    for holder in deeper(found, "revision"):
        holder["revision"] = revision
    return json.dumps(found).encode()


def test_values_are_staged_and_in_effect_with_the_next_start(site: SiteConfig, orders: Orders) -> None:
    assert site.centre is not None
    outcome, words = orders.configuration(configuration(centre__rate_hz="5", grpc__max_subscribers="123"))
    assert outcome == COMMAND_OUTCOME_STAGED
    assert words == "for the next start: centre.rate_hz = 5, grpc.max_subscribers = 123"
    assert site.centre.rate_hz == 10.0
    orders.configuration(configuration(centre__history_mb="64"))
    changed, notes = Staging(site).take_up()
    assert changed.centre is not None
    assert (changed.centre.rate_hz, changed.centre.history_mb, changed.grpc.max_subscribers) == (5.0, 64, 123)
    assert notes == [
        "orders of the centre are in effect: centre.history_mb = 64, centre.rate_hz = 5, grpc.max_subscribers = 123"
    ]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"grpc__listen": '"0.0.0.0:1"'}, "cannot be set from the centre"),
        ({"centre__address": '"1.2.3.4:5"'}, "cannot be set from the centre"),
        ({"centre__command_keys": "[]"}, "cannot be set from the centre"),
        ({"centre__rate_hz": "0"}, "greater than 0"),
        ({"centre__rate_hz": '"x"'}, "valid number"),
        ({"centre__rate_hz": "{"}, "not JSON"),
        ({}, "names no key"),
        ({"centre__rate_hz": "5", "controller__predict": "false"}, "cannot be set"),
    ],
)
def test_other_values_are_refused_and_nothing_is_staged(
    values: dict[str, str], words: str, site: SiteConfig, orders: Orders
) -> None:
    with pytest.raises((ConfigError, CommandRefusedError), match=words):
        orders.configuration(configuration(**values))
    assert Staging(site).take_up() == (site, [])


def test_a_map_is_staged_and_runs_with_the_next_start(site: SiteConfig, orders: Orders) -> None:
    content = with_revision(99)
    outcome, words = orders.map(Command(map=NewMap(map_json=content)))
    assert (outcome, words) == (COMMAND_OUTCOME_STAGED, "for the next start: MAP of revision 99")
    assert running_map(site) == site.site.map
    _site, notes = Staging(site).take_up()
    assert notes == ["orders of the centre are in effect: a MAP"]
    assert load_map(site, running_map(site)).revision == 99


def without_groups(found: dict[str, object]) -> bytes:
    for holder in deeper(found, "signalGroup"):
        del holder["signalGroup"]
    return json.dumps(found).encode()


def of_another(found: dict[str, object]) -> bytes:
    for holder in deeper(found, "id"):
        if isinstance(holder["id"], dict) and "id" in holder["id"]:
            holder["id"] = {**holder["id"], "id": 777}
    return json.dumps(found).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not JSON"),
        (b"\xff\xfe", "JSON|decode"),
        (b"{}", "intersection"),
        (without_groups(json.loads(json.dumps(MAP))), "signal groups"),
        (of_another(json.loads(json.dumps(MAP))), "it is of intersection 777"),
    ],
    ids=["torn", "no text", "empty", "no groups", "another intersection"],
)
def test_a_map_that_does_not_fit_is_refused(
    content: bytes, words: str, site: SiteConfig, orders: Orders
) -> None:
    with pytest.raises((ConfigError, CommandRefusedError), match=words):
        orders.map(Command(map=NewMap(map_json=content)))
    assert Staging(site).take_up() == (site, [])
    assert running_map(site) == site.site.map


def places_in(found: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every value of a JSON text."""
    entries = (
        found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    )
    for key, entry in entries:
        yield (*path, key)
        yield from places_in(entry, (*path, key))


def test_a_map_with_any_value_of_another_kind_is_refused_in_words_or_staged(orders: Orders) -> None:
    source = random.Random(1)
    outcomes = set()
    for path in source.sample(list(places_in(MAP)), 40):
        found = json.loads(json.dumps(MAP))
        holder = found
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = source.choice([None, -1, 2**70, "", [], {}, [None], {"a": 1}])
        try:
            outcomes.add(orders.map(Command(map=NewMap(map_json=json.dumps(found).encode())))[0])
        except (ConfigError, CommandRefusedError) as error:
            outcomes.add(type(error).__name__)
    assert "ConfigError" in outcomes


def test_a_start_that_does_not_live_makes_the_next_one_give_the_orders_up(
    site: SiteConfig, orders: Orders
) -> None:
    orders.map(Command(map=NewMap(map_json=with_revision(99))))
    Staging(site).take_up()
    again, notes = Staging(site).take_up()
    assert again == site
    assert running_map(site) == site.site.map
    assert "did not live" in notes[0]
    assert (site.state_directory / "commands" / "failed.json").exists()
    assert Staging(site).take_up() == (site, [])


def test_orders_that_lived_stay_over_later_starts(site: SiteConfig, orders: Orders) -> None:
    orders.configuration(configuration(centre__rate_hz="5"))
    orders.map(Command(map=NewMap(map_json=with_revision(99))))
    first = Staging(site)
    first.take_up()
    first.trust()
    second, _notes = Staging(site).take_up()
    assert second.centre is not None
    assert second.centre.rate_hz == 5.0
    assert load_map(site, running_map(site)).revision == 99


def test_a_map_ordered_in_place_of_another_file_is_given_up(tmp_path: Path) -> None:
    path = write_site(tmp_path, free_ports())
    own = tmp_path / "own_map.json"
    own.write_bytes(with_revision(1))
    path.write_text(path.read_text().replace(str(SCENE_DIRECTORY / "map.json"), str(own)))
    site = load_site(path)
    Orders(site, load_map(site, own), Staging(site)).map(Command(map=NewMap(map_json=with_revision(99))))
    own.write_bytes(with_revision(2))
    _site, notes = Staging(site).take_up()
    assert "names another MAP" in notes[0]
    assert running_map(site) == own


def test_a_torn_file_of_orders_is_nothing(site: SiteConfig) -> None:
    folder = site.state_directory / "commands"
    folder.mkdir(parents=True)
    (folder / "next.json").write_text("{torn")
    assert Staging(site).take_up() == (site, [])


def advice(**fields: object) -> Command:
    values: dict[str, object] = {"cycle_s": 90.0, "valid_from_ns": NOW_NS, "valid_until_ns": NOW_NS + HOUR_NS}
    return Command(plan_advice=PlanAdvice(**(values | fields)))  # type: ignore[arg-type]


def test_advice_is_published_in_words_and_not_written_to_the_controller(orders: Orders) -> None:
    outcome, words = orders.plan_advice(advice(offset_s=12.5, green_s={2: 30.0}))
    assert outcome == COMMAND_OUTCOME_APPLIED
    assert (
        words
        == "advice published, controller not written to: cycle 90 s, offset 12.5 s, green of group 2 30 s"
    )


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"valid_until_ns": NOW_NS - 1}, COMMAND_REFUSAL_EXPIRED),
        ({"valid_until_ns": NOW_NS + 1000 * HOUR_NS}, COMMAND_REFUSAL_EXPIRED),
        ({"cycle_s": 5.0}, COMMAND_REFUSAL_INVALID),
        ({"cycle_s": float("nan")}, COMMAND_REFUSAL_INVALID),
        ({"offset_s": 90.0}, COMMAND_REFUSAL_INVALID),
        ({"green_s": {251: 30.0}}, COMMAND_REFUSAL_INVALID),
        ({"green_s": {2: 90.0}}, COMMAND_REFUSAL_INVALID),
        ({"green_s": {2: float("nan")}}, COMMAND_REFUSAL_INVALID),
    ],
)
def test_advice_that_cannot_be_meant_is_refused(
    fields: dict[str, object], refusal: int, orders: Orders
) -> None:
    with pytest.raises(CommandRefusedError) as caught:
        orders.plan_advice(advice(**fields))
    assert caught.value.refusal == refusal
