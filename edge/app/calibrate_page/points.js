// The list of points: every change can be undone. A point is complete once it has a pixel and a ground position.

const LONGEST_HISTORY = 200;

export const complete = (p) => p.u !== null && p.x !== null;

export class Points {
  constructor() { this.list = []; this.selected = null; this.past = []; this.future = []; this.listeners = []; this.next = 1; this.savedAs = "[]"; }

  onChange(listener) { this.listeners.push(listener); }
  tell() { for (const listener of this.listeners) listener(); }

  /** Start from what the file holds. */
  start(rows) {
    this.list = rows.map((row) => ({ id: this.next++, ...row }));
    this.past = []; this.future = []; this.selected = null;
    this.markSaved();
    this.tell();
  }

  get complete() { return this.list.filter(complete); }
  get pending() { return this.list.find((p) => !complete(p)) ?? null; }
  get(id) { return this.list.find((p) => p.id === id) ?? null; }
  number(id) { return this.list.findIndex((p) => p.id === id) + 1; }
  select(id) { this.selected = id; this.tell(); }

  markSaved() { this.savedAs = this.contents(); }
  get changed() { return this.contents() !== this.savedAs; }
  contents() { return JSON.stringify(this.list.map(({ u, v, x, y, note }) => [u, v, x, y, note])); }

  /** Remember the present state, so that what follows can be undone. */
  remember() {
    this.past.push(JSON.stringify(this.list));
    if (this.past.length > LONGEST_HISTORY) this.past.shift();
    this.future = [];
  }

  /** Change a point without a step of its own in the history: for drags, after `remember`. */
  move(id, values) { Object.assign(this.get(id), values); this.tell(); }

  set(id, values) { this.remember(); this.move(id, values); }

  /** Put half of a point: into the one that waits for it, or into a new one. Returns its id. */
  place(values) {
    this.remember();
    let point = this.pending;
    if (!point) { point = { id: this.next++, u: null, v: null, x: null, y: null, note: "" }; this.list.push(point); }
    const note = point.note || values.note || "";
    Object.assign(point, values, { note });
    this.selected = point.id;
    this.tell();
    return point.id;
  }

  remove(id) {
    this.remember();
    this.list = this.list.filter((p) => p.id !== id);
    if (this.selected === id) this.selected = null;
    this.tell();
  }

  undo() { this.step(this.past, this.future); }
  redo() { this.step(this.future, this.past); }

  step(from, to) {
    if (!from.length) return;
    to.push(JSON.stringify(this.list));
    this.list = JSON.parse(from.pop());
    if (!this.get(this.selected)) this.selected = null;
    this.tell();
  }
}
