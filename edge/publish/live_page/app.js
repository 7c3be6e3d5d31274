// The page: what may be shown as current at this moment, drawn every frame; everything else is grey with its age, or gone.

import { isShortcut, listenControls } from "../view/controls.js";
import { meaning } from "../view/lights.js";
import { age, blindBanner, byId, drawClassLegend, drawEvents, drawHealth, drawLanes, drawPairs, drawSignals, drawUserTable, put, secondsShown } from "../view/panels.js";
import { Stage } from "../view/stage.js";
import { Trails } from "../view/trails.js";
import { NodeClock } from "./clock.js";
import { drawDetail, drawSensors, nearest, ratesBetween } from "./detail.js";
import { Feed } from "./feed.js";
import { Latency } from "./latency.js";
import { LAYERS, mapOf } from "./read.js";

const PANEL_MS = 200;
const GHOST_MS = 5000; // road users as they were last stay in grey for so long
const FORGET_MS = 3000;
const RETRY_MS = 1000;

const options = { ellipses: true, velocity: true, labels: false, lanes: false, trails: true, timing: true };
const page = { map: null, selected: null, missed: 0, rates: null, seconds: "" };
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const stage = new Stage(byId("stage"), options);
const trails = new Trails();
const latency = new Latency();
const clock = new NodeClock();
const feed = new Feed(took);

function took(layer, update, before) {
  clock.heard(update.published_ms);
  if (layer === "health") page.rates = ratesBetween(before, update) ?? page.rates;
  if (layer !== "scene") return;
  if (before && before.epoch !== update.epoch) { trails.clear(); page.selected = null; }
  trails.add(update.value.objects, update.value.stamp_ms);
}

/** For each layer {value, fresh, age}; `value` is what came last, `fresh` says whether it may be shown as current: not if
 *  it could be past its validity by the node's clock, as well as that is known. */
function current() {
  const time = clock.read();
  const now = time?.now ?? null;
  const lost = feed.lost || now == null;
  const found = { now, lost };
  for (const layer of LAYERS) {
    const update = feed.parts[layer];
    found[layer] = { update, value: update?.value ?? null, fresh: Boolean(update) && !lost && time.latest < update.valid_until_ms, age: update && now != null ? now - update.published_ms : null };
  }
  found.signalState = !found.signals.value ? "none" : found.signals.fresh ? found.signals.value.status : "expired";
  found.lights = found.signalState === "valid" ? found.signals.value : null;
  found.objects = found.scene.fresh ? found.scene.value.objects : null;
  found.blind = found.health.fresh ? blindBanner(found.health.value.components) : null;
  const whole = found.objects && found.signalState !== "withdrawn" && found.signalState !== "expired" && !found.blind;
  found.state = lost ? "lost" : whole ? "live" : "degraded";
  return found;
}

function bannerFor(c) {
  if (c.lost) {
    const heard = Number.isFinite(feed.heard);
    return heard ? ["lost", "Connection lost", `Nothing heard for ${age(performance.now() - feed.heard)}. Nothing older is shown.`] : ["starting", "Connecting", "Waiting for the node."];
  }
  const also = c.objects ? "" : " Road users are not known either.";
  if (c.signalState === "withdrawn") return ["withdrawn", "Signals withdrawn", (c.signals.value.reasons.join("; ") || "no reason given") + (also && `.${also}`)];
  if (c.signalState === "expired") return ["stale", "Signals expired", `The last message is ${age(c.signals.age)} old. No colour is known.${also}`];
  if (!c.objects) return ["stale", "Road users unavailable", c.scene.value ? `The last picture is ${age(c.scene.age)} old.` : "The node sends no scene yet."];
  return c.blind;
}

function drawBanner(c) {
  const [banner, found] = [byId("banner"), bannerFor(c)];
  banner.hidden = !found;
  if (!found) return;
  banner.dataset.state = found[0];
  put(byId("banner-title"), found[1]);
  put(byId("banner-text"), found[2]);
}

/** Grey a card whose layer is not current, and say how old it is. */
function markCard(id, part, words) {
  byId(id).dataset.old = String(!part.fresh);
  put(byId(`${id}-note`), part.fresh ? words : part.value && part.age != null ? `${age(part.age)} old` : "not available");
}

const range = (l) => (l ? `${Math.round(l.median)} ms, most ${Math.round(l.most)} ms` : "–");

function drawFigures(c) {
  const delay = c.objects ? latency.of("scene") : c.signals.fresh ? latency.of("signals") : null;
  put(byId("figure-objects"), c.objects ? String(c.objects.length) : "–");
  put(byId("figure-signals"), c.lost ? "–" : c.signalState);
  byId("figure-signals").dataset.state = c.lost ? "lost" : c.signalState;
  put(byId("figure-latency"), delay ? `${Math.round(delay.median)} ms` : "–");
  const best = clock.offset;
  drawPairs(byId("feed"), [
    ["Road users, capture to screen", range(latency.of("scene"))], ["Signals, capture to screen", range(latency.of("signals"))],
    ["This device's clock", best ? `${Math.abs(best.offset) < 1 ? "0" : Math.abs(best.offset).toFixed(0)} ms ${best.offset < 0 ? "ahead" : "behind"}, ± ${best.error.toFixed(1)} ms` : "not compared yet"],
    ["Last heard", Number.isFinite(feed.heard) ? `${age(performance.now() - feed.heard)} ago` : "never"], ["Updates skipped", String(feed.conflated)], ["Streams opened", String(feed.streams)],
  ]);
}

