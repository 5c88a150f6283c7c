/** The adapter's page: brings the form, the runs and the panes together. */

import { announce } from "./announce.js";
import { snippet } from "./code.js";
import { Comparison } from "./comparison.js";
import { Composer, ParameterError } from "./composer.js";
import { showConnection } from "./connection.js";
import { hasOneAnswer } from "./match.js";
import { copyText, PaneView, setText } from "./pane.js";
import { PlaygroundSocket } from "./socket.js";

const config = JSON.parse(document.getElementById("page-config").textContent);
const workbench = document.getElementById("workbench");
const form = document.getElementById("run-form");
const find = (name) => workbench.querySelector(`[data-${name}]`);
const composer = new Composer(form, config);
/** The facts of the run on show; null without one. */
let shownFacts = () => null;

prepareCode();
if (config.live) goLive();

function goLive() {
  const url = new URL(config.websocket_path, window.location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new PlaygroundSocket(url.href);
  const comparison = new Comparison(config.panes, socket);
  showConnection(socket);

  const views = comparison.panes.map((pane, slot) => {
    const root = workbench.querySelector(`[data-pane="${slot}"]`);
    return new PaneView(root, pane, { stop: () => comparison.stop(slot), retry: () => comparison.retry(slot) });
  });

  // Drawing: at most once a frame, and a few times a second while clocks run.
  let due = false;
  function draw() {
    due = false;
    const gold = rightAnswer(comparison.facts);
    for (const view of views) view.draw(gold, workbench.dataset.metric);
    drawFacts(comparison, gold);
  }
  function schedule() {
    if (!due) requestAnimationFrame(draw);
    due = true;
  }
  comparison.addEventListener("changed", schedule);
  setInterval(() => comparison.active && schedule(), 200);

  // Running and stopping
  function run() {
    hideFormError();
    notice("");
    let order;
    try {
      order = { ...composer.promptOrder, sampling: composer.sampling };
    } catch (error) {
      if (!(error instanceof ParameterError)) throw error;
      showFormError(error.message, error.parameter);
      return;
    }
    const problem = promptProblem(order);
    if (problem) {
      showFormError(problem);
      return;
    }
    comparison.run(order);
    draw(); // a press of the button answers at once
    showPanes();
    announce("Generating with the base and with the adapter.");
  }
  find("run").disabled = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  find("stop-all").addEventListener("click", () => comparison.stop());
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || document.querySelector("dialog[open]")) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      run();
    } else if (event.key === "Escape" && comparison.active) {
      event.preventDefault();
      comparison.stop();
    }
  });
  if (navigator.platform.startsWith("Mac")) find("run-key").textContent = "⌘ ↵";

  // What the server says
  comparison.addEventListener("started", ({ detail: { facts, resumed } }) => {
    if (resumed) composer.restore(facts);
  });
  comparison.addEventListener("ended", ({ detail: pane }) => {
    if (pane.phase === "failed") return; // its error is announced where it stands
    const time = pane.timings ? `, ${(pane.timings.total_ms / 1000).toFixed(1)} seconds` : "";
    announce(`${pane.name} ${pane.finishReason === "cancelled" ? "stopped" : "finished"}, ${pane.tokens} tokens${time}.`);
  });
  comparison.addEventListener("form-error", ({ detail }) => showFormError(detail.message, detail.message.split(" ")[0]));
  comparison.addEventListener("notice", ({ detail }) => notice(detail));
  socket.addEventListener("refused", ({ detail }) => notice(detail.message));

  // The address
  comparison.addEventListener("moved", () => {
    const address = new URL(window.location.href);
    for (const name of [...address.searchParams.keys()]) if (/^(run|retry\d+)$/.test(name)) address.searchParams.delete(name);
    if (comparison.runId) address.searchParams.set("run", comparison.runId);
    for (const [slot, id] of comparison.retries) address.searchParams.set(`retry${slot}`, id);
    history.replaceState(null, "", address);
  });
  find("keep-seed").addEventListener("click", () => {
    composer.keepSeed(comparison.facts.sampling.seed);
    announce("The seed is kept for the next run.");
  });
  shownFacts = () => comparison.facts;

  const asked = new URL(window.location.href).searchParams;
  if (/^[0-9a-f-]{32,36}$/i.test(asked.get("run") ?? "")) {
    const retries = new Map(comparison.panes.flatMap((_, slot) => asked.has(`retry${slot}`) ? [[slot, asked.get(`retry${slot}`)]] : []));
    comparison.resume(asked.get("run"), retries);
  }
}

