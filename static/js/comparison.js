/**
 * The runs behind the panes. A press of Run starts one run for all panes; a retry starts a further run for one pane.
 * The address keeps their ids, so that a reload follows them again from their beginning.
 */

import { Pane } from "./run.js";

// Refusals that the visitor mends in the form, not by trying again.
const ABOUT_THE_FORM = new Set(["empty_prompt", "prompt_too_long", "invalid_parameter", "bad_message"]);
const ABOUT_THE_RUN = new Set(["internal", "unknown_run", "unavailable", "no_session"]);

export class Comparison extends EventTarget {
  /** @param {{adapter: string|null, name: string}[]} panes @param {import("./socket.js").PlaygroundSocket} socket */
  constructor(panes, socket) {
    super();
    this.socket = socket;
    this.panes = panes.map((pane) => new Pane(pane.adapter, pane.name));
    /** The run's prompt, sampling and right answer, as the server has it; null before it has answered. */
    this.facts = null;
    this.order = null;
    this.runId = null;
    /** @type {Map<number, string>} runs that retried a single pane */
    this.retries = new Map();
  }

  get active() {
    return this.panes.some((pane) => pane.active);
  }

  /** Starts a run in all panes, in place of the one before. @param {{sampling: object}} order prompt and sampling */
  run(order) {
    this.stop();
    for (const id of [this.runId, ...this.retries.values()]) if (id) this.socket.forget(id);
    this.retries.clear();
    this.facts = null;
    this.order = order;
    this.runId = this.start(this.panes.map((_, slot) => slot), order);
    this.changed("moved");
  }

  /** Runs one failed pane again, with the same prompt and seed; all of them when the run was never taken. */
  retry(slot) {
    if (this.facts === null) {
      if (this.order) this.run(this.order);
      else this.resume(this.runId, this.retries);
      return;
    }
    const { prompt, sampling } = this.facts;
    this.retries.set(slot, this.start([slot], { prompt, sampling }));
    this.changed("moved");
  }

  start(slots, order) {
    const id = newId();
    slots.forEach((slot, index) => this.panes[slot].reset("sending", { id, pane: index }));
    const panes = slots.map((slot) => ({ adapter: this.panes[slot].adapter }));
    this.socket.start({ id, ...order, panes }, this.listener(id));
    this.changed();
    return id;
  }

  /** Follows the runs of an address. @param {string} id @param {Map<number, string>} retries */
  resume(id, retries) {
    this.runId = id;
    this.retries = retries;
    this.panes.forEach((pane, slot) => pane.reset("resuming", { id: retries.get(slot) ?? id, pane: retries.has(slot) ? 0 : slot }));
    this.socket.resume(id, this.listener(id));
    for (const retry of retries.values()) this.socket.resume(retry, this.listener(retry));
    this.changed();
  }

  /** Stops one pane, or all. @param {number|null} slot */
  stop(slot = null) {
    for (const pane of slot === null ? this.panes : [this.panes[slot]]) {
      if (!pane.active || pane.stopping) continue;
      pane.stopping = true;
      if (!this.socket.stop(pane.source.id, pane.source.pane)) this.abandon(pane.source.id);
    }
    this.changed();
  }

  /** Ends the panes of a run that never left this page. */
  abandon(id) {
    for (const pane of this.panesOf(id)) pane.abandon();
  }

  panesOf(id) {
    return this.panes.filter((pane) => pane.source?.id === id && pane.active);
  }

  paneAt(id, index) {
    return this.panes.find((pane) => pane.source?.id === id && pane.source.pane === index);
  }

  // What the server says

  listener(id) {
    return {
      started: (frame) => this.started(id, frame),
      event: (frame) => this.event(id, frame),
      refused: (frame) => this.refused(id, frame),
    };
  }

  started(id, frame) {
    const firstWord = this.facts === null;
    if (id === this.runId) {
      const resumed = this.panes.some((pane) => pane.phase === "resuming" && pane.source.id === id);
      if (resumed && !this.place(id, frame.panes)) return;
      this.facts = frame;
      if (firstWord) this.dispatchEvent(new CustomEvent("started", { detail: { facts: frame, resumed } }));
    }
    this.changed();
  }

  /** Matches a resumed run's panes with this page's, by their adapters. False when it is another page's run. */
  place(id, placed) {
    const waiting = this.panesOf(id);
    const places = waiting.map((pane) => placed.find((each) => each.adapter === pane.adapter));
    if (places.includes(undefined)) {
      this.socket.forget(id);
      for (const pane of this.panes) pane.reset("idle");
      this.clear();
      this.tell("The run in this address belongs to another adapter’s page.");
      return false;
    }
    waiting.forEach((pane, index) => { pane.source = { id, pane: places[index].pane }; });
    return true;
  }

  event(id, frame) {
    const pane = this.paneAt(id, frame.pane);
    if (!pane) return;
    pane.apply(frame);
    this.changed();
    if (!pane.active) this.dispatchEvent(new CustomEvent("ended", { detail: pane }));
  }

  refused(id, frame) {
    const taken = this.facts !== null && id === this.runId;
    if (taken && !ABOUT_THE_RUN.has(frame.code)) {
      this.tell(frame.message);
      return;
    }
    const waiting = this.panesOf(id);
    this.socket.forget(id);
    if (!taken && ABOUT_THE_FORM.has(frame.code)) {
      for (const pane of waiting) pane.reset("idle");
      this.clear();
      this.dispatchEvent(new CustomEvent("form-error", { detail: frame }));
    } else if (frame.code === "unknown_run" && waiting.some((pane) => pane.phase === "resuming")) {
      for (const pane of waiting) pane.reset("idle");
      this.clear();
      this.tell("The run in this address is no longer kept, or another visitor started it. Run it afresh.");
    } else {
      for (const pane of waiting) pane.fail(frame.code, frame.message);
    }
    this.changed();
  }

  clear() {
    this.runId = null;
    this.retries.clear();
    this.changed("moved");
  }

  tell(sentence) {
    this.dispatchEvent(new CustomEvent("notice", { detail: sentence }));
  }

  changed(also = null) {
    if (also) this.dispatchEvent(new Event(also));
    this.dispatchEvent(new Event("changed"));
  }
}

/** 128 random bits as a UUID; `crypto.randomUUID` is missing on plain http outside localhost. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
