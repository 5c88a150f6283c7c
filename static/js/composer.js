/** The form that makes a prompt: fields or free text, examples, sampling parameters. */

import { render } from "./template.js";

const NUMBERS = ["temperature", "max_tokens", "top_p", "top_k", "repetition_penalty", "seed"];
const WHOLE = new Set(["max_tokens", "top_k", "seed"]);
const NAMES = {
  temperature: "Temperature", max_tokens: "Most tokens", top_p: "Top-p", top_k: "Top-k",
  repetition_penalty: "Repetition penalty", seed: "Seed",
};

const escapeStop = (text) => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\t", "\\t");
const unescapeStop = (line) => line.replace(/\\([\\nt])/g, (_, c) => ({ "\\": "\\", n: "\n", t: "\t" })[c]);

export class Composer {
  /** @param {HTMLFormElement} form @param {object} config the page's configuration */
  constructor(form, config) {
    this.form = form;
    this.config = config;
    this.free = form.elements["free-prompt"];
    this.fields = [...form.querySelectorAll("[data-field]")];
    this.defaults = Object.fromEntries(NUMBERS.map((name) => [name, form.elements[name].value]));
    this.chips = [...form.querySelectorAll("[data-example]")];
    for (const chip of this.chips) {
      chip.addEventListener("click", () => this.useExample(config.examples[Number(chip.dataset.example)]));
    }
    for (const radio of form.elements.mode) radio.addEventListener("change", () => this.changeMode());
    form.querySelector("[data-reset-parameters]").addEventListener("click", () => this.resetParameters());
    form.addEventListener("input", () => this.refresh());
    this.resetParameters();
  }

  get mode() {
    return this.form.elements.mode.value;
  }

  /** @returns {Record<string, string>} */
  get variables() {
    return Object.fromEntries(this.fields.map((field) => [field.dataset.field, field.value]));
  }

  get prompt() {
    return this.mode === "free" ? this.free.value : render(this.config.template, this.variables);
  }

  /** What a start message says about the prompt. */
  get promptOrder() {
    if (this.mode === "free") return { prompt: this.free.value };
    return { task: this.config.task, variables: this.variables };
  }

  /** The sampling parameters of the form. Throws a sentence (`Error`) for a value that is no number. */
  get sampling() {
    const sampling = { stop: this.stop };
    for (const name of NUMBERS) {
      const input = this.form.elements[name];
      if (input.validity.badInput) throw new ParameterError(name, `${NAMES[name]} must be a number.`);
      if (input.value === "") continue;
      const value = Number(input.value);
      if (WHOLE.has(name) && !Number.isInteger(value)) {
        throw new ParameterError(name, `${NAMES[name]} must be a whole number.`);
      }
      sampling[name] = value;
    }
    return sampling;
  }

  get stop() {
    return this.form.elements.stop.value.split("\n").filter((line) => line !== "").map(unescapeStop);
  }

  /** The example that the form holds unchanged, if any. */
  get example() {
    return this.exampleFor(this.prompt);
  }

  exampleFor(prompt) {
    return this.config.examples.find((example) => render(this.config.template, example.variables) === prompt);
  }

  useExample(example) {
    this.fillFields(example.variables);
    if (this.mode === "free") this.free.value = render(this.config.template, example.variables);
    this.refresh();
  }

  fillFields(variables) {
    for (const field of this.fields) field.value = variables[field.dataset.field] ?? "";
  }

  /** Shows a run that was started earlier. @param {{prompt: string, variables?: object|null, sampling: object}} run */
  restore(run) {
    const variables = run.variables ?? this.exampleFor(run.prompt)?.variables;
    if (variables && render(this.config.template, variables) === run.prompt) {
      this.fillFields(variables);
      this.setMode("form");
    } else {
      this.free.value = run.prompt;
      this.setMode("free");
    }
    this.setParameters(run.sampling);
  }

  setParameters(sampling) {
    // The seed stays as the visitor left it: the server draws one for each run, and shows it.
    for (const name of NUMBERS) {
      if (name !== "seed" && sampling[name] !== undefined) this.form.elements[name].value = sampling[name];
    }
    if (sampling.stop) this.form.elements.stop.value = sampling.stop.map(escapeStop).join("\n");
    this.refresh();
  }

  resetParameters() {
    for (const name of NUMBERS) this.form.elements[name].value = this.defaults[name];
    this.form.elements.stop.value = (this.config.sampling.stop ?? []).map(escapeStop).join("\n");
    this.refresh();
  }

  keepSeed(seed) {
    this.form.elements.seed.value = String(seed);
    this.refresh();
  }

  setMode(mode) {
    this.form.elements.mode.value = mode;
    this.showMode();
  }

  /** The visitor's switch: free text starts from what the fields make. */
  changeMode() {
    if (this.mode === "free") this.free.value = render(this.config.template, this.variables);
    this.showMode();
  }

  showMode() {
    for (const panel of this.form.querySelectorAll("[data-mode-panel]")) {
      panel.hidden = panel.dataset.modePanel !== this.mode;
    }
    this.refresh();
  }

  refresh() {
    const example = this.example;
    for (const chip of this.chips) {
      chip.setAttribute("aria-pressed", String(this.config.examples[Number(chip.dataset.example)] === example));
    }
    for (const name of NUMBERS) this.form.elements[name].removeAttribute("aria-invalid");
    const { temperature, max_tokens: most, seed } = this.form.elements;
    const draw = Number(temperature.value) === 0 ? "greedy" : `temperature ${temperature.value}`;
    const fixed = seed.value === "" ? "" : `, seed ${seed.value}`;
    this.form.querySelector("[data-parameters-summary]").textContent = `${draw}, at most ${most.value} tokens${fixed}`;
  }

  /** Points at the parameter that is wrong. @param {string} name */
  markInvalid(name) {
    const input = this.form.elements[name];
    this.form.querySelector("#parameters").open = true;
    input.setAttribute("aria-invalid", "true");
    input.focus();
  }
}

export class ParameterError extends Error {
  /** @param {string} parameter @param {string} message */
  constructor(parameter, message) {
    super(message);
    this.parameter = parameter;
  }
}
