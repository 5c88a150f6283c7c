/**
 * What is known about a comparison, without any drawing: the prompt that was sent, and for each pane its phase, text
 * and figures. Built from the server's frames alone.
 *
 * @typedef {"idle"|"sending"|"resuming"|"queued"|"loading"|"prefill"|"writing"|"done"|"failed"} Phase
 */

const ACTIVE = new Set(["sending", "resuming", "queued", "loading", "prefill", "writing"]);
const ORDINAL = { one: "st", two: "nd", few: "rd", other: "th" };
const ordinalRules = new Intl.PluralRules("en", { type: "ordinal" });

export function ordinal(number) {
  return `${number}${ORDINAL[ordinalRules.select(number)]}`;
}

/** One answer. `source` is where it comes from: the run's id and the pane's number within it. */
export class Pane {
  /** @param {string|null} adapter @param {string} name */
  constructor(adapter, name) {
    this.adapter = adapter;
    this.name = name;
    this.source = null;
    this.reset("idle");
  }

  /** @param {Phase} phase @param {{id: string, pane: number}|null} source */
  reset(phase, source = null) {
    /** @type {Phase} */
    this.phase = phase;
    this.source = source;
    this.replayed = phase === "resuming"; // its beginning comes at once, which says nothing about speed
    this.position = null;
    this.tier = null;
    this.text = "";
    this.promptTokens = null;
    this.tokens = 0;
    this.stopping = false;
    this.finishReason = null;
    this.timings = null;
    this.tokensPerSecond = null;
    this.error = null;
    this.since = performance.now();
    this.firstAt = null;
    this.firstCount = 0;
  }

  get active() {
    return ACTIVE.has(this.phase);
  }

  /** Takes in one event frame. @param {object} frame @param {number} now */
  apply(frame, now = performance.now()) {
    switch (frame.kind) {
      case "queued":
        this.phase = "queued";
        this.position = frame.position;
        break;
      case "loading":
        this.phase = "loading";
        this.tier = frame.tier;
        break;
      case "prefill":
        // A run that was put back in the queue reads its prompt again; its text stays.
        this.phase = "prefill";
        this.promptTokens = frame.prompt_tokens;
        break;
      case "tokens":
        this.phase = "writing";
        this.text += frame.text;
        this.tokens += frame.count;
        if (this.firstAt === null) {
          this.firstAt = now;
          this.firstCount = this.tokens;
        }
        break;
      case "done":
        this.phase = "done";
        this.finishReason = frame.finish_reason;
        this.promptTokens = frame.usage.prompt_tokens;
        this.tokens = frame.usage.completion_tokens;
        this.timings = frame.timings;
        this.tokensPerSecond = frame.tokens_per_second;
        break;
      case "error":
        this.fail(frame.code, frame.message);
        break;
    }
  }

  fail(code, message) {
    this.phase = "failed";
    this.error = { code, message };
  }

  /** Ends a pane whose run never left this page. */
  abandon() {
    this.phase = "done";
    this.finishReason = "cancelled";
  }

  /** From the start to the first token: the server's figure once it is known, else as seen from here; null before. */
  get firstTokenMs() {
    if (this.timings) return this.timings.first_token_ms;
    return this.replayed || this.firstAt === null ? null : this.firstAt - this.since;
  }

  /** Tokens per second as seen from here while the answer is being written; null while too little is known. */
  liveSpeed(now = performance.now()) {
    if (this.replayed || this.firstAt === null || now - this.firstAt < 400) return null;
    return ((this.tokens - this.firstCount) * 1000) / (now - this.firstAt);
  }

  /** The phase in words. */
  describe() {
    if (this.stopping && this.active) return "Stopping";
    switch (this.phase) {
      case "idle": return "Ready";
      case "sending": return "Sending";
      case "resuming": return "Catching up";
      case "queued": return this.position > 1 ? `Queued, ${ordinal(this.position)} in line` : "Queued, next in line";
      case "loading": return `Loading the adapter from ${this.tier === "host" ? "memory" : this.tier}`;
      case "prefill": return this.promptTokens ? `Reading the prompt, ${this.promptTokens} tokens` : "Reading the prompt";
      case "writing": return "Writing";
      case "failed": return "Failed";
      case "done": return this.finishReason === "cancelled" ? "Stopped" : "Finished";
    }
  }

  /** Why it ended, in words. */
  describeEnd() {
    if (this.phase === "failed") return "error";
    return { stop: "complete", length: "token limit", cancelled: "stopped" }[this.finishReason] ?? "–";
  }
}
