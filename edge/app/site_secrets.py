"""Reads the secrets that the site file names by path."""

from __future__ import annotations

from pathlib import Path

from edge.config.address import split_address
from edge.config.links import MqttLinkConfig, MqttRadioConfig
from edge.config.web import MqttFeedConfig
from edge.core.errors import ConfigError
from hw.rsu.mqtt_session import Broker


def read_secret(path: Path, *, key: str) -> str:
    """What the file holds, without white space around it. Raises `ConfigError`."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigError(key, f"cannot read {path}: {reason}") from error


def broker_of(config: MqttLinkConfig | MqttRadioConfig | MqttFeedConfig) -> Broker:
    """Where the broker is and how to log in. Raises `ConfigError`."""
    host, port = split_address(config.broker)
    path = config.password_file
    password = None if path is None else read_secret(path, key="password_file")
    return Broker(host, port, username=config.username, password=password)
