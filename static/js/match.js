/** Whether an answer is the right one, judged simply: not a metric, a mark beside the answer. */

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

function finalNumber(text) {
  const found = text.match(/####\s*(-?[\d,]*\.?\d+)/);
  return found ? Number(found[1].replaceAll(",", "")) : null;
}

/**
 * True or false where the two can be compared; null where many answers are right (generated prose, scored by overlap).
 * @param {string} answer @param {string} gold @param {string} metric the task's metric
 */
export function matches(answer, gold, metric) {
  if (/rouge|bleu/i.test(metric)) return null;
  const wanted = finalNumber(gold);
  if (wanted !== null) return finalNumber(answer) === wanted;
  const [left, right] = [plain(answer), plain(gold)];
  if (left === right) return true;
  if (left !== "" && right !== "" && Number(left) === Number(right)) return true;
  const [object, target] = [parsed(answer.trim()), parsed(gold.trim())];
  return object !== null && target !== null && canonical(object) === canonical(target);
}
