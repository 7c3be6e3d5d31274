// What is known of one road user, and from whom; and how each sensor is.

import { ellipse } from "../view/geometry.js";
import { age, byId, drawPairs, make, put, rebuild } from "../view/panels.js";

const COMPONENTS = { camera: (name) => `camera.${name}`, v2x: (name) => `link.${name}`, radio: (name) => `rsu.${name}`, controller: () => "controller" };
const COUNTS = ["frames", "passed", "sent", "received", "packets"]; // what a sensor or link counts, one of them each
const percent = (value) => `${Math.round(value * 100)} %`;

/** The road user nearest to a place within a distance, id or null. */
export function nearest(users, [x, y], within) {
  const off = (u) => Math.max(Math.hypot(u.x - x, u.y - y) - u.width / 2, 0);
  const best = users.reduce((a, b) => (a && off(a) <= off(b) ? a : b), undefined);
  return best && off(best) <= within ? best.id : null;
}

/** Fill the card of the selected road user; hides it when none is selected. */
export function drawDetail(user, selected, nowMs) {
  byId("detail").hidden = selected == null;
  if (selected == null) return;
  byId("detail").dataset.state = user ? "live" : "stale";
  put(byId("detail-title"), user ? `${user.class} ${user.id}` : `${selected}: not in the current picture`);
  drawPairs(byId("detail-pairs"), user ? pairsOf(user, nowMs) : []);
}

function pairsOf(user, nowMs) {
  const { axes } = ellipse(user.cov);
  const bearing = (450 - (user.course * 180) / Math.PI) % 360;
  return [
    ["Seen by", user.cameras.join(", ") || "no camera"], ["Heard by", user.links.length ? `${user.links.join(", ")}, as ${user.v2x_id || "?"}` : "no radio"],
    ["Newest capture", `${age(nowMs - user.capture_ms)} ago`],
    ["Speed", `${(user.speed * 3.6).toFixed(1)} km/h${user.speed > 0.5 ? `, bearing ${Math.round(bearing)}°` : ""}`],
    ["Place", `${Math.abs(user.x).toFixed(1)} m ${user.x < 0 ? "west" : "east"}, ${Math.abs(user.y).toFixed(1)} m ${user.y < 0 ? "south" : "north"}${user.lane ? `, lane ${user.lane}` : ""}`],
    ["Uncertainty, 2σ", axes.map((a) => `${(2 * a).toFixed(2)} m`).join(" × ")],
    ["Size", user.sized ? `${user.length.toFixed(1)} × ${user.width.toFixed(1)} m` : "not known"],
    ["Class", percent(user.probability)], ["Exists", percent(user.existence)], ["Trust", percent(user.trust)],
  ];
}

/** Rates of the sensors' counters between two health updates, by component. */
export function ratesBetween(before, after) {
  const seconds = (after.published_ms - (before?.published_ms ?? after.published_ms)) / 1000;
  if (!(seconds > 0.3)) return null;
  const known = new Map(before.value.components.map((c) => [c.component, c.counters]));
  const found = new Map();
  for (const { component, counters } of after.value.components) {
    const name = COUNTS.find((n) => counters[n] != null);
    const [now, then] = [Number(counters[name] ?? NaN), Number(known.get(component)?.[name] ?? NaN)];
    if (now >= then) found.set(component, (now - then) / seconds);
  }
  return found;
}

/** A row for each camera, link, radio and the controller: the worst of its parts. */
export function drawSensors(parent, sensors, components, rates) {
  const rows = sensors.map(({ name, kind }) => {
    const component = COMPONENTS[kind]?.(name) ?? name;
    const parts = components.filter((c) => c.component === component || c.component.startsWith(`${component}.`));
    const part = parts.reduce((a, b) => (a && a.level >= b.level ? a : b), undefined);
    const rate = parts.map((c) => rates?.get(c.component)).find((value) => value != null);
    return [name, kind, part?.state ?? "unknown", part?.message ?? "", rate == null ? "–" : `${rate.toFixed(1)} Hz`];
  });
  rebuild(parent, rows, ([name, kind, state, message, rate]) => {
    const first = make("td", { text: `${name} ` }, make("span", { className: "where", text: kind }));
    if (message) first.append(make("small", { text: message }));
    return make("tr", { attributes: { "data-sensor": name } }, first, make("td", { className: "tone", text: state, attributes: { "data-state": state } }), make("td", { className: "n", text: rate }));
  });
}