/** The right answer to the prompt that was sent, where it is known. */
function rightAnswer(facts) {
  if (facts === null) return null;
  return facts.gold ?? (composer.exampleFor(facts.prompt)?.gold || null);
}

function drawFacts(comparison, gold) {
  const { facts } = comparison;
  find("stop-all").hidden = !comparison.active;
  const ended = comparison.panes.every((pane) => !pane.active);
  find("gold").hidden = !(gold && ended && facts);
  setText(find("gold-text"), gold ?? "");
  setText(find("gold-label"), gold && hasOneAnswer(gold, workbench.dataset.metric) ? "Right answer" : "A good answer");
  find("run-facts").hidden = facts === null;
  if (facts === null) return;
  const { sampling } = facts;
  const draw = sampling.temperature === 0 ? "Greedy" : `Temperature ${sampling.temperature}`;
  setText(find("run-sampling"), `${draw}, at most ${sampling.max_tokens} tokens, seed ${sampling.seed}`);
  setText(find("prompt"), facts.prompt);
  setText(find("prompt-tokens"), facts.prompt_tokens ? `${facts.prompt_tokens} tokens` : "");
}

/** Why a prompt cannot be sent, in a sentence; null when it can. */
function promptProblem(order) {
  const { limits } = config;
  const empty = order.prompt === undefined ? !Object.values(order.variables).some((value) => value.trim()) : !order.prompt.trim();
  if (empty) return "The prompt is empty. Fill in the form, or pick an example.";
  const length = [...composer.prompt].length;
  if (length > limits.prompt_characters) {
    return `The prompt has ${length.toLocaleString("en")} characters; at most ${limits.prompt_characters.toLocaleString("en")} are allowed.`;
  }
  const bytes = new TextEncoder().encode(JSON.stringify(order)).length + 512;
  if (bytes > limits.frame_bytes) return "The prompt is too long to be sent. Shorten it.";
  return null;
}

/** On a narrow screen the panes stand below the form: brings them into view. */
function showPanes() {
  const panes = workbench.querySelector(".panes");
  if (panes.getBoundingClientRect().top > window.innerHeight * 0.6) panes.scrollIntoView({ block: "start" });
}

function showFormError(message, parameter = null) {
  const box = find("form-error");
  box.hidden = false;
  box.textContent = message;
  if (parameter && form.elements.namedItem(parameter) instanceof HTMLInputElement) composer.markInvalid(parameter);
}

function hideFormError() {
  find("form-error").hidden = true;
  find("form-error").textContent = "";
}

function notice(sentence) {
  find("run-notice").hidden = sentence === "";
  find("run-notice").textContent = sentence;
  if (sentence) announce(sentence);
}

// The run as code

function prepareCode() {
  const dialog = document.getElementById("code-dialog");
  const code = dialog.querySelector("[data-code]");
  const chosen = (name) => dialog.querySelector(`[name="${name}"]:checked`).value;

  function draw() {
    const facts = shownFacts();
    const prompt = composer.prompt;
    let sampling;
    try {
      sampling = composer.sampling;
    } catch {
      sampling = { ...config.sampling };
    }
    if (sampling.seed === undefined && facts?.prompt === prompt) sampling.seed = facts.sampling.seed;
    const model = chosen("code-model") === "0" ? workbench.dataset.baseModel : config.task;
    code.textContent = snippet(chosen("code-language"), { origin: window.location.origin, model, prompt, sampling });
  }

  find("view-code").addEventListener("click", () => {
    draw();
    dialog.showModal();
  });
  dialog.addEventListener("change", draw);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.querySelector("[data-copy-code]").addEventListener("click", (event) => copyText(code.textContent, event.currentTarget));
}
