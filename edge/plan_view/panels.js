// Lists and tables. Every text from outside goes in as text, never as markup.

import { countdown, describeGroups, meaning } from "./lights.js";
import { CLASSES } from "./users.js";

const SVG = "http://www.w3.org/2000/svg";
export const byId = (id) => document.getElementById(id);

export function put(node, text) { if (node.textContent !== text) node.textContent = text; }

/** An element with a class, a text and attributes. */
export function make(tag, { className = "", text = "", attributes = {} } = {}, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Age in the largest fitting unit. */
export function age(ms) {
  if (ms == null) return "–";
  const s = Math.max(ms, 0) / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 100) return `${Math.round(s)} s`;
  if (s < 6000) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}

/** Rebuild `parent` only when `rows` changed; each row is made by `build`. */
export function rebuild(parent, rows, build) {
  const key = JSON.stringify(rows);
  if (parent.dataset.key === key) return;
  parent.dataset.key = key;
  parent.replaceChildren(...rows.map(build));
}

export function drawClassLegend(parent) {
  parent.replaceChildren(...CLASSES.map((name) => {
    const swatch = make("span", { className: `swatch${name === "pedestrian" ? " round" : ""}` });
    swatch.style.setProperty("--tone", `var(--${name})`);
    return make("li", {}, swatch, name);
  }));
}

function lamp(look) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20"); svg.setAttribute("class", "lamp"); svg.setAttribute("aria-hidden", "true");
  const shapes = { square: ["rect", { x: 2, y: 2, width: 16, height: 16, rx: 3 }], diamond: ["path", { d: "M10 .8 19.2 10 10 19.2 .8 10z" }], circle: ["circle", { cx: 10, cy: 10, r: 8.4 }] };
  const add = (tag, attributes, css) => { const e = document.createElementNS(SVG, tag); for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v); e.setAttribute("class", css); svg.append(e); };
  if (look.colour === "none") { add("circle", { cx: 10, cy: 10, r: 7.6 }, "lamp-none"); add("path", { d: "M5.2 14.8 14.8 5.2" }, "lamp-slash"); }
  else add(...shapes[look.shape], `lamp-${look.colour}`);
  return svg;
}

/** One row per signal group of the map, so a group without a state is seen to be without one. */
export function drawSignals(parent, map, signals, nowMs) {
  const names = describeGroups(map);
  const groups = new Map((signals?.groups ?? []).map((g) => [g.group, g]));
  const rows = [...names.keys()].sort((a, b) => a - b).map((id) => {
    const group = groups.get(id);
    const left = group ? countdown(group, nowMs) : { main: "", detail: "", ends: null };
    return { id, what: names.get(id).text, look: meaning(group), left };
  });
  rebuild(parent, rows, (row) => make("li", { className: "signal", attributes: { "data-group": row.id, "data-colour": row.look.colour } },
    lamp(row.look),
    make("div", {}, make("div", { className: "what", text: `${row.id}  ` }, make("span", { text: row.what })), make("div", { className: "word", text: row.look.word })),
    make("div", { className: "left", text: row.left.main && `${row.left.main} s` }, make("small", { text: row.left.detail })), ...endsBar(row)));
}

/** The seconds that are left of every group, as texts: while they are the same, a list of them need not be drawn anew. */
export const secondsShown = (signals, nowMs) => (signals?.groups ?? []).map((g) => `${g.group} ${countdown(g, nowMs).main}`).join();

/** The next minute: from the earliest end to the latest as a band, the likely end as a tick; nothing where no end is known. */
function endsBar({ look, left }) {
  if (!left.ends || look.colour === "none") return [];
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "ends"); svg.setAttribute("viewBox", "0 0 60 6"); svg.setAttribute("preserveAspectRatio", "none");
  const { low, high, likely } = left.ends;
  const at = (value) => Math.min(value, 60);
  const rect = (x, width, css) => {
    const e = document.createElementNS(SVG, "rect");
    for (const [k, v] of Object.entries({ x, width, y: 0, height: 6, class: css })) e.setAttribute(k, v);
    svg.append(e);
  };
  rect(0, 60, "ends-rest");
  rect(0, at(low ?? 0), `lamp-${look.colour}`);
  if (high != null || low != null) rect(at(low ?? 0), Math.max(at(high ?? 60) - at(low ?? 0), 0.4), `ends-band lamp-${look.colour}`);
  if (likely != null) rect(Math.min(Math.max(at(likely) - 0.4, 0), 59.2), 0.8, "ends-likely");
  svg.setAttribute("role", "img");
  const words = [low != null && `at least ${Math.round(low)} s`, likely != null && `likely ${Math.round(likely)} s`, high != null && `at most ${Math.round(high)} s`];
  svg.setAttribute("aria-label", words.filter(Boolean).join(", "));
  return [svg];
}

