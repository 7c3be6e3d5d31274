// The table of points: every cell can be typed into.

import { grade } from "./marks.js";

const number = (text) => {
  const words = String(text).trim().match(/[-+]?\d+(?:\.\d+)?/g) ?? [];
  return words.map(Number).filter(Number.isFinite);
};

/** Metres of the site to latitude and longitude, and back. */
export class Degrees {
  constructor(origin) { this.origin = origin; }
  of(x, y) { const o = this.origin; return [o.latitude + y / o.north_m_per_deg, o.longitude + x / o.east_m_per_deg]; }
  metres(latitude, longitude) {
    const o = this.origin;
    const turn = ((longitude - o.longitude + 540) % 360) - 180;
    return [turn * o.east_m_per_deg, (latitude - o.latitude) * o.north_m_per_deg];
  }
}

export class Table {
  /** @param work {points, fit(), look(id), unit(): "points" | "points_wgs84", degrees()} */
  constructor(table, work) {
    this.body = table.querySelector("tbody"); this.heads = table.querySelectorAll("[data-ground]"); this.work = work; this.rows = new Map();
    this.body.addEventListener("change", (event) => this.typed(event));
    this.body.addEventListener("focusin", (event) => { const id = idOf(event.target); if (id && id !== work.points.selected) work.points.select(id); });
    this.body.addEventListener("click", (event) => this.clicked(event));
    this.body.addEventListener("keydown", (event) => { if (event.key === "Enter") event.target.blur(); });
  }

  clicked(event) {
    const id = idOf(event.target);
    if (id === null) return;
    if (event.target.closest("button")) this.work.points.remove(id);
    else if (id !== this.work.points.selected) this.work.points.select(id);
  }

  typed(event) {
    const [id, cell] = [idOf(event.target), event.target.dataset.cell];
    const point = this.work.points.get(id);
    if (!point) return;
    if (cell === "note") { this.work.points.set(id, { note: event.target.value.trim() }); return; }
    const values = number(event.target.value);
    const pair = cell === "u" || cell === "v" ? this.pixel(point, cell, values) : this.ground(point, cell, values);
    if (pair) this.work.points.set(id, pair); else this.draw();
  }

  pixel(point, cell, values) {
    if (values.length === 2) return { u: values[0], v: values[1] };
    return values.length === 1 ? this.half(point, cell, values[0], ["u", "v"]) : null;
  }

  /** One number changes its own half; the first half of a new position is kept until the other is typed. */
  half(point, cell, value, [first, second]) {
    if (point[first] !== null) return { [cell]: value };
    const waiting = { ...point.half, [cell]: value };
    if (waiting[first] === undefined || waiting[second] === undefined) { point.half = waiting; return null; }
    return { [first]: waiting[first], [second]: waiting[second], half: undefined };
  }

  ground(point, cell, values) {
    if (this.work.unit() === "points") {
      if (values.length === 2) return { x: values[0], y: values[1] };
      return values.length === 1 ? this.half(point, cell, values[0], ["x", "y"]) : null;
    }
    const degrees = this.work.degrees();
    if (values.length === 2) return xy(degrees.metres(...values));
    if (values.length !== 1) return null;
    if (point.x !== null) {
      const [latitude, longitude] = degrees.of(point.x, point.y);
      return xy(cell === "x" ? degrees.metres(values[0], longitude) : degrees.metres(latitude, values[0]));
    }
    const typed = this.half(point, cell, values[0], ["x", "y"]);
    return typed ? { ...xy(degrees.metres(typed.x, typed.y)), half: undefined } : null;
  }

  draw() {
    const { points } = this.work;
    const inDegrees = this.work.unit() === "points_wgs84";
    this.heads.forEach((head, k) => { head.textContent = (inDegrees ? ["Latitude °", "Longitude °"] : ["East m", "North m"])[k]; });
    for (const [id, row] of this.rows) if (!points.get(id)) { row.remove(); this.rows.delete(id); }
    points.list.forEach((point, k) => this.drawRow(point, k));
  }

  drawRow(point, k) {
    let row = this.rows.get(point.id);
    if (!row) { row = newRow(point.id); this.rows.set(point.id, row); }
    if (this.body.children[k] !== row) this.body.insertBefore(row, this.body.children[k] ?? null);
    const look = this.work.look(point.id);
    row.dataset.grade = grade(look.errorM);
    row.dataset.pending = String(look.hollow);
    row.setAttribute("aria-selected", String(look.selected));
    row.classList.toggle("suspect", look.suspect);
    row.querySelector(".tag").textContent = k + 1;
    const ground = this.shownGround(point);
    const shown = { u: decimals(point.u, 2), v: decimals(point.v, 2), x: ground[0], y: ground[1], note: point.note };
    for (const input of row.querySelectorAll("input")) {
      const half = point.half?.[input.dataset.cell];
      const text = shown[input.dataset.cell] || (half === undefined ? "" : String(half));
      if (input !== document.activeElement || input.value === "") input.value = text;
      else if (input.dataset.cell !== "note") input.value = text;
    }
    row.querySelector("[data-cell=residual]").textContent = decimals(look.residualPx, 2) || "–";
    row.querySelector("[data-cell=error]").textContent = look.errorM === null || look.errorM === undefined ? "–" : decimals(look.errorM, 2);
  }

  shownGround(point) {
    if (point.x === null) return ["", ""];
    if (this.work.unit() === "points") return [decimals(point.x, 3), decimals(point.y, 3)];
    return this.work.degrees().of(point.x, point.y).map((v) => decimals(v, 8));
  }
}

const xy = ([x, y]) => ({ x, y });
const decimals = (value, count) => (value === null || value === undefined ? "" : value.toFixed(count));

function idOf(element) {
  const row = element.closest("tr");
  return row?.dataset.id ? Number(row.dataset.id) : null;
}

function newRow(id) {
  const row = document.createElement("tr");
  row.dataset.id = id;
  const cell = (child, name = "") => { const td = document.createElement("td"); td.className = name; if (child) td.append(child); row.append(td); return td; };
  const tag = document.createElement("span");
  tag.className = "tag";
  cell(tag);
  const names = { u: "column in the picture", v: "row in the picture", x: "east or latitude", y: "north or longitude" };
  for (const [key, label] of Object.entries(names)) cell(input(key, label), "n");
  cell(null, "n").dataset.cell = "residual";
  cell(null, "n error").dataset.cell = "error";
  cell(input("note", "what the point is"), "note");
  const button = document.createElement("button");
  button.type = "button"; button.textContent = "×"; button.title = "Delete this point (Del)"; button.setAttribute("aria-label", "Delete this point");
  cell(button);
  return row;
}

function input(key, label) {
  const made = document.createElement("input");
  made.dataset.cell = key; made.setAttribute("aria-label", label); made.autocomplete = "off"; made.spellcheck = false;
  if (key === "note") made.maxLength = 80; else made.inputMode = "decimal";
  return made;
}
