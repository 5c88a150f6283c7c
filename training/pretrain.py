"""Trains the miniature base from nothing: tokenizer, corpus, and a small Mistral.

The corpus is written by `training.synthetic.corpus`, tokenised in parallel and packed into windows of the
full context, documents separated by `</s><s>`.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

from training.schedule import learning_rate_factor
from training.synthetic.corpus import documents, glossary
from training.tokenizer import BOS, EOS, load_bare_tokenizer, train_tokenizer


@dataclass(frozen=True, slots=True)
class BasePlan:
    """Shape and schedule of the base.

    `batch` is in windows of `context` tokens, `corpus_tokens` is what is written (and read repeatedly where
    `steps * batch * context` is more).
    """

    vocab_size: int = 2048
    hidden: int = 256
    intermediate: int = 576
    layers: int = 6
    heads: int = 8
    kv_heads: int = 4
    context: int = 1024
    tokenizer_documents: int = 16_000
    corpus_tokens: int = 200_000_000
    steps: int = 3000
    batch: int = 128
    learning_rate: float = 3e-3
    warmup: float = 0.03
    weight_decay: float = 0.1
    seed: int = 1

    def config(self, tokenizer: PreTrainedTokenizerFast) -> MistralConfig:
        return MistralConfig(
            vocab_size=self.vocab_size,
            hidden_size=self.hidden,
            intermediate_size=self.intermediate,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.kv_heads,
            head_dim=self.hidden // self.heads,
            max_position_embeddings=self.context,
            sliding_window=None,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )


def _encode_shard(job: tuple[str, str, int]) -> np.ndarray:
    """One worker's share of the corpus, `[tokens]` uint16."""
    directory, seed, wanted = job
    tokenizer = load_bare_tokenizer(Path(directory))
    bos, eos = tokenizer.token_to_id(BOS), tokenizer.token_to_id(EOS)
    source, shard, length = documents(seed), [], 0
    while length < wanted:
        for encoding in tokenizer.encode_batch(list(islice(source, 32)), add_special_tokens=False):
            shard.append(np.array([bos, *encoding.ids, eos], dtype=np.uint16))
            length += len(encoding.ids) + 2
    return np.concatenate(shard)[:wanted]


def tokenised_corpus(tokenizer: Path, tokens: int, seed: int, shards: int = 64) -> np.ndarray:
    """`[tokens]` uint16, the same for the same seed whatever the machine's number of cores."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    jobs = [(str(tokenizer), f"{seed}/{shard}", math.ceil(tokens / shards)) for shard in range(shards)]
    with ProcessPoolExecutor() as pool:
        return np.concatenate(list(pool.map(_encode_shard, jobs)))[:tokens]


def _tokenizer_texts(plan: BasePlan) -> Iterator[str]:
    """Documents of the corpus, and as many lists of the words of prompts, so that prompts are few tokens."""
    rng = random.Random(f"{plan.seed}/glossary")
    for text in islice(documents(f"{plan.seed}/tokenizer"), plan.tokenizer_documents):
        yield text
        yield glossary.document(rng)


def pretrain(plan: BasePlan, out: Path, device: str) -> None:
    """Writes tokenizer, config, bfloat16 weights and `training_card.json` to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    started = time.monotonic()
    tokenizer = train_tokenizer(_tokenizer_texts(plan), plan.vocab_size, plan.context)
    tokenizer.save_pretrained(out)
    corpus = tokenised_corpus(out, plan.corpus_tokens, plan.seed)
    windows = torch.from_numpy(corpus[: len(corpus) // plan.context * plan.context].astype(np.int16))
    windows = windows.view(-1, plan.context).to(device)
    prepared = time.monotonic() - started
    print(f"corpus: {len(corpus):,} tokens, {len(windows):,} windows, {prepared:.0f} s", flush=True)

    model = MistralForCausalLM(plan.config(tokenizer)).to(device)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    curve = _train(plan, model, windows, device)
    model.to(torch.bfloat16).save_pretrained(out)
    card = {
        "plan": asdict(plan),
        "parameters": parameters,
        "tokens_seen": plan.steps * plan.batch * plan.context,
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else "cpu",
        "torch": torch.__version__,
        "seconds": {"corpus": round(prepared), "all": round(time.monotonic() - started)},
        "loss": curve,
    }
    (out / "training_card.json").write_text(json.dumps(card, indent=1) + "\n")
    print(
        f"base: {parameters:,} parameters, loss {curve[-1][1]:.3f}, {time.monotonic() - started:.0f} s",
        flush=True,
    )


def _train(
    plan: BasePlan, model: MistralForCausalLM, windows: torch.Tensor, device: str
) -> list[tuple[int, float]]:
    """Trains in place; returns (step, loss) pairs."""
    cuda = device.startswith("cuda")
    if cuda:
        torch.set_float32_matmul_precision("high")
    forward = torch.compile(model) if cuda else model
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": plan.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=plan.learning_rate,
        betas=(0.9, 0.95),
        fused=cuda,
    )
    generator = torch.Generator().manual_seed(plan.seed)
    curve, began = [], time.monotonic()
    order = torch.empty(0, dtype=torch.long)
    model.train()
    for step in range(1, plan.steps + 1):
        if len(order) < plan.batch:
            order = torch.cat([order, torch.randperm(len(windows), generator=generator)])
        index, order = order[: plan.batch], order[plan.batch :]
        batch = windows[index.to(device)].long()
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * learning_rate_factor(step - 1, plan.steps, plan.warmup)
        with torch.autocast("cuda", torch.bfloat16, enabled=cuda):
            logits = forward(input_ids=batch, use_cache=False).logits
        loss = F.cross_entropy(logits[:, :-1].float().flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % max(1, plan.steps // 40) == 0 or step == plan.steps:
            curve.append((step, round(loss.item(), 4)))
            print(
                f"step {step}/{plan.steps} loss {curve[-1][1]:.4f} {time.monotonic() - began:.0f} s",
                flush=True,
            )
    return curve
