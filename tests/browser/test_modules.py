"""The page's small pure modules, run where they run: in the browser."""

import re

import pytest


@pytest.fixture
def module(page, site):
    """Calls a function of one of the site's modules with JSON-ready arguments."""
    page.goto(site.address)

    def call(file: str, function: str, *args):
        return page.evaluate(
            "async ([file, name, args]) => (await import(`/static/js/${file}`))[name](...args)",
            [file, function, list(args)],
        )

    return call


@pytest.mark.parametrize(
    ("template", "variables"),
    [
        ("Say {word}.", {"word": "it"}),
        ("{{'kept': []}} then {a} and {b}", {"a": "{b}", "b": "2"}),
        ("{{{a}}}", {"a": "x"}),
        ("no placeholder, 100 %", {}),
    ],
)
def test_templates_render_as_python_renders_them(module, template, variables):
    assert module("template.js", "render", template, variables) == template.format(**variables)


def test_the_sites_own_templates_render_as_python_renders_them(module):
    from training.tasks import load_tasks

    for task in load_tasks().values():
        variables = {field.name: f"<{field.name}>\n$& {{}}" for field in task.fields}
        assert module("template.js", "render", task.template, variables) == task.render(variables)


@pytest.mark.parametrize(
    ("answer", "gold", "metric", "verdict"),
    [
        (" 1\n", "1", "accuracy", True),
        ("1.0", "1", "accuracy", True),
        ("Negative.", "negative", "accuracy", True),
        ("", "0", "accuracy", False),
        ("0", "1", "accuracy", False),
        ('{"b": ["y", "x"], "a": []}', '{"a": [], "b": ["x", "y"]}', "rouge", True),
        ('{"a": ["x"]}', '{"a": []}', "rouge", False),
        ("{'A': ['x']}", '{"A": ["x"]}', "rouge", True),
        (
            '{"text_label": "Sports", "why": "one"}',
            '{"text_label": "Sports", "why": "two"}',
            "accuracy",
            True,
        ),
        ("so 3 * 4 = 12\n#### 12", "another way\n#### 12", "accuracy", True),
        ("#### 1,200", "#### 1200", "accuracy", True),
        ("it is 12", "#### 12", "accuracy", False),
        ("A fine game of long standing.", "It is a very fine game.", "rouge", None),
        ("It is a very fine game", "It is a very fine game.", "rouge", True),
        ("3.9", "4.0", "mae", None),
        ("def f(): pass", "def f(): return 1 if x else 2", "humaneval", None),
    ],
)
def test_an_answer_is_compared_with_the_right_one(module, answer, gold, metric, verdict):
    assert module("match.js", "matches", answer, gold, metric) is verdict


@pytest.mark.parametrize(
    ("number", "word"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd")]
)
def test_places_in_the_queue_are_spoken_of_as_people_do(module, number, word):
    assert module("run.js", "ordinal", number) == word


def test_each_phase_has_its_words(page, module):
    described = page.evaluate(
        """async () => {
          const { Pane } = await import("/static/js/run.js");
          const pane = new Pane("sst2", "SST2");
          const said = [];
          const frames = [
            { kind: "queued", position: 3 }, { kind: "queued", position: 1 },
            { kind: "loading", tier: "disk" },
            { kind: "prefill", prompt_tokens: 48 }, { kind: "tokens", text: "a", count: 1 },
            { kind: "done", finish_reason: "stop", timings: {},
              usage: { prompt_tokens: 48, completion_tokens: 1 } },
          ];
          for (const frame of frames) { pane.apply(frame); said.push(pane.describe()); }
          return said;
        }"""
    )
    assert described == [
        "Queued, 3rd in line",
        "Queued, next in line",
        "Loading the adapter from disk",
        "Reading the prompt, 48 tokens",
        "Writing",
        "Finished",
    ]


def test_a_snippet_survives_quotes_line_breaks_and_what_openai_has_no_word_for(module):
    prompt = 'it\'s "so"\n\\n $HOME\nlast'
    run = {
        "origin": "http://host",
        "model": "m",
        "prompt": prompt,
        "sampling": {"max_tokens": 5, "temperature": 0.5, "top_k": 3, "top_p": 1, "stop": ["\n"], "seed": 9},
    }
    python = module("code.js", "snippet", "python", run)
    asked = {}

    class OpenAI:
        def __init__(self, **options):
            self.completions = self

        def create(self, **options):
            asked.update(options)
            raise InterruptedError

    code = compile(re.sub(r"from openai import OpenAI", "", python), "snippet", "exec")
    with pytest.raises(InterruptedError):
        exec(code, {"OpenAI": OpenAI})
    assert asked == {
        "model": "m",
        "prompt": prompt,
        "max_tokens": 5,
        "temperature": 0.5,
        "seed": 9,
        "stop": ["\n"],
        "extra_body": {"top_k": 3},
    }
