// What to do next, how good the fit is, and what was saved: in words and a few figures.

import { BAD_M, grade } from "./marks.js";

const element = (id) => document.getElementById(id);
const metres = (value) => (value === null || value === undefined ? "–" : `${value.toFixed(2)} m`);

export class Summary {
  /** @param work {points, fit(), session()} */
  constructor(work) {
    this.work = work;
    element("notice-close").addEventListener("click", () => { element("notice").hidden = true; });
  }

  /** A message that stays until it is closed: `saved`, `failed` or `note`. */
  say(kind, text, more = "") {
    element("notice").dataset.kind = kind;
    element("notice-text").textContent = text;
    element("notice-more").textContent = more || "";
    element("notice").hidden = false;
  }

  draw({ failed }) {
    const fit = this.work.fit();
    const { pending, list } = this.work.points;
    element("step").textContent = step(pending, list.length, this.work.points);
    const [kind, words] = verdict(fit, failed, this.work.session()?.range_m ?? 0);
    element("verdict").dataset.kind = kind;
    element("verdict-word").textContent = { few: "More points", refused: "Does not fit", good: "Good", fair: "Fair", bad: "Check the red points", failed: "No answer", open: "Fitted", thin: "Add points" }[kind];
    element("verdict-text").textContent = words;
    this.figures(fit);
  }

  figures(fit) {
    const known = fit?.state === "fitted" ? fit : {};
    const set = (id, text, tone = "") => { element(id).textContent = text; element(id).dataset.grade = tone; };
    set("figure-count", String(this.work.points.complete.length));
    set("figure-median", metres(fit?.median_error_m), grade(fit?.median_error_m));
    set("figure-worst", metres(fit?.worst_error_m), grade(fit?.worst_error_m));
    set("figure-height", known.camera ? `${known.camera.height_m.toFixed(1)} m` : "–");
    for (const [k, id] of ["figure-20", "figure-40", "figure-60"].entries()) {
      const sigma = known.expected?.[k]?.sigma_m;
      set(id, sigma === null || sigma === undefined ? "–" : `±${metres(sigma)}`, grade(sigma));
    }
  }
}

function step(pending, count, points) {
  if (pending && pending.u !== null) return `Point ${points.number(pending.id)}: now click the same spot on the map, or type its coordinates`;
  if (pending) return `Point ${points.number(pending.id)}: now click the same spot in the picture`;
  return count ? "Click the next spot in the picture or on the map; drag points to move them" : "Click a spot on the road that is also on the map: a stop line's end, a crossing's corner";
}

function verdict(fit, failed, range) {
  if (failed) return ["failed", failed];
  if (!fit) return ["few", ""];
  if (fit.state === "few") return ["few", fit.message];
  const wrong = fit.suspect ? `Point ${fit.suspect.point + 1} does not agree with the others: without it they agree within ${Math.max(fit.suspect.rest_px, 0.1).toFixed(1)} px. ` : "";
  if (fit.state === "refused") return ["refused", wrong || fit.message];
  if (fit.worst_error_m === null || fit.worst_error_m === undefined) return ["open", fit.message];
  const thin = wrong ? null : fit.expected.findLast((e) => e.sigma_m >= BAD_M && e.distance_m <= range);
  if (thin && fit.worst_error_m < BAD_M) return ["thin", `The ${fit.error_m.length} points agree, but they leave ±${metres(thin.sigma_m)} at ${thin.distance_m} m: add points there, or where none are yet.`];
  const tone = fit.worst_error_m >= BAD_M ? "bad" : grade(fit.worst_error_m);
  return [tone, wrong || fit.message || `The ${fit.error_m.length} points agree.`];
}
