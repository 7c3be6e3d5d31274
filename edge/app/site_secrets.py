"""Reads the secrets that the site file names by path."""

from __future__ import annotations

import ssl
from functools import partial
from pathlib import Path

from edge.config.access import MqttTlsConfig
from edge.config.address import split_address
from edge.config.links import MqttLinkConfig, MqttRadioConfig
from edge.core.errors import ConfigError
from hw.rsu.mqtt_session import Broker


def read_secret(path: Path, *, key: str) -> str:
    """What the file holds, without white space around it. Raises `ConfigError`."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigError(key, f"cannot read {path}: {reason}") from error


def broker_of(config: MqttLinkConfig | MqttRadioConfig) -> Broker:
    """Where the broker is and how to log in. Raises `ConfigError`."""
    host, port = split_address(config.broker)
    path = config.password_file
    password = None if path is None else read_secret(path, key="password_file")
    tls = None if config.tls is None else partial(_context, config.tls)
    if tls is not None:
        try:
            tls()
        except OSError as error:  # of which TLS's own errors are some
            raise ConfigError("tls", f"certificates for {config.broker} cannot be used: {error}") from error
    return Broker(host, port, username=config.username, password=password, tls=tls)


def _context(config: MqttTlsConfig) -> ssl.SSLContext:
    """TLS of one connection with the files as they are now. Raises `OSError`."""
    context = ssl.create_default_context(cafile=str(config.authority))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.certificate is not None:
        context.load_cert_chain(str(config.certificate), str(config.key))
    return context
