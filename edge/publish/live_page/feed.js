// The event stream: the newest update of each layer, and whether the node is heard at all.

import { LAYERS, updateOf } from "./read.js";

const LOST_MS = 950; // the node says something every 500 ms
const REOPEN_MS = 2500;

export class Feed {
  constructor(onUpdate) {
    this.onUpdate = onUpdate; this.parts = {}; this.heard = -Infinity; this.opened = 0; this.streams = 0; this.conflated = 0; this.broken = true;
    this.open();
    setInterval(() => this.watch(), 250);
  }

  /** Nothing is heard: what is known may be old. */
  get lost() { return this.broken || performance.now() - this.heard > LOST_MS; }

  open() {
    this.stream?.close();
    const stream = this.stream = new EventSource("events?max_rate_hz=10");
    this.opened = performance.now(); this.streams += 1;
    stream.addEventListener("error", () => { if (stream === this.stream) this.broken = true; });
    const on = (name, act) => stream.addEventListener(name, (event) => {
      if (stream !== this.stream) return;
      this.heard = performance.now(); this.broken = false;
      act?.(JSON.parse(event.data));
    });
    on("heartbeat");
    for (const layer of LAYERS) on(layer, (json) => this.take(layer, json));
  }

  take(layer, json) {
    const [before, update] = [this.parts[layer], updateOf(layer, json)];
    if (before?.epoch === update.epoch) this.conflated += Math.max(update.sequence - before.sequence - 1, 0);
    this.parts[layer] = update;
    this.onUpdate(layer, update, before);
  }

  /** A browser gives up after a refusal, and may wait for ever on a connection that died without a word. */
  watch() {
    const quiet = performance.now() - Math.max(this.heard, this.opened);
    if (quiet > REOPEN_MS || (this.stream.readyState === EventSource.CLOSED && quiet > 1000)) this.open();
  }
}
