"""Reads the secrets that the site file names by path, and says who else may."""

from __future__ import annotations

import ssl
import stat
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from edge.config import SiteConfig
from edge.config.access import BrokerSection, MqttTlsConfig
from edge.config.address import split_address
from edge.core.errors import ConfigError
from hw.rsu.mqtt_session import Broker


def read_secret(path: Path, *, key: str) -> str:
    """What the file holds, without white space around it. Raises `ConfigError`."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigError(key, f"cannot read {path}: {reason}") from error


def secret_files(site: SiteConfig) -> dict[str, Path]:
    """Every file with a password, community, passphrase or private key that the site names, by key."""
    sections: list[tuple[str, BaseModel]] = [(f"v2x.{link.name}", link) for link in site.v2x]
    sections += [(f"rsu.{radio.name}", radio) for radio in site.rsu]
    sections += [(f"mqtt_feed.{feed.name}", feed) for feed in site.mqtt_feed]
    sections += [("controller", site.controller)] if site.controller is not None else []
    sections += [("openv2x", site.openv2x)] if site.openv2x is not None else []
    found: dict[str, Path] = {}
    for where, section in sections:
        values: dict[str, Any] = {key: getattr(section, key) for key in type(section).model_fields}
        found |= {f"{where}.{key}": path for key, path in values.items() if path and key.endswith("_file")}
        if values.get("sign") is not None:
            found[f"{where}.sign.key"] = values["sign"].key
        if values.get("tls") is not None and values["tls"].key is not None:
            found[f"{where}.tls.key"] = values["tls"].key
    return found if site.tls is None else found | {"tls.key": site.tls.key}


def open_to_others(path: Path) -> bool:
    """Whether everybody on the machine may read or change the file. Raises `OSError`."""
    return bool(path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH))


def broker_of(config: BrokerSection) -> Broker:
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
