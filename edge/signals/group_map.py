"""What the controller's groups mean on the MAP: which belongs to which signal group, and what does not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from edge.core.errors import ConfigError
from edge.core.intersection import Intersection
from edge.core.signals import ControllerGroup, GroupKind
from edge.signals.phases import GroupRule

GroupKey = tuple[GroupKind, int]
"""Kind and number of a controller group."""


def name_of(key: GroupKey) -> str:
    """A controller group for people."""
    return f"{key[0].value} {key[1]}"


def refuse_shared_groups(rules: Mapping[GroupKey, GroupRule]) -> None:
    """Raise `ConfigError` where two controller groups claim one signal group."""
    owners: dict[int, GroupKey] = {}
    for key, rule in rules.items():
        owner = owners.setdefault(rule.signal_group, key)
        if owner != key:
            problem = f"signal group {rule.signal_group} belongs to {name_of(owner)} and to {name_of(key)}"
            raise ConfigError(
                "signals.groups", problem, remedy="map one controller group to each signal group"
            )


def map_mismatch(intersection: Intersection, protected: Mapping[int, bool]) -> tuple[str, ...]:
    """Signal groups that only the MAP or only the controller's mapping knows."""
    on_map = set(intersection.signal_groups)
    missing = [
        f"signal group {number} of the MAP has no controller group"
        for number in sorted(on_map - set(protected))
    ]
    unknown = [f"signal group {number} is not on the MAP" for number in sorted(set(protected) - on_map)]
    return (*missing, *unknown)


def contradictions(groups: Iterable[ControllerGroup]) -> list[str]:
    """Controller groups that one snapshot reports more than once, with different lamps."""
    lamps = Counter((group.kind, group.number) for group in set(groups))
    return [f"controller group {name_of(key)} reported twice" for key, count in lamps.items() if count > 1]
