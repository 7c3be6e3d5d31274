// What a person sets on either page: the theme, what is drawn, the view.

import { byId } from "./panels.js";

/** Whether a key press is meant for the picture: not while somebody writes, and not with a modifier. */
export const isShortcut = (event) => event.target.tagName !== "INPUT" && !event.ctrlKey && !event.metaKey && !event.altKey;

/** Listen to the buttons of the page, and to `keys`: letters to names of `options`. */
export function listenControls(stage, options, keys) {
  const toggle = (name) => {
    options[name] = !options[name];
    document.querySelector(`[data-option="${name}"]`).setAttribute("aria-pressed", String(options[name]));
  };
  listenTheme(stage);
  document.querySelectorAll("[data-option]").forEach((b) => b.addEventListener("click", () => toggle(b.dataset.option)));
  document.querySelectorAll("[data-view]").forEach((b) => b.addEventListener("click", () => stage.change(b.dataset.view)));
  document.addEventListener("keydown", (event) => { if (isShortcut(event) && keys[event.key]) toggle(keys[event.key]); });
}

/** The theme of the address, of the last visit, or of the device. */
function listenTheme(stage) {
  const root = document.documentElement;
  const set = (name) => { root.dataset.theme = name; stage.themeChanged(); };
  const wanted = new URLSearchParams(location.search).get("theme") ?? localStorage.getItem("theme");
  set(wanted ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark"));
  byId("theme").addEventListener("click", () => {
    const next = root.dataset.theme === "light" ? "dark" : "light";
    localStorage.setItem("theme", next);
    set(next);
  });
}
