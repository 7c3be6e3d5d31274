// The node's clock as this device can know it: asked for over the network, with half the round trip as its error.

const PERIOD_MS = 5000;
const FIRST_PERIOD_MS = 300; // until a few answers are there
const KEEP_MS = 60000;
const JUMP_MS = 50;
const TIMEOUT_MS = 3000;

export class NodeClock {
  constructor() { this.samples = []; this.base = Date.now() - performance.now(); this.ask(); }

  /** This device's clock, even where it is set: a jump, or a sleep, makes what was known about the node's worthless. */
  local() {
    const jump = Date.now() - performance.now() - this.base;
    if (Math.abs(jump) > JUMP_MS) { this.base += jump; this.samples = []; this.ask(); }
    return this.base + performance.now();
  }

  /** The answer with the shortest way; undefined when there is none of the last minute. */
  get best() {
    const now = this.local();
    return this.samples.filter((s) => now - s.at < KEEP_MS).reduce((a, b) => (a && a.error <= b.error ? a : b), undefined);
  }

  /** Milliseconds UTC at the node; null while nobody knows. */
  now() {
    const { best } = this;
    return best ? this.local() + best.offset : null;
  }

  async ask() {
    clearTimeout(this.timer);
    const turn = this.turn = (this.turn ?? 0) + 1;
    try {
      const sent = this.base + performance.now();
      const answer = await fetch("time", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
      const node = milliseconds((await answer.json()).node_ns);
      const got = this.base + performance.now();
      if (turn !== this.turn) return;
      this.samples = [...this.samples.slice(-20), { at: got, offset: node - (sent + got) / 2, error: (got - sent) / 2 }];
    } catch (error) {
      if (turn !== this.turn) return;
      console.debug("time", error.name);
    }
    this.timer = setTimeout(() => this.ask(), this.samples.length < 4 ? FIRST_PERIOD_MS : PERIOD_MS);
  }
}

/** Nanoseconds as text to milliseconds. */
export const milliseconds = (text) => Number(text ?? 0) / 1e6;
