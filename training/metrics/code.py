"""HumanEval's metric: a written program is right when its tests pass (Chen et al., arXiv 2107.03374).

With one greedy answer a problem, the mean is pass@1. The gold answer is a JSON object of `prompt` (the text
before the answer, "" when the answer is to be a whole program) and `test` (assert lines, or HumanEval's
`check` and its call).
"""

from __future__ import annotations

import json
import re

from training.metrics.sandbox import passes

_FENCE = re.compile(r"```[a-zA-Z0-9+]*\n(.*?)(?:```|\Z)", re.DOTALL)


def gold_program(prompt: str, test: str) -> str:
    """The gold answer in the form that these metrics read."""
    return json.dumps({"prompt": prompt, "test": test}, ensure_ascii=False)


def humaneval(output: str, gold: str) -> float:
    """The lenient reading: of an answer in Markdown the first code block counts, a whole function may lack
    the imports that its prompt has, and prose after the code is dropped."""
    wanted = json.loads(gold)
    fenced = _FENCE.search(output)
    answer = fenced[1] if fenced else output
    return float(passes(_program(wanted["prompt"], _body(answer)), wanted["test"]))


def humaneval_strict(output: str, gold: str) -> float:
    """The answer is run as it is: a program, or what follows its prompt."""
    wanted = json.loads(gold)
    return float(passes(_program(wanted["prompt"], output), wanted["test"]))


def _program(prompt: str, answer: str) -> str:
    if re.search(r"^(?:def|class|from|import|async def) ", answer, re.MULTILINE):
        head = re.split(r"^(?:def|class) ", prompt, maxsplit=1, flags=re.MULTILINE)[0]
        imports = re.findall(r"^(?:import|from) .*$", head, re.MULTILINE)
        return "\n".join([*imports, answer])
    return prompt + answer


def _body(answer: str) -> str:
    """Without prose after the code: it ends before the first unindented line that begins no statement."""
    lines: list[str] = []
    inside = False
    for line in answer.splitlines():
        unindented = bool(line) and not line[0].isspace()
        begins = re.match(
            r"(?:def|class|import|from|async|@|if|for|while|with|try|except|[A-Za-z_]\w*\s*=)", line
        )
        if unindented and inside and not begins and not line.startswith(("#", ")", "]", "}")):
            break
        inside = inside or bool(line.strip())
        lines.append(line)
    return "\n".join(lines) + "\n"
