/** Draws one pane. Model output only ever becomes the data of a text node. */

import { matches } from "./match.js";

const STICK_WITHIN = 100; // pixels from the end within which the view follows new text
const WORDLESS = "It ended at once, without a word.";
const BRIEF = 20; // characters up to which an answer is a label, and shown large

const seconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);
const perSecond = (speed) => `${speed < 10 ? speed.toFixed(1) : Math.round(speed)} tok/s`;

export class PaneView {
  /** @param {HTMLElement} root @param {import("./run.js").Pane} pane
   *  @param {{stop: () => void, retry: () => void}} actions */
  constructor(root, pane, actions) {
    this.root = root;
    this.pane = pane;
    this.find = (name) => root.querySelector(`[data-${name}]`);
    this.scroll = this.find("scroll");
    this.jump = this.find("jump");
    this.textNode = document.createTextNode("");
    this.hint = this.find("hint").textContent; // shown by the style sheet while there is no text
    this.following = true;
    this.find("stop").addEventListener("click", actions.stop);
    this.find("retry").addEventListener("click", actions.retry);
    this.find("copy").addEventListener("click", () => copyText(this.pane.text, this.find("copy")));
    this.jump.addEventListener("click", () => this.follow());
    this.scroll.addEventListener("scroll", () => {
      this.following = this.distance() <= STICK_WITHIN;
      if (this.following) this.jump.hidden = true;
    });
  }

  distance() {
    return this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight;
  }

  follow() {
    this.following = true;
    this.jump.hidden = true;
    this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  /** @param {string|null} gold @param {string} metric */
  draw(gold, metric) {
    const { pane, root } = this;
    root.dataset.phase = pane.phase;
    root.toggleAttribute("data-active", pane.active);
    root.toggleAttribute("data-brief", pane.phase === "done" && pane.text.trim().length <= BRIEF);
    this.scroll.setAttribute("aria-busy", String(pane.active));
    this.drawText();
    setText(this.find("phase-text"), pane.describe());
    this.find("stop").hidden = !pane.active;
    this.find("stop").disabled = pane.stopping;
    this.find("retry").hidden = pane.phase !== "failed";
    this.find("copy").disabled = pane.text === "";
    setText(this.find("hint"), pane.phase === "done" && pane.text === "" ? WORDLESS : this.hint);
    setText(this.find("error"), pane.error ? pane.error.message : "");
    this.drawMetrics();
    this.drawVerdict(gold, metric);
  }

  drawText() {
    const { text } = this.pane;
    const shown = this.textNode.data;
    if (text === shown) return;
    if (shown !== "" && text.startsWith(shown)) this.textNode.appendData(text.slice(shown.length));
    else this.textNode.data = text;
    const holder = this.find("text");
    if (text === "") {
      holder.replaceChildren();
      this.follow();
    } else if (!this.textNode.isConnected) holder.replaceChildren(this.textNode);
    if (this.following) this.follow();
    else this.jump.hidden = false;
  }

  drawMetrics() {
    const { pane } = this;
    const speed = pane.phase === "done" ? pane.tokensPerSecond : pane.active ? pane.liveSpeed() : null;
    const first = pane.firstTokenMs;
    const total = pane.timings ? seconds(pane.timings.total_ms) : pane.active ? seconds(performance.now() - pane.since) : "–";
    this.metric("first", first === null ? "–" : seconds(first));
    this.metric("speed", speed ? perSecond(speed) : "–");
    this.metric("tokens", pane.promptTokens === null ? "–" : `${pane.promptTokens} / ${pane.tokens}`);
    this.metric("total", total);
    this.metric("finish", pane.active || pane.phase === "idle" ? "–" : pane.describeEnd());
  }

  metric(name, value) {
    setText(this.root.querySelector(`[data-metric="${name}"]`), value);
  }

  drawVerdict(gold, metric) {
    const verdict = this.find("verdict");
    const right = this.pane.phase === "done" && gold ? matches(this.pane.text, gold, metric) : null;
    verdict.hidden = right === null;
    if (right === null) return;
    verdict.dataset.right = right ? "yes" : "no";
    setText(verdict, right ? "✓ Right" : "✗ Not right");
  }
}

/** Sets an element's text, without touching it (and a selection in it) where nothing changes. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Copies and says so on the button. @param {string} text @param {HTMLElement} button */
export async function copyText(text, button) {
  const label = button.querySelector("[data-copy-text]");
  try {
    await navigator.clipboard.writeText(text);
    label.textContent = "Copied";
  } catch {
    label.textContent = "Copying is not allowed";
  }
  setTimeout(() => { label.textContent = "Copy"; }, 1600);
}
