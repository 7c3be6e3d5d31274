"""The doctor's checks of radios and brokers; nothing is sent that goes on the air."""

from __future__ import annotations

import asyncio
import socket

from edge.app.site_secrets import broker_of
from edge.app.verdict import Verdict
from edge.config.address import split_address
from edge.config.links import MqttLinkConfig
from edge.config.openv2x import OpenV2xConfig
from edge.config.radios import Ifm41Config, MqttRadioConfig, Ntcip1218Config, RsuConfig
from edge.config.web import MqttFeedConfig
from edge.core.errors import DeviceError


def check_broker(
    config: MqttLinkConfig | MqttRadioConfig | MqttFeedConfig | OpenV2xConfig,
) -> tuple[Verdict, str]:
    """Whether the broker lets us in."""
    from hw.rsu.mqtt_session import mqtt_session  # noqa: PLC0415 - a driver

    async def greet() -> None:
        async with mqtt_session(broker_of(config), device=config.name):
            pass

    try:
        asyncio.run(greet())
    except DeviceError as error:
        remedy = (
            "is it running, is the address right, are username and password_file as the broker wants them?"
        )
        return Verdict.BAD, f"{error}; {remedy}"
    return Verdict.GOOD, f"broker {config.broker} lets us in"


def check_radio(config: RsuConfig) -> tuple[Verdict, str]:
    """What can be found of a radio without sending anything."""
    if isinstance(config, MqttRadioConfig):
        return check_broker(config)
    return _ntcip1218(config) if isinstance(config, Ntcip1218Config) else _ifm41(config)


def _ifm41(config: Ifm41Config) -> tuple[Verdict, str]:
    """Whether there is a way to it; it never answers, and what is sent goes on the air."""
    host, port = split_address(config.address)
    try:
        kind, _type, _protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(kind, socket.SOCK_DGRAM) as sock:
            sock.connect(address)
            ours = sock.getsockname()[0]
    except OSError as error:
        return (
            Verdict.BAD,
            f"no way to {config.address}: {error.strerror or error}; mend address, or the network",
        )
    return (
        Verdict.GOOD,
        f"{config.address} by way of {ours}; RSU 4.1 gives no answer: look at what the RSU counts",
    )


def _ntcip1218(config: Ntcip1218Config) -> tuple[Verdict, str]:
    from edge.app.radio_parts import ask_radio  # noqa: PLC0415 - a driver

    try:
        mode, firmware = asyncio.run(ask_radio(config))
    except DeviceError as error:
        remedy = "compare user, auth, privacy and both passphrases with the RSU's, and its access list"
        return Verdict.BAD, f"{error}; {remedy}"
    text = f"{config.address} answers, firmware {firmware}, mode {mode}"
    if mode in {"standby", "operate"}:
        return Verdict.GOOD, text
    return (
        Verdict.ODD,
        f"{text}; the node sets standby, then operate: see the RSU's own log if it does not follow",
    )
