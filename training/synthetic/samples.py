"""Examples for a task, in three splits that share nothing.

Which split an example belongs to follows from its content alone, so no choice of seeds or counts can let a
test example into the training data. A pair whose two texts may change places is held out only if it falls
into the same split in both orders: who has read it one way round has read it.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from training.synthetic import (
    agnews_explained,
    bc5cdr,
    conllpp,
    covid,
    customer_support,
    dbpedia,
    drop,
    e2e_nlg,
    glue_cola,
    glue_mnli,
    glue_mrpc,
    glue_qnli,
    glue_qqp,
    glue_sst2,
    glue_stsb,
    gsm8k,
    hellaswag,
    hellaswag_processed,
    jigsaw,
    legal,
    magicoder,
    tldr_content_gen,
    tldr_headline_gen,
    viggo,
    wikisql,
)

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
GENERATORS = {
    "agnews_explained": agnews_explained.generate,
    "bc5cdr": bc5cdr.generate,
    "conllpp": conllpp.generate,
    "covid": covid.generate,
    "customer_support": customer_support.generate,
    "dbpedia": dbpedia.generate,
    "drop": drop.generate,
    "e2e_nlg": e2e_nlg.generate,
    "glue_cola": glue_cola.generate,
    "glue_mnli": glue_mnli.generate,
    "glue_mrpc": glue_mrpc.generate,
    "glue_qnli": glue_qnli.generate,
    "glue_qqp": glue_qqp.generate,
    "glue_sst2": glue_sst2.generate,
    "glue_stsb": glue_stsb.generate,
    "gsm8k": gsm8k.generate,
    "hellaswag": hellaswag.generate,
    "hellaswag_processed": hellaswag_processed.generate,
    "jigsaw": jigsaw.generate,
    "legal": legal.generate,
    "magicoder": magicoder.generate,
    "tldr_content_gen": tldr_content_gen.generate,
    "tldr_headline_gen": tldr_headline_gen.generate,
    "viggo": viggo.generate,
    "wikisql": wikisql.generate,
}
# Tasks that ask the same of (a, b) as of (b, a).
SYMMETRIC = frozenset({"glue_mrpc", "glue_qqp", "glue_stsb"})


@dataclass(frozen=True, slots=True)
class Sample:
    """Values for the placeholders of a task's template, and the text that should follow the prompt.

    `line` is where it stands in the file that it was read from, if it was.
    """

    variables: dict[str, str]
    completion: str
    line: int | None = field(default=None, compare=False)


def split_of(variables: Mapping[str, str]) -> Split:
    """Five per cent of all possible examples are validation, five are test."""
    text = json.dumps(variables, sort_keys=True, ensure_ascii=False).casefold()
    bucket = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 100
    return "test" if bucket < 5 else "validation" if bucket < 10 else "train"


def orders(task: str, variables: Mapping[str, str]) -> list[dict[str, str]]:
    """The variables, and for a task that is `SYMMETRIC` the same with the two texts in each other's place."""
    names, texts = list(variables), list(variables.values())
    swapped = [dict(zip(names, reversed(texts), strict=True))] if task in SYMMETRIC else []
    return [dict(variables), *swapped]


def samples(task: str, split: Split, count: int, seed: int = 0) -> Iterator[Sample]:
    """`count` different examples of the split, the same for the same seed.

    Raises `ValueError` for a task without a generator.
    """
    generate = GENERATORS.get(task)
    if generate is None:
        raise ValueError(
            f"There is no synthetic data for {task}; there is for {', '.join(sorted(GENERATORS))}."
        )
    rng = random.Random(f"{task}/{split}/{seed}")
    seen: set[tuple[str, ...]] = set()
    while len(seen) < count:
        variables, completion = generate(rng)
        key = tuple(variables.values())
        belongs = split_of(variables) == split
        if split != "train" and task in SYMMETRIC:
            key = tuple(sorted(key))
            belongs = all(split_of(each) == split for each in orders(task, variables))
        if belongs and key not in seen:
            seen.add(key)
            yield Sample(variables, completion)
