// The page: one event stream from the centre, the chosen intersection, and what may be shown as current.

import { listenControls } from "../view/controls.js";
import { meaning } from "../view/lights.js";
import { age, blindBanner, byId, drawClassLegend, drawEvents, drawHealth, drawLanes, drawPairs, drawSignals, drawUserTable, put, secondsShown } from "../view/panels.js";
import { Stage } from "../view/stage.js";
import { drawNodes } from "./nodes.js";

const SILENT_MS = 2500; // the centre sends at least every second
const PANEL_MS = 200;
const OFFSET_KEEP_MS = 60000;

const options = { ellipses: false, velocity: true, labels: false, lanes: false };
const page = { selected: null, stream: null, entries: [], map: null, picture: null, heard: 0, received: 0, offsets: [], seconds: "" };
const stage = new Stage(byId("stage"), options);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const local = () => performance.timeOrigin + performance.now();
/** Time at the centre now; the smallest difference seen is the one with the least delay in it. */
const centreNow = () => local() - Math.min(...page.offsets.map((o) => o.value), page.offsets.length ? Infinity : 0);

function heard(centreMs) {
  const now = local();
  page.heard = now;
  page.offsets = page.offsets.filter((o) => now - o.at < OFFSET_KEEP_MS);
  const newest = page.offsets.at(-1);
  const value = now - centreMs;
  if (newest && now - newest.at < 1000) newest.value = Math.min(newest.value, value);
  else page.offsets.push({ at: now, value });
}

function connect() {
  page.stream?.close();
  const query = page.selected ? `?id=${encodeURIComponent(page.selected)}` : "";
  const stream = new EventSource(`/events${query}`);
  page.stream = stream;
  const on = (name, act) => stream.addEventListener(name, (event) => {
    if (stream !== page.stream) return;
    const data = JSON.parse(event.data);
    heard(data.centre_ms);
    act(data);
  });
  on("list", (data) => {
    page.entries = data.intersections;
    if (!page.selected && page.entries.length) choose(page.entries[0].id);
    refreshNodes();
  });
  on("map", (data) => { page.map = data; stage.setMap(data); });
  on("picture", (data) => { page.picture = data; page.received = local(); });
}

function choose(id) {
  if (id === page.selected) return;
  page.selected = id; page.map = null; page.picture = null;
  stage.setMap(null);
  history.replaceState(null, "", `#${encodeURIComponent(id)}`);
  refreshNodes();
  connect();
}

function refreshNodes() {
  const filter = byId("filter");
  filter.hidden = page.entries.length < 8;
  const wanted = filter.hidden ? "" : filter.value.trim().toLowerCase();
  const found = page.entries.filter((e) => `${e.name} ${e.id}`.toLowerCase().includes(wanted));
  drawNodes(byId("nodes"), found, page.selected, choose);
}

/** What may be shown as current at this moment; everything else is absent. */
function current() {
  const now = centreNow();
  const lost = local() - page.heard > SILENT_MS;
  const picture = page.picture;
  const state = lost ? "lost" : picture?.state ?? "waiting";
  const fresh = (part) => part && !lost && now < part.valid_until_ms;
  const part = (name) => (fresh(picture?.[name]) ? picture[name] : null);
  const signals = part("signals");
  const signalState = signals ? signals.status : picture?.rates.signals_seen ? "expired" : "none";
  return {
    now, lost, state, picture, scene: part("scene"), lanes: part("lanes"), health: part("health"),
    signals: signals?.status === "valid" ? signals : null, signalState, reasons: signals?.reasons ?? [],
  };
}

function bannerFor(c) {
  const silent = c.picture?.heard_at_ms == null ? "" : `Last heard ${age(c.now - c.picture.heard_at_ms)} ago. Nothing older is shown as current.`;
  if (c.lost) return ["lost", "No connection to the centre", "The page connects again by itself."];
  if (!c.picture) return null;
  if (c.state === "offline") return ["offline", "Offline", silent];
  if (c.state === "stale") return ["stale", "Stale: data stopped", silent];
  if (c.signalState === "withdrawn") return ["withdrawn", "Signals withdrawn", c.reasons.join("; ") || "The node gave no reason."];
  if (c.signalState === "expired") return ["stale", "Signals expired", "The last signal message is past its validity."];
  if (!c.scene && c.state === "live") return ["degraded", "Road users unavailable", "The node sends no current scene."];
  return c.health ? blindBanner(c.health.components) : null;
}

function drawBanner(c) {
  const [banner, found] = [byId("banner"), bannerFor(c)];
  banner.hidden = !found;
  const key = found ? found.join("|") : "";
  if (!found || banner.dataset.key === key) return;
  banner.dataset.key = key;
  banner.dataset.state = found[0];
  const small = document.createElement("small");
  small.textContent = found[2];
  banner.replaceChildren(found[1], small);
}

