"""The priority desk: requests of vehicles and the state of the signals in, commands and answers out."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection

from edge.access.roles import Peer, Role
from edge.config import SiteConfig
from edge.config.controller import ControllerSection
from edge.config.ntcip import Ntcip1202Config
from edge.core.errors import CodecError
from edge.core.health import HealthState
from edge.core.intersection import Intersection
from edge.core.priority import PhaseCommand, PriorityRequest, RequestState, Standing
from edge.core.signals import GroupState, SignalState
from edge.core.stamp import NS_PER_S
from edge.core.v2x import VERIFIED_BY_TLS
from edge.flow.board import HealthBoard
from edge.flow.channel import Latest
from edge.ports import PhaseCommander
from edge.signals.conflicts import Pair
from edge.signals.priority import Answer, Arbiter, Commands, Plan
from edge.signals.priority_greens import why_unusable
from edge.signals.priority_rules import ANY_TAIL, LEVELS, Level, PriorityRules, PriorityTimes, Reach
from edge.v1 import priority_pb2
from edge.wire.priority import parse_request, to_status

COMPONENT = "priority"
STEP_S = 0.2
"""Between two steps at most; the signals come at 10 Hz and whenever they change."""
WISH_S = 1.0
"""How long the controller is told something that is not repeated: five steps."""
STALE_NS = round(WISH_S * NS_PER_S)
"""An answer that is older says nothing: what was commanded for it has lapsed."""
CLOCKS_DIFFER_NS = 2_000_000_000
"""A request that is further from our time tells nothing of now."""
VERIFIED_RADIO = "@radio:"
"""What a vehicle is called whose signature a link has verified, before the link's name. No certificate's is like it,
and no beginning of names in a site file, such as `r*`, is one of it."""
_UNKNOWN = Answer(RequestState.UNKNOWN, "there is no request, it was not repeated in time, or nobody judges")
_SOURCES = {command: f"priority {command.value}" for command in PhaseCommand}


def priority_rules(site: SiteConfig, conflicts: frozenset[Pair]) -> PriorityRules:
    """What the site allows, and why it allows nothing."""
    config, controller = site.priority, site.controller
    if config is None:
        return PriorityRules("this site gives no priority: it has no [priority]")
    reach = _reach(controller)
    if controller is None or reach is None:
        words = "this site has no controller" if controller is None else _why_not(controller)
        return PriorityRules(words)
    named = {
        Level.EMERGENCY: config.emergency,
        Level.PUBLIC_TRANSPORT: config.public_transport,
        Level.FREIGHT: config.freight,
    }
    by_radio = [Level[level.upper()] for level in config.radio]
    allowed = {
        level: (*names, *((VERIFIED_RADIO + ANY_TAIL,) if level in by_radio else ()))
        for level, names in named.items()
    }
    times = PriorityTimes(
        ahead_s=config.ahead_s,
        most_hold_s=config.most_hold_s,
        most_presence_s=config.most_presence_s,
        lockout_s=config.lockout_s,
        lease_s=config.lease_s,
    )
    return PriorityRules("", allowed, reach, conflicts, times)


def _why_not(controller: ControllerSection) -> str:
    kind = getattr(controller, "type", "")
    if isinstance(controller, Ntcip1202Config):
        return "the controller takes no commands of this node: there is no [controller.control]"
    return f"the controller takes no commands of this node: type {kind} only tells its lamps"


def _reach(controller: ControllerSection | None) -> Reach | None:
    """What can be done at the controller; None: nothing."""
    if not isinstance(controller, Ntcip1202Config) or controller.control is None:
        return None
    allowed = controller.control.commands
    walkers: dict[int, list[int]] = {}
    for group in controller.group:
        if group.kind == "pedestrian":
            walkers.setdefault(group.number, []).append(group.signal_group)
    return Reach(
        phases={group.signal_group: group.number for group in controller.group if group.kind == "vehicle"},
        walkers=walkers,
        commands=frozenset(command for command in PhaseCommand if command.value in allowed),
        commandable=frozenset(controller.control.phases),
    )


class PriorityDesk:
    """Joins arbiter, signals and controller.

    Args:
        meant: the site asks for priority: then it is a fault where none can be given.

    Attributes:
        control: of the controller; None: it is not there yet.
        on_step: called when the answers may have changed.
    """

    def __init__(
        self,
        intersection: Intersection,
        rules: PriorityRules,
        *,
        signals: Latest[SignalState] | None,
        board: HealthBoard,
        meant: bool = True,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._intersection, self._rules, self._signals = intersection, rules, signals
        self._meant = meant
        self._board, self._now_ns = board, now_ns
        self._arbiter = Arbiter(intersection, rules)
        self._requests: dict[str, PriorityRequest] = {}
        self._plan, self._planned_ns = Plan({}, {}), 0
        self._standing: set[PhaseCommand] = set()
        self._granted: dict[str, str] = {}
        self._trouble, self._unconfirmed = "", 0
        self.control: PhaseCommander | None = None
        self.on_step: Callable[[], None] | None = None
        board.attach(COMPONENT, self._arbiter.counters)
        self._tell_health()

    def take(self, key: str, octets: bytes, peer: Peer) -> None:
        """Hear a request; it is judged at the next step. Raises `CodecError` for one that cannot be."""
        here, now_ns = self._intersection, self._now_ns()
        request = parse_request(
            octets,
            intersection=here.intersection,
            region=here.region,
            verified=VERIFIED_BY_TLS if peer.certified else None,
        )
        age_ns = now_ns - request.sent_ns
        if abs(age_ns) > CLOCKS_DIFFER_NS:
            raise CodecError(
                "PriorityRequest", f"the request is {age_ns / 1e9:.1f} s old by this node's clock"
            )
        if not self.hear(key, request, names=_names_of(peer)):
            raise CodecError("PriorityRequest", "there are too many requests at this intersection")

    def standing(self, peer: Peer) -> Standing:
        """What a vehicle may ask for at most."""
        return self._rules.standing(_names_of(peer)) if peer.certified else Standing.STRANGER

    def rank(self, request: PriorityRequest, *, names: Collection[str]) -> int:
        """The level of a request of somebody who is called so, to compare; 0: it is given no priority."""
        return 0 if self._rules.unauthorised(request, names) else LEVELS[request.role]

    def hear(self, key: str, request: PriorityRequest, *, names: Collection[str]) -> bool:
        """Hear a request of somebody whom a verified authority calls by these names; False: there are too many."""
        taken = self._arbiter.take(key, request, names=names, now_ns=self._now_ns())
        if taken:
            self._requests[key] = request
        return taken

    def drop(self, key: str) -> None:
        """The request is over: what was commanded for it is taken back now."""
        if self._requests.pop(key, None) is not None:
            self._arbiter.drop(key, now_ns=self._now_ns())
            self.step()

    def state(self, key: str) -> RequestState | None:
        """What has become of a request; None: it is not known, or nobody has judged it lately."""
        answer = self._answer(key)
        return None if answer is None else answer.state

    def status(self, key: str) -> priority_pb2.PriorityStatus:
        """The answer to a request, with what its signal group shows."""
        answer, now_ns = self._answer(key) or _UNKNOWN, self._now_ns()
        group = self._shown(answer.signal_group, now_ns)
        request = self._requests.get(key)
        return to_status(answer.state, answer.reason, request=request, group=group, now_ns=now_ns)

    def _answer(self, key: str) -> Answer | None:
        fresh = abs(self._now_ns() - self._planned_ns) <= STALE_NS
        return self._plan.answers.get(key) if fresh else None

    async def run(self) -> None:
        """Step with each state of the signals, and when none comes; takes everything back at the end."""
        reader = None if self._signals is None else self._signals.reader()
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(STEP_S):
                        await (asyncio.Event().wait() if reader is None else reader.next())
                self.step()
        finally:
            self._take_back()
            self._plan = Plan({}, {})

    def step(self) -> None:
        """Judge all requests and tell the controller."""
        plan = self._judge()
        refusal = self._tell(plan.commands)
        if refusal is not None:
            self._trouble = f"the controller takes no commands: {refusal}"
            self._arbiter.refuse(refusal, now_ns=self._now_ns())
            plan = self._judge()
            self._take_back()
        self._plan, self._planned_ns = plan, self._now_ns()
        self._watch_grants()
        if self.on_step is not None:
            self.on_step()

    def _judge(self) -> Plan:
        state = None if self._signals is None else self._signals.value
        return self._arbiter.step(state, now_ns=self._now_ns(), stands=self._stands)

    def _stands(self, command: PhaseCommand, phase: int) -> bool:
        return self.control is not None and self.control.stands(command, phase)

    def _tell(self, commands: Commands) -> str | None:
        """Make exactly these commands stand; why the controller refuses, or None."""
        if self.control is None:
            return "it is not connected" if commands else None
        for command, source in _SOURCES.items():
            phases = commands.get(command)
            if phases is None:
                self._release(command)
                continue
            self._standing.add(command)
            refusal = self.control.ask(command, phases, source=source, for_s=WISH_S)
            if refusal is not None:
                return refusal
        return None

    def _release(self, command: PhaseCommand) -> None:
        if command in self._standing and self.control is not None:
            self._standing.discard(command)
            self.control.release(_SOURCES[command])

    def _take_back(self) -> None:
        for command in PhaseCommand:
            self._release(command)

    def _watch_grants(self) -> None:
        """Tell of each grant and its end; of vehicles only their level and way."""
        granted = {
            key: self._words(key, answer)
            for key, answer in self._plan.answers.items()
            if answer.state is RequestState.GRANTED
        }
        for key, words in self._granted.items():
            if key not in granted:
                self._board.event(COMPONENT, "priority_ended", words)
        for key, words in granted.items():
            if key not in self._granted:
                self._trouble = ""
                self._board.event(COMPONENT, "priority_granted", words)
        self._granted = granted
        unconfirmed = self._arbiter.counters["unconfirmed"]
        if unconfirmed > self._unconfirmed:
            self._trouble = "the controller did not confirm what it was told"
        self._unconfirmed = unconfirmed
        self._tell_health()

    def _words(self, key: str, answer: Answer) -> str:
        request = self._requests.get(key)
        role = "a vehicle" if request is None else request.role.value
        return f"{role} on signal group {answer.signal_group}"

    def _tell_health(self) -> None:
        """Degraded where the site asks for priority that cannot be given, until the next grant."""
        words = "serves " + ", ".join(sorted(self._granted.values())) if self._granted else ""
        faulty = bool(self._trouble) or (self._meant and bool(self._rules.off))
        state = HealthState.DEGRADED if faulty else HealthState.OK
        self._board.set(COMPONENT, state, self._trouble or words or self._rules.off)

    def _shown(self, number: int | None, now_ns: int) -> GroupState | None:
        """The group as it is shown now; None where nothing valid is."""
        state = None if self._signals is None else self._signals.value
        if state is None or why_unusable(state, now_ns=now_ns):
            return None
        return next((group for group in state.groups if group.signal_group == number), None)


def _names_of(peer: Peer) -> set[str]:
    """What a peer's certificate calls it as a vehicle."""
    return {identity.name for identity in peer.identities if identity.role is Role.VEHICLE}
