"""MQTT topic templates of radios."""

from __future__ import annotations

from edge.core.errors import ConfigError


def check_template(template: str) -> None:
    """Refuse a template that cannot become a topic.

    Raises:
        ConfigError: unknown placeholder, wildcard or empty template.
    """
    remedy = "write for example V2X/RSU/{esn}/{kind}/DOWN"
    try:
        topic = fill_template(template, esn="1", kind="SPAT")
    except (KeyError, IndexError, ValueError) as error:
        raise ConfigError("rsu.topic", f"bad placeholder in {template!r}: {error}", remedy=remedy) from error
    if not topic or set("+#\0") & set(topic):
        raise ConfigError("rsu.topic", f"{template!r} is not a topic to publish on", remedy=remedy)


def fill_template(template: str, *, esn: str, kind: str) -> str:
    """The topic for one kind of message, e.g. `V2X/RSU/R1/SPAT/DOWN`."""
    return template.format_map({"esn": esn, "kind": kind})
