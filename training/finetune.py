"""Fine-tunes a LoRA adapter for one task with PEFT: loss on the completion alone, cosine with warm-up."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import peft
import torch
import torch.nn.functional as F
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from training.examples import IGNORED, Encoded, collate, content_hash, encode
from training.schedule import learning_rate_factor
from training.synthetic import Sample
from training.tasks import load_tasks


@dataclass(frozen=True, slots=True)
class AdapterPlan:
    """One fine-tuning. `targets` are module names as PEFT takes them; `batch` counts examples."""

    task: str
    rank: int = 8
    alpha: int = 16
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    dropout: float = 0.0
    learning_rate: float = 2e-3
    warmup: float = 0.03
    steps: int = 2000
    batch: int = 64
    max_length: int = 1024
    train_samples: int = 100_000
    validation_samples: int = 1000
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Validation:
    """Loss per completion token, and the share of samples that greedy decoding answers to the letter."""

    loss: float
    exact: float


def finetune(
    plan: AdapterPlan,
    base: Path,
    train: Sequence[Sample],
    validation: Sequence[Sample],
    out: Path,
    device: str,
) -> Validation:
    """Writes the adapter in PEFT's own format (bfloat16 safetensors) and `training_card.json` to `out`."""
    torch.manual_seed(plan.seed)
    started = time.monotonic()
    task = load_tasks()[plan.task]
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).to(device)
    model = get_peft_model(
        model,
        LoraConfig(
            task_type="CAUSAL_LM",
            r=plan.rank,
            lora_alpha=plan.alpha,
            lora_dropout=plan.dropout,
            target_modules=list(plan.targets),
        ),
    )
    encoded = encode(train, task, tokenizer, plan.max_length)
    curve = train_adapter(model, plan, encoded, tokenizer.pad_token_id, device)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.bfloat16().float()
    result = validate(
        model, encode(validation, task, tokenizer, plan.max_length), tokenizer.pad_token_id, device
    )
    save(model, out)
    card = {
        "plan": asdict(plan),
        "trainable_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "data": {"samples": len(encoded), "sha256": content_hash(train)},
        "validation": {"samples": len(validation), **asdict(result)},
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else "cpu",
        "versions": {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "peft": peft.__version__,
        },
        "seconds": round(time.monotonic() - started),
        "loss": curve,
    }
    (out / "training_card.json").write_text(json.dumps(card, indent=1) + "\n")
    print(
        f"{plan.task}: validation loss {result.loss:.4f}, exact {result.exact:.3f}, {card['seconds']} s",
        flush=True,
    )
    return result


def train_adapter(
    model: PeftModel, plan: AdapterPlan, encoded: Sequence[Encoded], pad: int, device: str
) -> list[tuple[int, float]]:
    """Trains in place; returns (step, loss) pairs."""
    cuda = device.startswith("cuda")
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad],
        lr=plan.learning_rate,
        betas=(0.9, 0.99),
        weight_decay=0.0,
    )
    rng, order, curve = random.Random(plan.seed), [], []
    model.train()
    for step in range(plan.steps):
        if len(order) < plan.batch:
            order += rng.sample(range(len(encoded)), len(encoded))
        chosen, order = order[: plan.batch], order[plan.batch :]
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * learning_rate_factor(step, plan.steps, plan.warmup)
        loss, _ = _completion_loss(model, [encoded[i] for i in chosen], pad, device, cuda)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        optimizer.step()
        if (step + 1) % max(1, plan.steps // 40) == 0:
            curve.append((step + 1, round(loss.item(), 4)))
            print(f"{plan.task} step {step + 1}/{plan.steps} loss {loss.item():.4f}", flush=True)
    return curve


@torch.no_grad()
def validate(
    model: PeftModel, encoded: Sequence[Encoded], pad: int, device: str, batch: int = 100
) -> Validation:
    """An answer counts as exact when every token is the likeliest after those before it, `</s>` included."""
    model.eval()
    losses, exact = 0.0, 0
    for start in range(0, len(encoded), batch):
        part = encoded[start : start + batch]
        loss, right = _completion_loss(model, part, pad, device, autocast=False)
        losses += loss.item() * len(part)
        exact += int(right.sum())
    return Validation(losses / len(encoded), exact / len(encoded))


def save(model: PeftModel, out: Path) -> None:
    for config in model.peft_config.values():
        config.base_model_name_or_path = "demo/base"
    model.to(torch.bfloat16).save_pretrained(out, save_embedding_layers=False)
    (out / "README.md").unlink(missing_ok=True)  # PEFT's empty model card; demo/README.md says what is known


def _completion_loss(
    model: PeftModel, batch: Sequence[Encoded], pad: int, device: str, autocast: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean loss over the completions' tokens, and `[batch]` booleans: every one of them predicted."""
    ids, labels = collate(batch, pad, device)
    with torch.autocast("cuda", torch.bfloat16, enabled=autocast):
        logits = model(input_ids=ids, use_cache=False).logits
    targets = labels[:, 1:]
    wanted = targets != IGNORED
    logits = logits[:, :-1]
    loss = F.cross_entropy(logits[wanted].float(), targets[wanted])
    return loss, ((logits.argmax(-1) == targets) | ~wanted).all(dim=1)