function drawHead(c) {
  const { map } = page;
  byId("link").dataset.state = c.state;
  put(byId("link"), c.state);
  put(byId("clock"), c.now == null ? "--:--:--" : `${new Date(c.now).toISOString().slice(11, 19)} UTC`);
  put(byId("title"), map?.name ?? "Intersection");
  byId("title").title = byId("title").textContent;
  put(byId("subtitle"), map ? `${map.id}, ${map.latitude.toFixed(5)}°, ${map.longitude.toFixed(5)}°, map revision ${map.revision}` : " ");
  document.title = `${map?.name ?? "Intersection"}: ${c.state}`;
  byId("stage").setAttribute("aria-label", `Plan view of ${map?.name ?? "the intersection"}: ${c.objects?.length ?? "no"} road users, signals ${c.signalState}`);
}

function drawPanels() {
  const c = current();
  const map = page.map ?? { lanes: [], sensors: [] };
  drawHead(c);
  drawBanner(c);
  drawFigures(c);
  markCard("signals", c.signals, c.signalState);
  const reasons = c.signals.fresh ? c.signals.value.reasons : [];
  byId("signals-reasons").hidden = !reasons.length;
  put(byId("signals-reasons"), reasons.join("; "));
  byId("signal-list").dataset.state = c.signalState;
  drawSeconds(c);
  markCard("users", c.scene, "");
  drawUserTable(byId("user-rows"), c.scene.value?.objects ?? null);
  markCard("lanes", c.lanes, "");
  drawLanes(byId("lane-rows"), map, c.lanes.value?.lanes ?? []);
  const components = c.health.value?.components ?? [];
  const bad = components.filter((h) => h.state !== "ok").length;
  markCard("sensors", c.health, "");
  drawSensors(byId("sensor-rows"), map.sensors, components, page.rates);
  markCard("health", c.health, bad ? `${bad} of ${components.length} not ok` : `${components.length} parts ok`);
  drawHealth(byId("health-rows"), components, c.now);
  markCard("events", c.health, "");
  drawEvents(byId("event-list"), c.health.value?.events ?? []);
  drawSelected(c);
}

/** The list of signals; it counts down with the heads of the picture. */
function drawSeconds(c) {
  page.seconds = secondsShown(c.lights, c.now);
  drawSignals(byId("signal-list"), page.map ?? { lanes: [] }, c.lights, c.now);
}

/** The card of the selected road user, which closes when the node has not seen it for a while. */
function drawSelected(c) {
  const user = c.objects?.find((o) => o.id === page.selected);
  if (user || !c.objects) page.missed = performance.now();
  if (performance.now() - page.missed > FORGET_MS) page.selected = null;
  drawDetail(user, page.selected, c.now);
}

function frame() {
  const c = current();
  const aheadS = calm.matches || !c.objects ? 0 : (c.now - c.scene.value.stamp_ms) / 1000;
  const ghosts = !c.lost && !c.objects && c.scene.value && c.scene.age < GHOST_MS ? c.scene.value.objects : [];
  stage.draw({
    signals: c.lights, objects: c.objects ?? [], aheadS, nowMs: c.now, ghosts, trails: options.trails && c.objects ? trails : null, selected: page.selected,
  });
  if (page.seconds !== secondsShown(c.lights, c.now)) drawSeconds(c);
  for (const layer of ["signals", "scene"]) if (c[layer].fresh) latency.shown(layer, c[layer].update, c.now);
  byId("stage-card").dataset.state = c.state;
  window.__state = {
    state: c.state, objects: c.objects?.length ?? null, ghosts: ghosts.length, signals: c.signalState, lanes: page.map?.lanes.length ?? 0, selected: page.selected,
    lamps: Object.fromEntries((c.lights?.groups ?? []).map((g) => [g.group, meaning(g).colour])), latency: latency.of("scene"), clock: clock.offset,
    view: { centre: stage.view.centre, scale: stage.view.scale }, pixelOf: (number) => pixelOf(c.objects?.[number]),
  };
  requestAnimationFrame(frame);
}

/** Where on the screen a road user is. */
function pixelOf(user) {
  const { x, y } = byId("stage").getBoundingClientRect();
  return user && stage.view.at([user.x, user.y]).map((value, axis) => value + [x, y][axis]);
}

async function loadMap() {
  try {
    const answer = await fetch("intersection", { cache: "no-store" });
    page.map = mapOf(await answer.json());
    stage.setMap(page.map);
  } catch (error) {
    console.debug("intersection", error.name);
    setTimeout(loadMap, RETRY_MS);
  }
}

/** The road user after the selected one, for people without a pointer. */
function selectNext() {
  const ids = (current().objects ?? []).map((o) => o.id);
  select(ids[(ids.indexOf(page.selected) + 1) % ids.length] ?? null);
}

function select(id) {
  [page.selected, page.missed] = [id, performance.now()];
  drawPanels();
}

function start() {
  listenControls(stage, options, { e: "ellipses", v: "velocity", l: "labels", n: "lanes", t: "trails", s: "timing" });
  document.addEventListener("keydown", (event) => {
    if (isShortcut(event) && event.key === "o") selectNext();
    if (event.key === "Escape") page.selected = null;
  });
  byId("detail-close").addEventListener("click", () => { page.selected = null; });
  stage.onTap = (place, within) => { select(nearest(current().objects ?? [], place, within)); };
  drawClassLegend(byId("legend-classes"));
  loadMap();
  setInterval(drawPanels, PANEL_MS);
  frame();
}

start();
