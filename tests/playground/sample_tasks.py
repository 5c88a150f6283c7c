"""Six tasks in the shape of `training.tasks`, until it is there."""

from types import SimpleNamespace as N

ROWS = [
    (
        "glue_sst2",
        "Sentiment Detection (SST2)",
        "Sentiment Detection",
        (0.115, 0.959, 0.942),
        "Determine the sentiment of the sentence.\n\n### Sentence: {sentence}\n\n### Label: ",
        ["sentence"],
    ),
    (
        "conllpp",
        "Named Entity Recognition (CoNLL++)",
        "Named Entity Recognition",
        (0.148, 0.986, 0.742),
        "Extract the entities as JSON.\n\n### Text: {input}\n\n### Response: ",
        ["input"],
    ),
    (
        "gsm8k",
        "Grade School Math (gsm8k)",
        "Math",
        (0.114, 0.520, 0.373),
        "### Question: {question}\n\n### Answer: ",
        ["question"],
    ),
    (
        "viggo",
        "Structured-to-Text (viggo)",
        "Structured-to-Text",
        (0.044, 0.483, 0.374),
        "### Meaning: {meaning_representation}\n\n### Sentence: ",
        ["meaning_representation"],
    ),
    (
        "glue_mnli",
        "Natural Language Inference (MNLI)",
        "Academic Benchmarks",
        (0.327, 0.893, 0.803),
        "### Premise: {premise}\n\n### Hypothesis: {hypothesis}\n\n### Label: ",
        ["premise", "hypothesis"],
    ),
    (
        "agnews_explained",
        "News Topic Identification Explained (ag_news)",
        "Explanation",
        None,
        "### Article: {article}\n\n### JSON Response: ",
        ["article"],
    ),
]


def load_tasks():
    return {
        slug: N(
            id=slug,
            name=name,
            category=category,
            summary=f"{name}, one plain sentence.",
            dataset=slug,
            dataset_url="https://huggingface.co/datasets/" + slug,
            hub_id="predibase/" + slug,
            metric="accuracy",
            template=template,
            max_tokens=64,
            stop=(),
            on_site=True,
            fields=tuple(N(name=f, label=f.replace("_", " ").capitalize(), multiline=True) for f in fields),
            paper=paper and N(base=paper[0], lora=paper[1], gpt4=paper[2]),
            examples=(N(title="An example", variables={f: f"Some {f} text." for f in fields}, gold=""),),
        )
        for slug, name, category, paper, template, fields in ROWS
    }
