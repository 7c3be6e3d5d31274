"""Requests for priority by radio (SRM, SREM): verified ones go to the arbiter; answers go back (SSM, SSEM)."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from edge.app.front_priority import VERIFIED_RADIO, PriorityDesk
from edge.config import SiteConfig
from edge.config.radios import RsuConfig
from edge.core.errors import CodecError
from edge.core.intersection import Intersection
from edge.core.priority import (
    Access,
    HeardRequest,
    PriorityRequest,
    PriorityStatus,
    RequesterRole,
    RequestKind,
    RequestState,
)
from edge.core.stamp import NS_PER_S
from edge.flow.board import HealthBoard
from edge.ports import RsuRadio
from edge.publish.answers import AnswerBroadcaster, Encode
from edge.v2x.etsi_ssem import encode_ssem
from edge.v2x.j2735_ssm import encode_ssm

ANSWERS = "SSM"
COMPONENT = "priority.radio"
MOST_VERIFIED, MOST_OTHERS = 24, 8
"""Together what one SSM holds for an intersection (J2735, SignalStatusPackageList)."""
KEPT_NS = 5 * NS_PER_S
"""How long a request is answered that is not repeated."""
CLOCKS_DIFFER_NS = 2 * NS_PER_S


_SAMPLE = PriorityStatus(
    requester="00000000",
    request=0,
    sequence=0,
    role=RequesterRole.PUBLIC_TRANSPORT,
    intersection=0,
    region=None,
    state=RequestState.REJECTED,
    entry=Access(lane=1),
)


def answers(site: SiteConfig, radio: RsuConfig) -> bool:
    """Whether answers to requests go out through this radio."""
    return site.priority is not None and radio.dialect in ("j2735", "etsi")


def build_answers(
    site: SiteConfig, config: RsuConfig, radio: RsuRadio, *, requests: RadioRequests, board: HealthBoard
) -> dict[str, Callable[[], Awaitable[None]]]:
    """What answers through a radio, by component; nothing where it does not."""
    if not answers(site, config):
        return {}
    component = f"answers.{config.name}"
    encode: Encode = encode_ssm
    if config.dialect == "etsi":
        encode = partial(encode_ssem, station_id=getattr(config, "station_id", None) or 0)
    try:
        encode([_SAMPLE], message_count=0, now_ns=time.time_ns())  # the first loads the codec
    except CodecError as error:
        board.event(component, "encoder", f"the site does not fit the message set: {error}")
    broadcaster = AnswerBroadcaster(
        radio, statuses=requests.statuses, encode=encode, kind=ANSWERS, component=component, board=board
    )
    return {component: broadcaster.run}


@dataclass(slots=True)
class _Heard:
    request: PriorityRequest
    heard_ns: int
    rank: int = 0


class RadioRequests:
    """Requests of one intersection by radio.

    Counters: heard, unverified, elsewhere (for another intersection), stale (of another time, or overtaken), too_many.
    """

    def __init__(
        self,
        desk: PriorityDesk,
        intersection: Intersection,
        *,
        board: HealthBoard,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._desk, self._now_ns = desk, now_ns
        self._here = intersection.intersection, intersection.region
        self._verified: dict[str, _Heard] = {}
        self._others: OrderedDict[str, _Heard] = OrderedDict()
        names = ("heard", "unverified", "elsewhere", "stale", "too_many")
        self.counters: Counter[str] = Counter(dict.fromkeys(names, 0))
        board.attach(COMPONENT, self.counters)

    def hear(self, heard: HeardRequest) -> None:
        """Take a request; what is not verified never gets to the arbiter."""
        request, now_ns = heard.request, self._now_ns()
        self._forget(now_ns)
        intersection, region = self._here
        if request.intersection != intersection or (
            None not in (region, request.region) and region != request.region
        ):
            self.counters["elsewhere"] += 1
            return
        if abs(now_ns - request.sent_ns) > CLOCKS_DIFFER_NS:
            self.counters["stale"] += 1
            return
        self.counters["heard"] += 1
        key = f"radio {heard.link} {request.requester} {request.request}"
        if request.verified is None:
            self._refuse(key, request, now_ns)
        elif request.kind is RequestKind.CANCEL:
            self._verified.pop(key, None)
            self._desk.drop(key)
        else:
            self._take(key, heard, now_ns)

    def statuses(self) -> tuple[PriorityStatus, ...]:
        """The answer to every request that stands."""
        self._forget(self._now_ns())
        known = [
            self._status(each.request, self._desk.state(key) or RequestState.REQUESTED)
            for key, each in self._verified.items()
        ]
        return (
            *known,
            *(self._status(each.request, RequestState.REJECTED) for each in self._others.values()),
        )

    def _refuse(self, key: str, request: PriorityRequest, now_ns: int) -> None:
        """Answer who was not verified, the newest few; nobody's request is touched by it."""
        self.counters["unverified"] += 1
        if key in self._verified:
            return  # who speaks in its name does not speak over its answer
        self._others[key] = _Heard(request, now_ns)
        self._others.move_to_end(key)
        while len(self._others) > MOST_OTHERS:
            self._others.popitem(last=False)

    def _take(self, key: str, heard: HeardRequest, now_ns: int) -> None:
        request, known, names = heard.request, self._verified.get(key), [VERIFIED_RADIO + heard.link]
        if known is not None and request.sent_ns < known.request.sent_ns:
            self.counters["stale"] += 1  # overtaken on its way
            return
        rank = self._desk.rank(request, names=names)
        room = known is not None or len(self._verified) < MOST_VERIFIED or self._displace(rank)
        if not room or not self._desk.hear(key, request, names=names):
            self.counters["too_many"] += 1
            return
        self._others.pop(key, None)
        self._verified[key] = _Heard(request, now_ns, rank)

    def _displace(self, rank: int) -> bool:
        """Whether somebody of a lower level, or of none, made room."""
        key, lowest = min(self._verified.items(), key=lambda item: item[1].rank)
        if lowest.rank >= rank:
            return False
        del self._verified[key]
        self._desk.drop(key)
        return True

    def _forget(self, now_ns: int) -> None:
        """Drop who is silent, also where the clock was set back."""
        for key in [key for key, each in self._verified.items() if abs(now_ns - each.heard_ns) > KEPT_NS]:
            del self._verified[key]
            self._desk.drop(key)
        for key in [key for key, each in self._others.items() if abs(now_ns - each.heard_ns) > KEPT_NS]:
            del self._others[key]

    def _status(self, request: PriorityRequest, state: RequestState) -> PriorityStatus:
        intersection, region = self._here
        return PriorityStatus(
            requester=request.requester,
            request=request.request,
            sequence=request.sequence,
            role=request.role,
            intersection=intersection,
            region=region,
            state=state,
            entry=request.entry,
            leave=request.leave,
            arrival_ns=request.arrival_ns,
            duration_ms=request.duration_ms,
        )