export function drawUserTable(parent, objects) {
  if (!objects) { rebuild(parent, [], String); return; }
  const count = (c, source) => objects.filter((o) => (!c || o.class === c) && (!source || o.source === source)).length;
  const rows = [...CLASSES, ""].map((c) => [c, ...["camera", "v2x", "both", ""].map((s) => count(c, s))]).filter((r) => r[0] === "" || r[4] > 0);
  rebuild(parent, rows, ([name, ...counts]) => {
    const first = make("td");
    if (name) { const swatch = make("span", { className: `swatch${name === "pedestrian" ? " round" : ""}` }); swatch.style.setProperty("--tone", `var(--${name})`); first.append(swatch); }
    first.append(name || "all");
    return make("tr", {}, first, ...counts.map((n) => make("td", { className: n ? "n" : "n zero", text: String(n) })));
  });
}

export function drawLanes(parent, map, lanes) {
  const names = new Map(map.lanes.map((l) => [l.lane, l.name]));
  rebuild(parent, lanes.map((l) => [l.lane, names.get(l.lane) ?? "", l.count, l.queue, l.speed == null ? "–" : String(Math.round(l.speed * 3.6)), l.passed]),
    ([id, name, ...values]) => make("tr", {}, make("td", { text: `${id} ` }, make("span", { className: "where", text: name })),
      ...values.map((v) => make("td", { className: v ? "n" : "n zero", text: String(v) }))));
}

const BLIND = { "": ["down", "starting"], source: ["down", "starting"], model: ["down"] };

/** Names of the cameras that see nothing at the moment. */
export function blindCameras(health) {
  const found = health.map((h) => [h.component.split("."), h.state])
    .filter(([[kind, name, part = "", ...more], state]) => kind === "camera" && name && !more.length && BLIND[part]?.includes(state));
  return [...new Set(found.map(([[, name]]) => name))].sort();
}

/** The words of a banner where cameras see nothing, null where all do: what a person must know before trusting an empty road. */
export function blindBanner(health) {
  const names = blindCameras(health);
  if (!names.length) return null;
  return ["degraded", `${names.length === 1 ? "Camera" : "Cameras"} ${names.join(", ")} not seeing`, "Road users that nobody else sees are missing."];
}

export function drawHealth(parent, health, nowMs) {
  const worst = [...health].sort((a, b) => b.level - a.level || a.component.localeCompare(b.component));
  rebuild(parent, worst.map((h) => [h.component, h.state, h.message, h.since_ms > 0 ? age(nowMs - h.since_ms) : "–"]), ([component, state, message, since]) => {
    const first = make("td", { text: component });
    if (message) first.append(make("small", { text: message }));
    return make("tr", {}, first, make("td", { className: "tone", text: state, attributes: { "data-state": state } }), make("td", { className: "n", text: since }));
  });
  const bad = health.filter((h) => h.state !== "ok").length;
  put(byId("health-note"), health.length ? (bad ? `${bad} of ${health.length} not ok` : `${health.length} parts ok`) : "");
}

/** The newest events of the node, newest first. */
export function drawEvents(parent, events) {
  const rows = [...events].sort((a, b) => b.at_ms - a.at_ms).slice(0, 8);
  byId("events-empty").hidden = rows.length > 0;
  rebuild(parent, rows, (e) => make("li", {},
    make("time", { text: new Date(e.at_ms).toISOString().slice(11, 19) }),
    make("span", {}, make("b", { text: `${e.component} ` }), e.text)));
}

export function drawPairs(parent, pairs) {
  rebuild(parent, pairs, ([name, value]) => { const part = document.createDocumentFragment(); part.append(make("dt", { text: name }), make("dd", { text: value })); return part; });
}
