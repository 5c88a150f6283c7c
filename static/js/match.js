/** Whether an answer is the right one, judged simply: not a metric, a mark beside the answer. */

const MOST_LABEL_WORDS = 4;

function plain(text) {
  return text.trim().replace(/\s+/g, " ").replace(/^(["'`])(.*)\1$/, "$2").replace(/[.\s]+$/, "").toLowerCase();
}

function parsed(text) {
  for (const candidate of [text, text.replaceAll("'", '"')]) {
    try {
      const value = JSON.parse(candidate);
      if (typeof value === "object" && value !== null) return value;
    } catch {
      // not JSON in this spelling
    }
  }
  return null;
}

/** The same text for objects that differ in the order of their keys or list items alone. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).sort().join(",")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/** What counts in a JSON answer: its label where it has one (the rest explains it), else all of it. */
function essence(value) {
  return canonical(value.text_label ?? value);
}

/** The result of a worked sum: what follows ####. */
function result(text) {
  const found = text.match(/####\s*(-?[\d,]*\.?\d+)/);
  return found ? Number(found[1].replaceAll(",", "")) : null;
}

/**
 * Whether there is one right answer, so that another one is wrong. Prose, code and ratings have many good answers.
 * @param {string} gold @param {string} metric the task's metric
 */
export function hasOneAnswer(gold, metric) {
  if (result(gold) !== null || parsed(gold.trim()) !== null) return true;
  return !/^(mae|mse|humaneval)$/i.test(metric) && gold.trim().split(/\s+/).length <= MOST_LABEL_WORDS;
}

function same(answer, gold) {
  const wanted = result(gold);
  if (wanted !== null) return result(answer) === wanted;
  const [left, right] = [plain(answer), plain(gold)];
  if (left === right) return true;
  if (left !== "" && right !== "" && Number(left) === Number(right)) return true;
  const [object, target] = [parsed(answer.trim()), parsed(gold.trim())];
  return object !== null && target !== null && essence(object) === essence(target);
}

/**
 * True for the right answer, false for a wrong one, null where this cannot be told.
 * @param {string} answer @param {string} gold @param {string} metric
 */
export function matches(answer, gold, metric) {
  if (same(answer, gold)) return true;
  return hasOneAnswer(gold, metric) ? false : null;
}
