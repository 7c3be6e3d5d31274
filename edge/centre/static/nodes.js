// The list of intersections.

import { age, byId, make, put, rebuild } from "../view/panels.js";

export function drawNodes(parent, entries, selected, choose) {
  rebuild(parent, entries.map((e) => ({ id: e.id, name: e.name, state: e.state, on: e.id === selected, facts: nodeFacts(e) })), (e) => {
    const button = make("button", { className: "node", attributes: { type: "button", "data-id": e.id, "data-state": e.state, "aria-current": String(e.on) } },
      make("span", { className: "dot" }), make("span", { className: "name", text: e.name, attributes: { title: e.name } }), make("span", { className: "word", text: e.state }),
      make("span", { className: "facts", text: e.facts }));
    button.addEventListener("click", () => choose(e.id));
    return make("li", {}, button);
  });
  byId("nodes-empty").hidden = entries.length > 0;
  put(byId("nodes-count"), String(entries.length));
}

function nodeFacts(e) {
  if (e.state === "offline" || e.state === "stale") return e.heard_ms == null ? "never heard" : `silent for ${age(e.heard_ms)}`;
  const users = e.objects == null ? "road users unavailable" : e.objects === 1 ? "1 road user" : `${e.objects} road users`;
  return `${users}, signals ${e.signals}`;
}
