"""What the README tells a newcomer to type does what it says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from training.tasks import load_tasks

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def test_the_python_example_prints_what_stands_below_it():
    program = next(text for language, text in BLOCKS if language == "python")
    printed = next(text for language, text in BLOCKS if language == "text")
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert result.stdout == printed


def test_the_prompt_of_the_examples_is_that_of_the_task():
    wanted = load_tasks()["glue_sst2"].render({"sentence": "a warm and funny film"})
    curl = next(text for language, text in BLOCKS if "curl" in text)
    assert json.loads(re.search(r"-d '(.*)'", curl, re.DOTALL)[1])["prompt"] == wanted
    assert f'prompt = """{wanted}"""' in README


@pytest.mark.parametrize("target", re.findall(r"`?make ([a-z-]+)", README))
def test_every_make_target_exists(target: str):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def links() -> list[tuple[str, str]]:
    pages = [ROOT / "README.md", ROOT / "demo/README.md", *sorted((ROOT / "docs").glob("*.md"))]
    found = []
    for page in pages:
        for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
            if not link.startswith("http"):
                found.append((str(page.relative_to(ROOT)), link))
    return found


@pytest.mark.parametrize(("page", "link"), links())
def test_links_lead_somewhere(page: str, link: str):
    assert ((ROOT / page).parent / link).exists(), f"{page} links to {link}, which is not there"
