"""Reads a site file; every mistake becomes one `ConfigError` that names file, line, key and remedy."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from edge.config.controller import ControllerSection
from edge.config.lines import Path as Where
from edge.config.lines import key_lines, nearest_line
from edge.config.links import CentreLinkConfig
from edge.config.messages import toml_remedy, words
from edge.config.site import DRAFT, SiteConfig
from edge.core.errors import ConfigError

Controller = TypeVar("Controller", bound=ControllerSection)
Link = TypeVar("Link", bound=BaseModel)
Model = TypeVar("Model", bound=BaseModel)
AnySection = TypeVar("AnySection", bound=BaseModel)
_MODEL_FILES = (".onnx", ".rknn")
_RANK = {"extra_forbidden": 0, "missing": 2}
"""Which mistake to name first: an unknown key is often the reason for a missing one."""


def load_site(path: Path) -> SiteConfig:
    """Read and check a site file; relative paths in it are relative to the file.

    Raises:
        ConfigError: anything is wrong.
    """
    site, text = read_checked(path, SiteConfig, what="site file")
    site = _resolved(site, path)
    _check_files(site, key_lines(text), path)
    return site


def load_draft(path: Path) -> SiteConfig:
    """Like `load_site` for a site in the making: cameras may lack marks, and files that it names may be absent.

    Raises:
        ConfigError: anything else is wrong.
    """
    site, _text = read_checked(path, SiteConfig, what="site file", context=DRAFT)
    return _resolved(site, path)


def read_checked(
    path: Path, model: type[Model], *, what: str, context: dict[str, bool] | None = None
) -> tuple[Model, str]:
    """A TOML file as a model, and its text. `context` is for the model's validators.

    Raises:
        ConfigError: it cannot be read, is no TOML, or does not fit the model.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("", f"cannot read the {what}: {error}", file=str(path)) from error
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOML's own, or a number or nesting beyond reason
        raise ConfigError(
            "", f"not valid TOML: {error}", remedy=toml_remedy(error), file=str(path)
        ) from error
    try:
        return model.model_validate(values, context=context), text
    except ValidationError as error:
        raise _explain(error, text, path, model) from error


def _explain(error: ValidationError, text: str, path: Path, model: type[BaseModel]) -> ConfigError:
    lines = key_lines(text)
    first = min(error.errors(include_url=False), key=lambda e: _RANK.get(e["type"], 1))
    where = tuple(part for part in first["loc"] if part != "[key]" and not _is_union_tag(part, first["loc"]))
    if first["type"] == "union_tag_invalid":
        where = (*where, "type")
    more = error.error_count() - 1
    problem, remedy = words(first, where, model)
    if more:
        problem += f" [and {more} more]"
    return ConfigError(
        _dotted(where), problem, remedy=remedy, file=str(path), line=nearest_line(lines, where)
    )


def _is_union_tag(part: str | int, where: tuple[str | int, ...]) -> bool:
    """pydantic puts the tag of a discriminated union behind the list index, of the controller behind its section."""
    at = where.index(part)
    if where[0] == "controller":
        return at == 1
    tags = {"udp", "mqtt", "ifm41", "ntcip1218"}
    return at > 1 and part in tags and isinstance(where[at - 1], int)


def _dotted(where: tuple[str | int, ...]) -> str:
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _resolved(site: SiteConfig, path: Path) -> SiteConfig:
    """Make paths absolute."""
    base = path.resolve().parent
    return site.model_copy(
        update={
            "site": site.site.model_copy(update={"map": base / site.site.map}),
            "state_dir": base / site.state_dir,
            "tls": _with_paths(site.tls, base),
            "controller": None if site.controller is None else _with_controller_files(site.controller, base),
            "v2x": tuple(_with_files(v, base) for v in site.v2x),
            "rsu": tuple(_with_files(r, base) for r in site.rsu),
            "openv2x": None if site.openv2x is None else _with_files(site.openv2x, base),
            "centre": None if site.centre is None else _with_keys(site.centre, base),
            "mqtt_feed": tuple(_with_files(f, base) for f in site.mqtt_feed),
            "camera": tuple(c.model_copy(update={"model": _model_path(c.model, base)}) for c in site.camera),
        }
    )


