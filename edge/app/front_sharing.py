"""Builds what tells a radio's listeners of road users, in the radio's message set."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping

from edge.app.front_priority_radio import ANSWERS, answers
from edge.app.radio_parts import KINDS
from edge.config import SiteConfig
from edge.config.radios import RsuConfig
from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObject, PerceivedObjects, Sensing
from edge.core.situation import Scene
from edge.core.stamp import NS_PER_S
from edge.flow.board import HealthBoard
from edge.flow.channel import Latest
from edge.ports import RsuRadio
from edge.publish.sharing import Encode, ObjectBroadcaster, Telling
from edge.v2x import csae, j2735
from edge.v2x.etsi_cpm import encode_cpm

KIND_OF_DIALECT = {"csae-a": "RSM", "csae-b": "RSM", "j2735": "SDSM", "etsi": "CPM"}


def shares(site: SiteConfig, radio: RsuConfig) -> bool:
    """Whether road users go out through this radio."""
    return site.sharing is not None and (not site.sharing.radios or radio.name in site.sharing.radios)


def kinds_through(site: SiteConfig, radio: RsuConfig) -> tuple[str, ...]:
    """Messages that go out through a radio."""
    shared = (KIND_OF_DIALECT[radio.dialect],) if shares(site, radio) else ()
    return (*KINDS, *shared, *((ANSWERS,) if answers(site, radio) else ()))


def build_sharing(
    site: SiteConfig,
    config: RsuConfig,
    radio: RsuRadio,
    *,
    frame: LocalFrame,
    scenes: Latest[Scene],
    sensor_kinds: Mapping[str, str],
    board: HealthBoard,
) -> dict[str, Callable[[], Awaitable[None]]]:
    """What tells a radio's listeners of road users, by component; nothing where nothing is shared through it."""
    sharing = site.sharing
    if sharing is None or not shares(site, config):
        return {}
    component = f"objects.{config.name}"
    station = sharing.station_id or hashlib.sha256(site.site.id.encode()).hexdigest()[:16]
    encode = object_encoder(config, frame)
    station = station[-8:] if config.dialect == "j2735" else station
    try:
        encode(PerceivedObjects(station, time.time_ns(), 0.0, 0.0, (_sample(time.time_ns()),)), 0)
    except CodecError as error:
        board.event(component, "encoder", f"the site does not fit the message set: {error}")
    broadcaster = ObjectBroadcaster(
        radio,
        scenes=scenes,
        telling=Telling(
            kind=KIND_OF_DIALECT[config.dialect],
            encode=encode,
            station=station,
            period_ns=round(NS_PER_S / sharing.rate_hz),
            frames=sharing.frames,
        ),
        sensor_kinds=sensor_kinds,
        component=component,
        board=board,
    )
    return {component: broadcaster.run}


def _sample(now_ns: int) -> PerceivedObject:
    """An object, for the first encoding loads the codec."""
    return PerceivedObject(1, now_ns, ObjectClass.CAR, 0.0, 0.0, Sensing.CAMERA)


def object_encoder(config: RsuConfig, frame: LocalFrame) -> Encode:
    """How the radio's message set writes road users."""
    if config.dialect == "etsi":
        station_id = getattr(config, "station_id", None)
        return lambda objects, _count: encode_cpm(objects, frame=frame, station_id=station_id)
    if config.dialect == "j2735":
        return lambda objects, count: j2735.encode_sdsm(objects, frame=frame, message_count=count)
    variant: csae.Variant = "a" if config.dialect == "csae-a" else "b"
    return lambda objects, count: csae.encode_rsm(objects, frame=frame, message_count=count, variant=variant)
