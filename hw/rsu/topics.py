"""MQTT topic templates of radios."""

from __future__ import annotations

import string

from edge.core.errors import ConfigError


def check_template(template: str) -> None:
    """Refuse a template that cannot become a topic.

    Raises:
        ConfigError: unknown placeholder, wildcard or empty template.
    """
    remedy = "write for example V2X/RSU/{esn}/{kind}/DOWN"
    try:
        _check_fields(template)
        topic = fill_template(template, esn="1", kind="SPAT")
    except (KeyError, IndexError, ValueError) as error:
        raise ConfigError("rsu.topic", f"bad placeholder in {template!r}: {error}", remedy=remedy) from error
    if not topic or set("+#\0") & set(topic):
        raise ConfigError("rsu.topic", f"{template!r} is not a topic to publish on", remedy=remedy)


def _check_fields(template: str) -> None:
    """Only the bare placeholders: no attribute, no index, no width."""
    for _text, name, form, conversion in string.Formatter().parse(template):
        if name is not None and (name not in ("esn", "kind") or form or conversion):
            raise ValueError(f"only {{esn}} and {{kind}} are known, not {name!r}")


def fill_template(template: str, *, esn: str, kind: str) -> str:
    """The topic for one kind of message, e.g. `V2X/RSU/R1/SPAT/DOWN`."""
    return template.format_map({"esn": esn, "kind": kind})
