/** Prompt templates as Python's str.format reads them, with plain placeholders only: {name}, {{ and }}. */

/** @param {string} template @param {Record<string, string>} variables */
export function render(template, variables) {
  return template.replace(/\{\{|\}\}|\{(\w+)\}/g, (match, name) => {
    if (name === undefined) return match[0];
    return variables[name] ?? "";
  });
}
