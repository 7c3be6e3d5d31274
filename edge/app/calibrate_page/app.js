// Wires the page: the points, the two panes, the table, the fit after every change, and saving.

import { grade, gradeColour } from "./marks.js";
import { wireButtons } from "./pane.js";
import { PicturePane } from "./picture.js";
import { PlanPane } from "./plan.js";
import { Points, complete } from "./points.js";
import { toGround, toPixel } from "./projective.js";
import { Degrees, Table } from "./table.js";
import { ask, pictureFrom, send } from "./server.js";
import { Summary } from "./summary.js";

const element = (id) => document.getElementById(id);
const points = new Points();
const options = { lanes: true, grid: true, loupe: true, snap: true };
const state = { session: null, fit: null, order: [], busy: false, stale: false, unit: "points", failed: "" };

const work = {
  points, options,
  fit: () => state.fit,
  session: () => state.session,
  unit: () => state.unit,
  degrees: () => new Degrees(state.session.origin),
  look,
  hovered,
};
const picture = new PicturePane(element("picture"), work);
const plan = new PlanPane(element("plan"), work);
const table = new Table(element("points"), work);
const summary = new Summary(work);

/** How a point is drawn, and its errors. */
function look(id) {
  const row = state.order.indexOf(id);
  const point = points.get(id);
  const errorM = state.fit?.error_m?.[row] ?? null;
  return {
    number: points.number(id), selected: id === points.selected, hollow: !complete(point), errorM,
    residualPx: state.fit?.residual_px?.[row] ?? null, colour: gradeColour(grade(errorM)),
    suspect: state.fit?.suspect?.point === row && row >= 0,
  };
}

/** Show in the other pane what the mouse points to in this one. */
function hovered(place, from) {
  const fit = state.fit;
  const mirrored = place && fit?.to_pixels ? (from === "plan" ? toPixel : toGround)(fit, place) : null;
  (from === "plan" ? picture : plan).mirror(mirrored);
}

function redraw() {
  picture.pane.redraw();
  plan.pane.redraw();
  table.draw();
  summary.draw({ failed: state.failed });
  element("undo").disabled = !points.past.length;
  element("redo").disabled = !points.future.length;
  element("save").disabled = state.fit?.state !== "fitted" || state.busy || Boolean(points.pending);
  element("save").dataset.changed = String(points.changed);
}

/** Ask for a fit of the points as they are; while one is under way, once more after it. */
async function refit() {
  if (state.busy) { state.stale = true; return; }
  state.busy = true;
  do {
    state.stale = false;
    const sent = points.complete;
    try {
      const fit = await send("fit", { points: rows(sent) });
      if (!state.stale) { state.fit = fit; state.order = sent.map((p) => p.id); }
      state.failed = "";
    } catch (error) {
      state.failed = error.message;
    }
  } while (state.stale);
  state.busy = false;
  redraw();
}

const rows = (list) => list.map(({ u, v, x, y, note }) => ({ u, v, x, y, note }));

async function save() {
  element("save").disabled = true;
  try {
    const answer = await send("save", { points: rows(points.complete), key: state.unit, digest: state.session.digest });
    state.session.digest = answer.digest;
    points.markSaved();
    summary.say("saved", answer.message, answer.unfinished && `The site is not ready to run yet: ${answer.unfinished}`);
  } catch (error) {
    summary.say("failed", error.message);
  }
  redraw();
}

async function retake() {
  element("retake").disabled = true;
  try {
    const facts = await send("retake", {});
    await showPicture(facts);
    refit();
  } catch (error) {
    summary.say("failed", error.message);
  }
  element("retake").disabled = false;
}

async function showPicture(facts) {
  state.session.picture = facts;
  picture.start(await pictureFrom("picture"), facts, state.session.plan);
  element("picture-facts").textContent = `${facts.width} × ${facts.height}, ${facts.origin}`;
}

function setUnit(unit) {
  state.unit = unit;
  for (const button of document.querySelectorAll("[data-unit]")) button.setAttribute("aria-pressed", String(button.dataset.unit === unit));
  table.draw();
}

function wire() {
  points.onChange(() => { redraw(); refit(); });
  element("save").addEventListener("click", save);
  element("undo").addEventListener("click", () => points.undo());
  element("redo").addEventListener("click", () => points.redo());
  element("retake").addEventListener("click", retake);
  element("add").addEventListener("click", typeNew);
  for (const button of document.querySelectorAll("[data-unit]")) button.addEventListener("click", () => setUnit(button.dataset.unit));
  for (const button of document.querySelectorAll("[data-option]")) {
    button.addEventListener("click", () => {
      options[button.dataset.option] = !options[button.dataset.option];
      button.setAttribute("aria-pressed", String(options[button.dataset.option]));
      redraw();
    });
  }
  wireButtons(picture.pane, element("picture-zoom"));
  wireButtons(plan.pane, element("plan-zoom"));
  document.addEventListener("keydown", keys);
  window.addEventListener("beforeunload", (event) => { if (points.changed) event.preventDefault(); });
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", redraw);
}

/** A row to type a surveyed position into. */
function typeNew() {
  const id = points.pending?.id ?? points.place({});
  document.querySelector(`tr[data-id="${id}"] input[data-cell=x]`)?.focus();
}

function keys(event) {
  const typing = event.target instanceof HTMLInputElement;
  const command = event.ctrlKey || event.metaKey;
  if (command && event.key.toLowerCase() === "z" && !typing) { event.preventDefault(); if (event.shiftKey) points.redo(); else points.undo(); }
  else if (command && event.key.toLowerCase() === "y" && !typing) { event.preventDefault(); points.redo(); }
  else if (command && event.key.toLowerCase() === "s") { event.preventDefault(); if (!element("save").disabled) save(); }
  else if (typing) return;
  else if ((event.key === "Delete" || event.key === "Backspace") && points.selected !== null) points.remove(points.selected);
  else if (event.key === "Escape") { if (points.pending) points.remove(points.pending.id); else points.select(null); }
}

/** For tests and for the curious: what the page shows, and where. */
function publish() {
  window.__calibration = {
    get settled() { return Boolean(state.session) && !state.busy; },
    get points() { return points.list.length; },
    get fit() { return state.fit; },
    get changed() { return points.changed; },
    onPicture: (u, v) => picture.pane.at([u, v]), onPlan: (x, y) => plan.pane.at([x, y]),
  };
}

async function start() {
  try {
    state.session = await ask("session");
    const { session } = state;
    document.title = `${session.camera} · calibrate`;
    element("camera-name").textContent = session.camera;
    element("site-name").textContent = `${session.site} · ${session.file.split("/").at(-1)}`;
    element("site-name").title = session.file;
    element("retake").hidden = !session.picture.live;
    element("map-name").textContent = session.plan.name || "from the site's MAP";
    wire();
    setUnit(session.key);
    await showPicture(session.picture);
    plan.start(session.plan, session.ortho && { ...session.ortho, image: await pictureFrom("ortho") });
    if (session.notes.length) summary.say("note", session.notes.join(" "));
    points.start(session.points);
    publish();
  } catch (error) {
    summary.say("failed", error.message);
  }
}

start();
