"""Builds the driver of each radio of the site; only the module of its own protocol is imported."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING

from edge.app.security_parts import build_signer
from edge.app.site_secrets import broker_of, read_secret
from edge.config.address import split_address
from edge.config.radios import Ifm41Config, MqttRadioConfig, Ntcip1218Config, RsuConfig
from edge.core.errors import DeviceError
from edge.ports import RadioMessage, RsuRadio
from edge.v2x.framing import PSID_OF_KIND, wrap_hisense
from hw.rsu.signed_radio import SignedRadio

if TYPE_CHECKING:
    from hw.rsu.ntcip1218_link import SnmpLink

KINDS = ("SPAT", "MAP")
ASK_TIMEOUT_S = 3.0


def build_radio(config: RsuConfig, *, kinds: tuple[str, ...] = KINDS) -> RsuRadio:
    """The driver of a radio; it signs first where the radio does not. Raises `ConfigError`.

    Args:
        kinds: messages that go through it.
    """
    radio = _bare_radio(config, kinds)
    if config.sign is None:
        return radio
    return SignedRadio(
        radio, build_signer(config.sign, dialect=config.dialect, kinds=kinds), name=config.name
    )


def _bare_radio(config: RsuConfig, kinds: tuple[str, ...]) -> RsuRadio:
    if isinstance(config, Ifm41Config):
        return _ifm41(config)
    if isinstance(config, Ntcip1218Config):
        return _ntcip1218(config, kinds)
    return _mqtt(config, kinds)


def _ifm41(config: Ifm41Config) -> RsuRadio:
    from hw.rsu.ifm41 import Ifm41Radio  # noqa: PLC0415 - one protocol a radio

    host, port = split_address(config.address)
    return Ifm41Radio(
        host,
        port,
        name=config.name,
        channel=config.channel,
        priority=config.priority,
        signature=config.rsu_signs,
        psids={str(kind): psid for kind, psid in config.psid.items()},
    )


def _mqtt(config: MqttRadioConfig, kinds: tuple[str, ...]) -> RsuRadio:
    from hw.rsu.mqtt_radio import MqttRadio, plain_envelope  # noqa: PLC0415 - one protocol a radio

    return MqttRadio(
        broker_of(config),
        name=config.name,
        esn=config.esn,
        topic=config.topic,
        envelope=_hisense(config.esn) if config.framing == "hisense" else plain_envelope,
        acknowledged=config.acknowledged,
        kinds=kinds,
    )


def _hisense(esn: str) -> Callable[[RadioMessage], bytes]:
    def wrap(message: RadioMessage) -> bytes:
        return wrap_hisense(message.payload, sender=esn, now_ns=time.time_ns())

    return wrap


def _ntcip1218(config: Ntcip1218Config, kinds: tuple[str, ...]) -> RsuRadio:
    from hw.rsu.ntcip1218 import Ntcip1218Radio  # noqa: PLC0415 - one protocol a radio
    from hw.rsu.ntcip1218_rows import IfmRow  # noqa: PLC0415

    psids = PSID_OF_KIND | config.psid
    rows = {
        kind: IfmRow(
            index,
            psid=psids[kind],
            channel=config.channel,
            priority=config.priority,
            rsu_signs=config.rsu_signs,
        )
        for index, kind in enumerate(kinds, config.first_row)
    }
    return Ntcip1218Radio(_snmp(config), name=config.name, rows=rows, shared=config.shared)


def _snmp(config: Ntcip1218Config) -> Callable[[], AbstractAsyncContextManager[SnmpLink]]:
    from hw.rsu.ntcip1218_link import SnmpUser  # noqa: PLC0415 - one protocol a radio
    from hw.rsu.ntcip1218_snmp import require_pysnmp, snmp_v3  # noqa: PLC0415

    require_pysnmp()
    user = SnmpUser(
        config.user,
        config.auth,
        read_secret(config.auth_file, key="auth_file"),
        config.privacy,
        read_secret(config.privacy_file, key="privacy_file"),
    )
    return partial(snmp_v3, *split_address(config.address), user=user, device=config.name)


async def ask_radio(config: Ntcip1218Config) -> tuple[str, str]:
    """The unit's mode and firmware, read and nothing written; for `edge doctor`.

    Raises:
        ConfigError, DeviceError: it cannot be asked.
    """
    from hw.rsu.ntcip1218_link import SnmpDenied, SnmpRefused  # noqa: PLC0415 - one protocol a radio
    from hw.rsu.ntcip1218_rows import FIRMWARE, RSU_MODE, mode_name  # noqa: PLC0415

    async with _snmp(config)() as link:
        try:
            mode = await link.get(RSU_MODE, timeout_s=ASK_TIMEOUT_S)
            firmware = await link.get(FIRMWARE, timeout_s=ASK_TIMEOUT_S)
        except TimeoutError as error:
            raise DeviceError(config.name, f"{config.address} does not answer over SNMP") from error
        except (SnmpDenied, SnmpRefused) as error:
            raise DeviceError(config.name, f"SNMP: {error}") from error
    told = firmware.decode("utf-8", "replace") if isinstance(firmware, bytes) else "unknown"
    return mode_name(mode), told
