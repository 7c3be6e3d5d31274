"""What the centre has ordered for the next start of the node: values of the site file and a MAP, tried before trusted.

Files below `state/commands`: `next.json` waits for the next start; `active.json` is what this start took up, with
`active_map.json`; `failed.json` is what was given up. A start that does not live for `TRIAL_S` with news, as the file
`trial` tells, makes the one after it give the news up. The site file is never written to.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge.config import SiteConfig
from edge.core.errors import ConfigError, EdgeError
from edge.core.geodesy import LocalFrame
from edge.core.intersection import Intersection
from edge.publish.command_judge import write_synced
from edge.road import load_intersection

_log = logging.getLogger(__name__)
FOLDER = "commands"
TRIAL_S = 60.0
ALLOWED = (
    "centre.rate_hz",
    "centre.history_mb",
    "centre.history_days",
    "grpc.max_subscribers",
    "grpc.max_subscribers_per_peer",
)
"""Keys that a centre may set: what the front alone reads, and what changes no picture and no signal."""


def with_values(site: SiteConfig, values: Mapping[str, object]) -> SiteConfig:
    """The site with other values. Raises `ConfigError` for a key that may not be set, or a value that does not fit."""
    for key, value in values.items():
        if key not in ALLOWED:
            raise ConfigError(key, "cannot be set from the centre", remedy=f"one of {', '.join(ALLOWED)}")
        name, _, field = key.partition(".")
        section = getattr(site, name)
        if section is None:
            raise ConfigError(key, f"this site has no [{name}]")
        try:
            changed = type(section).model_validate(section.model_dump() | {field: value})
        except ValidationError as error:
            raise ConfigError(key, str(error.errors(include_url=False)[0]["msg"])) from error
        site = site.model_copy(update={name: changed})
    return site


def running_map(site: SiteConfig) -> Path:
    """The MAP of this start: that of the site file, or the one that was taken up in its place."""
    active = site.state_directory / FOLDER / "active_map.json"
    return active if active.is_file() else site.site.map


def load_map(site: SiteConfig, path: Path) -> Intersection:
    """A MAP in the frame of the site. Raises `ConfigError`."""
    frame = LocalFrame(site.site.latitude_deg, site.site.longitude_deg, site.site.elevation_m)
    return load_intersection(path, frame=frame)


class Staging:
    """The staged orders of one site.

    Args:
        site: as its file says.
    """

    def __init__(self, site: SiteConfig) -> None:
        self._site, self._folder = site, site.state_directory / FOLDER

    def stage_values(self, values: Mapping[str, object]) -> None:
        """Keep values for the next start, together with what is staged already. Raises `ConfigError`, `OSError`."""
        orders = self._orders()
        orders["values"] = orders.get("values", {}) | dict(values)
        with_values(self._site, orders["values"])
        self._write("next.json", orders)

    def stage_map(self, content: bytes) -> None:
        """Keep a MAP for the next start; it is checked already. Raises `OSError`."""
        orders = self._orders() | {"map": content.decode(), "instead_of": self._own_map()}
        self._write("next.json", orders)

    def probe(self, content: bytes) -> Intersection:
        """A MAP that came as octets, read as a file is. Raises `ConfigError`, `OSError`."""
        path = self._folder / "probe.json"
        write_synced(path, content)
        try:
            return load_map(self._site, path)
        finally:
            path.unlink(missing_ok=True)

    def take_up(self) -> tuple[SiteConfig, list[str]]:
        """At the start of the node: the site as it runs now, and what is to be told."""
        try:
            return self._take_up()
        except OSError as error:
            return self._site, [f"orders of the centre cannot be read: {error}"]

    def trust(self) -> None:
        """The node has lived with what it took up, or was stopped in order."""
        try:
            (self._folder / "trial").unlink(missing_ok=True)
        except OSError as error:
            _log.warning("orders of the centre stay on trial: %s", error)

    def _take_up(self) -> tuple[SiteConfig, list[str]]:
        notes = []
        if (self._folder / "trial").exists():
            self._give_up()
            notes.append(
                "the last start did not live with the centre's orders: they are set aside as failed.json"
            )
        (self._folder / "active_map.json").unlink(missing_ok=True)
        if (self._folder / "next.json").exists():
            write_synced(self._folder / "trial", b"")
            (self._folder / "next.json").replace(self._folder / "active.json")
        orders = self._read("active.json")
        if not orders:
            return self._site, notes
        try:
            site = self._use(orders)
        except (EdgeError, TypeError, AttributeError) as error:
            self._give_up()
            return self._site, [
                *notes,
                f"orders of the centre do not fit and are set aside as failed.json: {error}",
            ]
        return site, [*notes, "orders of the centre are in effect: " + _words(orders)]

    def _use(self, orders: dict[str, Any]) -> SiteConfig:
        site = with_values(self._site, orders.get("values", {}))
        if "map" in orders:
            if orders.get("instead_of") != self._own_map():
                raise ConfigError("site.map", "the site file names another MAP than when the order came")
            self.probe(orders["map"].encode())
            write_synced(self._folder / "active_map.json", orders["map"].encode())
        return site

    def _give_up(self) -> None:
        active = self._folder / "active.json"
        if active.exists():
            active.replace(self._folder / "failed.json")
        (self._folder / "active_map.json").unlink(missing_ok=True)
        (self._folder / "trial").unlink(missing_ok=True)

    def _orders(self) -> dict[str, Any]:
        return self._read("next.json") or self._read("active.json")

    def _read(self, name: str) -> dict[str, Any]:
        try:
            found = json.loads((self._folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            _log.warning("%s is not read: %s", name, error)
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, name: str, orders: dict[str, Any]) -> None:
        write_synced(self._folder / name, json.dumps(orders).encode())

    def _own_map(self) -> str:
        return hashlib.sha256(self._site.site.map.read_bytes()).hexdigest()


def _words(orders: dict[str, Any]) -> str:
    parts = [f"{key} = {json.dumps(value)}" for key, value in sorted(orders.get("values", {}).items())]
    return ", ".join([*parts, *(["a MAP"] if "map" in orders else [])])
