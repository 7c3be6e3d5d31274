"""Who may call what: one row a method. What has no row is refused, also when a server offers it."""

from __future__ import annotations

from edge.access.roles import EVERYBODY, Role

_NODE = "/edge.v1.IntersectionService/"
_CENTRE = "/edge.v1.CentreService/"
_COMMAND = "/edge.v1.CommandService/"
_QUERY = "/edge.v1.QueryService/"
REQUEST_PRIORITY = _NODE + "RequestPriority"
_HEALTH = "/grpc.health.v1.Health/"
_READERS = frozenset({Role.OBSERVER, Role.OPERATOR, Role.CENTRE})
_TOOLS = frozenset({Role.OBSERVER, Role.OPERATOR})

METHODS: dict[str, frozenset[Role]] = {
    _NODE + "GetIntersection": EVERYBODY,
    _NODE + "GetState": EVERYBODY,
    _NODE + "GetTime": EVERYBODY,
    _NODE + "Subscribe": EVERYBODY,
    _NODE + "SubscribeWithCredit": EVERYBODY,
    _NODE + "ReportVehicle": frozenset({Role.VEHICLE}),
    REQUEST_PRIORITY: frozenset({Role.VEHICLE}),
    _CENTRE + "Connect": frozenset({Role.RSU}),
    _CENTRE + "SendHistory": frozenset({Role.RSU}),
    _COMMAND + "SendCommand": frozenset({Role.OPERATOR}),
    _QUERY + "ReadHistory": _READERS,
    _QUERY + "ListIntersections": _READERS,
    _QUERY + "GetIntersectionState": _READERS,
    _QUERY + "WatchIntersections": _READERS,
    _HEALTH + "Check": EVERYBODY,
    _HEALTH + "List": EVERYBODY,
    _HEALTH + "Watch": EVERYBODY,
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": _TOOLS,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _TOOLS,
}
"""Full method name to the roles that may call it."""

AUDITED = frozenset({_COMMAND + "SendCommand", REQUEST_PRIORITY})
"""Commands, and requests that move the lights: every call is in the audit log, also those that were allowed."""


def roles_for(method: str) -> frozenset[Role]:
    """The roles that may call a method; nobody where it has no row."""
    return METHODS.get(method, frozenset())