function drawFigures(c) {
  const rates = c.state === "live" ? c.picture?.rates : null;
  put(byId("figure-objects"), c.scene ? String(c.scene.objects.length) : "–");
  put(byId("figure-signals"), c.signalState);
  byId("figure-signals").dataset.state = c.signalState;
  put(byId("figure-rate"), rates?.scene_hz || rates?.signals_hz ? `${Math.round(Math.max(rates.scene_hz, rates.signals_hz))} Hz` : "–");
  put(byId("figure-latency"), rates?.latency_ms == null ? "–" : `${Math.round(rates.latency_ms)} ms`);
}

function drawFeed(c) {
  const rates = c.picture?.rates;
  const number = (value, unit, digits = 1) => (value == null ? "–" : `${value.toFixed(digits)} ${unit}`);
  drawPairs(byId("feed"), !rates ? [] : [
    ["Node", c.state], ["Last heard", age(c.now - c.picture.heard_at_ms)],
    ["Signals", number(rates.signals_hz, "Hz")], ["Scene", number(rates.scene_hz, "Hz")],
    ["Capture to centre", number(rates.capture_latency_ms, "ms", 0)], ["Node to centre", number(rates.latency_ms, "ms", 0)],
    ["Updates taken", String(rates.taken)], ["Older dropped", String(rates.dropped_old)], ["Repeats dropped", String(rates.dropped_duplicate)],
    ["Sessions", String(rates.sessions)],
  ]);
}

function drawPanels() {
  const c = current();
  const { map } = page;
  byId("link").dataset.state = c.lost ? "lost" : "live";
  put(byId("link"), c.lost ? "centre lost" : "connected");
  if (page.offsets.length) put(byId("clock"), `${new Date(c.now).toISOString().slice(11, 19)} UTC`);
  put(byId("title"), map?.name ?? page.selected ?? "No intersection selected");
  byId("title").title = byId("title").textContent;
  put(byId("subtitle"), map ? `${map.id}, ${map.latitude.toFixed(5)}°, ${map.longitude.toFixed(5)}°, map revision ${map.revision}` : " ");
  document.title = map ? `${map.name}: ${c.state}` : "Traffic centre";
  byId("stage").setAttribute("aria-label", `Plan view of ${map?.name ?? "the intersection"}: ${c.scene?.objects.length ?? "no"} road users, signals ${c.signalState}`);
  drawBanner(c);
  drawFigures(c);
  drawFeed(c);
  byId("signals-note").dataset.state = c.signalState;
  put(byId("signals-note"), c.signalState);
  byId("signals-reasons").hidden = !c.reasons.length;
  put(byId("signals-reasons"), c.reasons.join("; "));
  drawSeconds(c);
  drawUserTable(byId("users"), c.scene?.objects ?? null);
  put(byId("users-note"), c.scene ? "" : "not available");
  drawLanes(byId("lanes"), map ?? { lanes: [] }, c.lanes?.lanes ?? []);
  drawHealth(byId("health"), c.health?.components ?? [], c.now);
  drawEvents(byId("events"), c.health?.events ?? []);
}

/** The list of signals; it counts down with the heads of the picture. */
function drawSeconds(c) {
  page.seconds = secondsShown(c.signals, c.now);
  drawSignals(byId("signals"), page.map ?? { lanes: [] }, c.signals, c.now);
}

function frame() {
  const c = current();
  const aheadS = calm.matches || !c.scene ? 0 : (c.now - c.scene.stamp_ms) / 1000;
  stage.draw({ signals: c.signals, objects: c.scene?.objects ?? [], aheadS, nowMs: c.now });
  if (page.seconds !== secondsShown(c.signals, c.now)) drawSeconds(c);
  byId("stage-card").dataset.state = c.state;
  window.__state = {
    selected: page.selected, state: c.state, objects: c.scene ? c.scene.objects.length : null, signals: c.signalState,
    lamps: Object.fromEntries((c.signals?.groups ?? []).map((g) => [g.group, meaning(g).colour])), lanes: page.map?.lanes.length ?? 0,
  };
  requestAnimationFrame(frame);
}

function start() {
  listenControls(stage, options, { e: "ellipses", v: "velocity", l: "labels", n: "lanes" });
  byId("filter").addEventListener("input", refreshNodes);
  drawClassLegend(byId("legend-classes"));
  if (location.hash.length > 1) page.selected = decodeURIComponent(location.hash.slice(1));
  connect();
  setInterval(drawPanels, PANEL_MS);
  frame();
}

start();
