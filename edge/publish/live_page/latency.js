// From capture to screen: how old what is drawn was when it was first drawn, by the node's clock.

const KEEP = 100;

export class Latency {
  constructor() { this.drawn = {}; this.values = { signals: [], scene: [] }; }

  /** An update is on the screen. */
  shown(layer, update, nowMs) {
    if (this.drawn[layer] === update) return;
    this.drawn[layer] = update;
    if (update.capture_ms > 0) this.values[layer] = [...this.values[layer].slice(1 - KEEP), nowMs - update.capture_ms];
  }

  /** {median, most} of the last updates in ms; null before the first. */
  of(layer) {
    const sorted = [...this.values[layer]].sort((a, b) => a - b);
    return sorted.length ? { median: sorted[sorted.length >> 1], most: sorted.at(-1) } : null;
  }

  clear() { this.values = { signals: [], scene: [] }; this.drawn = {}; }
}
