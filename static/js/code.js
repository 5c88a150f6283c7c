/** A run as code for a terminal or for OpenAI's Python client. The API key stays a placeholder. */

const SWITCHED_OFF = { top_p: 1, top_k: 0, repetition_penalty: 1 };
const BEYOND_OPENAI = new Set(["top_k", "repetition_penalty"]);

/** What the API is asked for, without what is the default anyway. */
function body({ model, prompt, sampling }) {
  const asked = { model, prompt, max_tokens: sampling.max_tokens, temperature: sampling.temperature ?? 0 };
  for (const [name, off] of Object.entries(SWITCHED_OFF)) {
    if (sampling[name] !== undefined && sampling[name] !== off) asked[name] = sampling[name];
  }
  if (sampling.seed !== undefined && sampling.seed !== null) asked.seed = sampling.seed;
  if (sampling.stop?.length) asked.stop = sampling.stop;
  return asked;
}

function curl(run) {
  return [
    `curl ${run.origin}/v1/completions \\`,
    '  -H "Content-Type: application/json" \\',
    '  -H "Authorization: Bearer $LORALAND_API_KEY" \\',
    "  --data-binary @- <<'JSON'",
    JSON.stringify(body(run), null, 2),
    "JSON",
  ].join("\n");
}

/** A string as Python writes it, one line of the text to a line of the code. */
function pythonText(text) {
  const lines = text.split(/(?<=\n)/);
  if (lines.length < 2) return JSON.stringify(text);
  return `(\n${lines.map((line) => `        ${JSON.stringify(line)}`).join("\n")}\n    )`;
}

function python(run) {
  const { model, prompt, ...rest } = body(run);
  const own = Object.entries(rest).filter(([name]) => !BEYOND_OPENAI.has(name));
  const beyond = Object.fromEntries(Object.entries(rest).filter(([name]) => BEYOND_OPENAI.has(name)));
  const lines = own.map(([name, value]) => `    ${name}=${JSON.stringify(value)},`);
  if (Object.keys(beyond).length) lines.push(`    extra_body=${JSON.stringify(beyond)},`);
  return [
    "import os",
    "",
    "from openai import OpenAI",
    "",
    "client = OpenAI(",
    `    base_url="${run.origin}/v1",`,
    '    api_key=os.environ.get("LORALAND_API_KEY", "none"),',
    ")",
    "completion = client.completions.create(",
    `    model=${JSON.stringify(model)},`,
    `    prompt=${pythonText(prompt)},`,
    ...lines,
    ")",
    "print(completion.choices[0].text)",
  ].join("\n");
}

/** @param {"curl"|"python"} language
 *  @param {{origin: string, model: string, prompt: string, sampling: object}} run */
export function snippet(language, run) {
  return language === "python" ? python(run) : curl(run);
}
