// The node's JSON (the names of edge.v1) as the picture that the drawing takes: milliseconds, short names, metres.

import { milliseconds } from "./clock.js";

const optional = (text) => (text == null ? null : milliseconds(text));
const plain = (name, prefix) => String(name ?? "").replace(prefix, "");
const finite = (value, otherwise = 0) => (Number.isFinite(value) ? value : otherwise);
const WAYS = ["left", "straight", "right", "u_turn"];

export function mapOf(json) {
  return {
    id: json.node_id, name: json.name || json.node_id, revision: json.revision,
    latitude: json.origin?.latitude_deg ?? 0, longitude: json.origin?.longitude_deg ?? 0, sensors: json.sensors ?? [],
    lanes: (json.lanes ?? []).map((lane) => ({
      lane: lane.lane, kind: plain(lane.kind, "LANE_KIND_").toLowerCase(), ingress: lane.ingress, egress: lane.egress,
      width: Math.min(lane.width_m || 3, 30), points: lane.points.map((p) => [p.x_m, p.y_m]), group: lane.signal_group ?? null, name: lane.name,
      connections: (lane.connections ?? []).map((c) => ({ to: c.to_lane, group: c.signal_group ?? null, maneuvers: WAYS.filter((w) => c[w]) })),
    })),
  };
}

function signalsOf(signals) {
  return {
    status: signals.withdrawn ? "withdrawn" : "valid", reasons: signals.reasons, flags: signals.status,
    groups: signals.withdrawn ? [] : signals.groups.map((g) => ({
      group: g.signal_group, state: plain(g.state, "MOVEMENT_STATE_"), confidence: g.confidence ?? null,
      min_end_ms: optional(g.min_end_ns), max_end_ms: optional(g.max_end_ns), likely_end_ms: optional(g.likely_end_ns),
      next: g.next_state ? plain(g.next_state, "MOVEMENT_STATE_") : null,
    })),
  };
}

function sourceOf(user) {
  if (user.cameras.length && user.v2x_links.length) return "both";
  if (user.cameras.length) return "camera";
  return user.v2x_links.length ? "v2x" : "none";
}

function userOf(user) {
  const [speed, course] = [finite(user.speed_mps), finite(user.course_rad)];
  return {
    id: user.track_id, class: plain(user.object_class, "OBJECT_CLASS_").toLowerCase().replace("unspecified", "unknown"), probability: user.class_probability,
    x: user.x_m, y: user.y_m, vx: speed * Math.cos(course), vy: speed * Math.sin(course), speed, course, yaw: user.yaw_rad ?? null,
    length: Math.min(user.length_m ?? 1, 40), width: Math.min(user.width_m ?? 1, 10), sized: user.length_m != null, source: sourceOf(user),
    cov: [user.covariance_xx_m2, user.covariance_xy_m2, user.covariance_yy_m2].map((v) => finite(v)),
    existence: user.existence, trust: user.trust, lane: user.lane, cameras: user.cameras, links: user.v2x_links, v2x_id: user.v2x_id,
    capture_ms: milliseconds(user.capture_ns),
  };
}

const sceneOf = (scene) => ({
  stamp_ms: milliseconds(scene.stamp_ns), objects: scene.road_users.filter((u) => Number.isFinite(u.x_m) && Number.isFinite(u.y_m)).map(userOf),
});

const lanesOf = (lanes) => ({
  lanes: lanes.lanes.map((l) => ({ lane: l.lane, count: l.count, queue: l.queue_length, passed: Number(l.passed_total), speed: l.mean_speed_mps ?? null })),
});

const LEVELS = ["unspecified", "ok", "starting", "degraded", "down"];

function healthOf(health) {
  return {
    components: health.components.map((c) => {
      const state = plain(c.state, "HEALTH_STATE_").toLowerCase();
      return { component: c.component, state, level: LEVELS.indexOf(state), message: c.message, since_ms: milliseconds(c.since_ns), counters: c.counters };
    }),
    events: health.events.map((e) => ({ at_ms: milliseconds(e.stamp_ns), component: e.component, kind: e.kind, text: e.text })),
  };
}

const BODIES = { signals: signalsOf, scene: sceneOf, lanes: lanesOf, health: healthOf };
export const LAYERS = Object.keys(BODIES);

/** One update: its times, and its body under `value`. */
export function updateOf(layer, json) {
  return {
    epoch: json.epoch, sequence: Number(json.sequence), capture_ms: milliseconds(json.capture_ns), published_ms: milliseconds(json.published_ns),
    valid_until_ms: milliseconds(json.valid_until_ns), value: BODIES[layer](json[layer]),
  };
}
