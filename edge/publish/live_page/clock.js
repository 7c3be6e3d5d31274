// The node's clock as this device can know it. Each answer to "time" bounds it from both sides, because the node looked at
// its clock after we asked and before we heard; each update bounds it from below, because it was made before it came.

const PERIOD_MS = 5000;
const FIRST_PERIOD_MS = 300; // until a few answers are there
const FIRST_ANSWERS = 5;
const KEEP_MS = 60000;
const JUMP_MS = 50;
const TIMEOUT_MS = 3000;

export class NodeClock {
  constructor() { this.forget(); this.base = Date.now() - performance.now(); this.ask(); }

  forget() { this.answers = []; this.least = []; }

  /** This device's clock, even where it is set: a jump, or a sleep, makes what was known about the node's worthless. */
  local() {
    const jump = Date.now() - performance.now() - this.base;
    if (Math.abs(jump) > JUMP_MS) { this.base += jump; this.forget(); this.ask(); }
    return this.base + performance.now();
  }

  /** Node minus device in ms: {offset, error, most}; null while no answer of the last minute is known. */
  get offset() {
    const now = this.local();
    this.answers = this.answers.filter((s) => now - s.at < KEEP_MS);
    this.least = this.least.filter((s) => now - s.at < KEEP_MS);
    if (!this.answers.length) return null;
    const low = Math.max(...this.answers.map((s) => s.low), ...this.least.map((s) => s.low));
    const high = Math.max(Math.min(...this.answers.map((s) => s.high)), low);
    return { offset: (low + high) / 2, error: (high - low) / 2, most: high };
  }

  /** {now, latest} in ms UTC at the node: the best guess, and what it is at the latest; null while nobody knows. */
  read() {
    const found = this.offset;
    if (!found) return null;
    const local = this.local();
    return { now: local + found.offset, latest: local + found.most };
  }

  /** Something came that the node made at a time of its clock. */
  heard(nodeMs) {
    const now = this.local();
    const low = nodeMs - now;
    if (low > Math.max(...this.least.map((s) => s.low), -Infinity)) this.least = [...this.least.slice(-20), { at: now, low }];
  }

  async ask() {
    clearTimeout(this.timer);
    const turn = this.turn = (this.turn ?? 0) + 1;
    try {
      const asked = this.base + performance.now();
      const answer = await fetch("time", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
      const node = milliseconds((await answer.json()).node_ns);
      const heard = this.base + performance.now();
      if (turn !== this.turn) return;
      this.answers = [...this.answers.slice(-20), { at: heard, low: node - heard, high: node - asked }];
    } catch (error) {
      if (turn !== this.turn) return;
      console.debug("time", error.name);
    }
    this.timer = setTimeout(() => this.ask(), this.answers.length < FIRST_ANSWERS ? FIRST_PERIOD_MS : PERIOD_MS);
  }
}

/** Nanoseconds as text to milliseconds. */
export const milliseconds = (text) => Number(text ?? 0) / 1e6;