def _check_files(site: SiteConfig, lines: dict[Where, int], path: Path) -> None:
    """Every file that the site names must be there and readable."""
    named: list[tuple[Where, Path, str]] = [
        (("site", "map"), site.site.map, "give the path relative to the site file")
    ]
    for index, camera in enumerate(site.camera):
        if camera.model.endswith(_MODEL_FILES):
            remedy = "give a path relative to the site file, or the name of a folder in models/"
            named.append((("camera", index, "model"), Path(camera.model), remedy))
    for key, file in _paths_of(site.tls):
        named.append(
            (("tls", key), file, "give a path relative to the site file, readable for the node's user")
        )
    if site.controller is not None:
        remedy = "give a path relative to the site file, readable for the node's user"
        files = [(key, getattr(site.controller, key)) for key in site.controller.files]
        named += [(("controller", key), file, remedy) for key, file in files if file is not None]
    for index, command_key in enumerate(site.centre.command_keys if site.centre is not None else ()):
        named.append(
            (("centre", "command_keys", index), command_key, "give a path relative to the site file")
        )
    links: dict[str, tuple[BaseModel, ...]] = {"v2x": site.v2x, "rsu": site.rsu, "mqtt_feed": site.mqtt_feed}
    for section, members in links.items():
        for index, link in enumerate(members):
            remedy = "give a path relative to the site file, readable for the node's user"
            named += [((section, index, *key), file, remedy) for key, file in _files_of(link)]
    if site.openv2x is not None:
        remedy = "give a path relative to the site file, readable for the node's user"
        named += [(("openv2x", *key), file, remedy) for key, file in _files_of(site.openv2x)]
    for where, file, remedy in named:
        problem = _why_unreadable(file)
        if not problem:
            continue
        line = nearest_line(lines, where)
        raise ConfigError(_dotted(where), problem, remedy=remedy, file=str(path), line=line)


def _with_controller_files(controller: Controller, base: Path) -> Controller:
    """The controller with absolute paths to its files."""
    files = {key: getattr(controller, key) for key in controller.files}
    return controller.model_copy(update={key: base / file for key, file in files.items() if file is not None})


def _with_keys(centre: CentreLinkConfig, base: Path) -> CentreLinkConfig:
    """The centre with absolute paths to its keys."""
    return centre.model_copy(update={"command_keys": tuple(base / path for path in centre.command_keys)})


def _why_unreadable(file: Path) -> str:
    """Empty when the file can be read."""
    try:
        if file.is_file() and os.access(file, os.R_OK):
            return ""
        return f"cannot be read: {file}" if file.exists() else f"no such file: {file}"
    except OSError as error:  # a folder on the way is closed to us, or the name is too long
        return f"cannot be read: {error.strerror}: {file}"


def _with_files(link: Link, base: Path) -> Link:
    """The link with absolute paths to its secrets, its certificates and its key."""
    updates: dict[str, Any] = {key: base / file for key, file in _secrets_of(link).items()}
    sign = getattr(link, "sign", None)
    if sign is not None:
        paths = {"certificate": base / sign.certificate, "key": base / sign.key}
        updates["sign"] = sign.model_copy(update=paths)
    updates["tls"] = _with_paths(getattr(link, "tls", None), base)
    updates["trust"] = tuple(base / path for path in getattr(link, "trust", ()))
    return link.model_copy(update={key: value for key, value in updates.items() if value})


def _files_of(link: BaseModel) -> list[tuple[Where, Path]]:
    """Every file that a link names, and under which key."""
    found: list[tuple[Where, Path]] = [((key,), file) for key, file in _secrets_of(link).items()]
    sign = getattr(link, "sign", None)
    if sign is not None:
        found += [(("sign", "certificate"), sign.certificate), (("sign", "key"), sign.key)]
    found += [(("tls", key), file) for key, file in _paths_of(getattr(link, "tls", None))]
    if getattr(link, "verify", "off") != "off":
        found += [(("trust", index), path) for index, path in enumerate(getattr(link, "trust", ()))]
    return found


def _with_paths(section: AnySection | None, base: Path) -> AnySection | None:
    """A section that holds nothing but paths, with absolute ones."""
    if section is None:
        return None
    return section.model_copy(update={key: base / file for key, file in _paths_of(section)})


def _paths_of(section: BaseModel | None) -> list[tuple[str, Path]]:
    """The paths of a section, by key."""
    fields = [] if section is None else list(section)
    return [(key, file) for key, file in fields if isinstance(file, Path)]


def _secrets_of(link: BaseModel) -> dict[str, Path]:
    """The files with passwords and passphrases that a link names, by key."""
    files = {key: getattr(link, key, None) for key in ("password_file", "auth_file", "privacy_file")}
    return {key: file for key, file in files.items() if file is not None}


def _model_path(model: str, base: Path) -> str:
    """A file, or a folder that holds one, is relative to the site file; what else there is is a name."""
    own = model.endswith(_MODEL_FILES) or not _why_unreadable(base / model / "model.onnx")
    return str(base / model) if own else model
