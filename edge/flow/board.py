"""The health board of one process: the state, message and counters of every component, and recent events."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable

from edge.core.health import Event, Health, HealthState

_log = logging.getLogger(__name__)
EVENT_CAPACITY = 256
LONGEST_TEXT = 2000
EVENTS = "events"
"""Component whose counters are the totals per kind of event."""


class HealthBoard:
    """Where components say how they are. Not thread-safe: one board per event loop."""

    def __init__(self, *, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._own: dict[str, tuple[HealthState, int, str]] = {}
        self._counters: dict[str, Counter[str]] = {}
        self._remote: dict[str, Health] = {}
        self.events: deque[Event] = deque(maxlen=EVENT_CAPACITY)
        self.on_event: Callable[[Event], None] | None = None

    def set(self, component: str, state: HealthState, message: str = "") -> None:
        """Say how a component is; a change of state is logged once."""
        known, message = self._own.get(component), _words(message)
        if known is not None and known[0] is state:
            self._own[component] = (state, known[1], message)
            return
        self._own[component] = (state, self._now_ns(), message)
        level = logging.INFO if state in (HealthState.OK, HealthState.STARTING) else logging.WARNING
        _log.log(level, "%s: %s%s", component, state.name.lower(), f": {message}" if message else "")

    def state(self, component: str) -> HealthState | None:
        """State of a component, own or remote; None unknown."""
        known = self._own.get(component)
        if known is not None:
            return known[0]
        remote = self._remote.get(component)
        return remote.state if remote else None

    def counters(self, component: str) -> Counter[str]:
        """The component's own counters, to add to."""
        return self._counters.setdefault(component, Counter())

    def attach(self, component: str, counters: Counter[str]) -> None:
        """Publish counters that the component keeps itself."""
        self._counters[component] = counters

    def merge(self, health: Health) -> None:
        """Take over the health of a component of another process."""
        self._remote[health.component] = health

    def forget(self, prefix: str, *, message: str) -> None:
        """Mark all remote components below a prefix as down: their process is gone."""
        for name, health in self._remote.items():
            if name.startswith(prefix) and health.state is not HealthState.DOWN:
                self._remote[name] = Health(name, HealthState.DOWN, self._now_ns(), message, health.counters)

    def event(self, component: str, kind: str, text: str) -> Event:
        """Record and log that something happened."""
        event = Event(self._now_ns(), component, kind, _words(text))
        self.record(event)
        return event

    def record(self, event: Event) -> None:
        """Record an event, own or of another process."""
        self.events.append(event)
        self.counters(EVENTS)[event.kind] += 1
        _log.warning("%s: %s: %s", event.component, event.kind, event.text)
        if self.on_event is not None:
            self.on_event(event)

    def snapshot(self) -> tuple[Health, ...]:
        """Health of every component, sorted by name."""
        names = sorted(set(self._own) | set(self._counters) | set(self._remote))
        return tuple(self._health(name) for name in names)

    def _health(self, name: str) -> Health:
        if name not in self._own and name in self._remote:
            return self._remote[name]
        state, since_ns, message = self._own.get(name, (HealthState.OK, 0, ""))
        return Health(name, state, since_ns, message, dict(self._counters.get(name, {})))


def _words(text: str) -> str:
    """A text as it may go out: bounded, and with no half of a surrogate pair, which messages from outside may hold."""
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT - 3] + "..."
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()
