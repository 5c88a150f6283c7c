"""The oracle: tiny random models by transformers, adapters by PEFT, and what they answer."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig

TOLERANCE = {"rtol": 1e-4, "atol": 2e-5}

SHAPE = {
    "vocab_size": 101,
    "hidden_size": 48,
    "intermediate_size": 72,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.2,  # wide enough that every part of the model shows in the logits
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def mistral(**changes: Any) -> MistralConfig:
    return MistralConfig(**{**SHAPE, "sliding_window": None, **changes})


def llama(**changes: Any) -> LlamaConfig:
    return LlamaConfig(**{**SHAPE, **changes})


def make_base(directory: Path, config: MistralConfig | LlamaConfig, seed: int = 0, **save: Any) -> Path:
    """Saves a random checkpoint, norms and biases (ones and zeros in transformers) included."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
            elif name.endswith("bias"):
                parameter.normal_(std=0.5)
    model.save_pretrained(directory, **save)
    return directory


def make_adapter(base: Path, directory: Path, seed: int = 1, std: float = 0.2, **config: Any) -> Path:
    """Lets PEFT make and save an adapter whose A and B are both random."""
    torch.manual_seed(seed)
    config = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **config}
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(**config))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=std)
    model.save_pretrained(directory)
    return directory


@dataclass
class Oracle:
    """transformers + PEFT on one base, a fresh model for each adapter so that nothing can leak."""

    base: Path
    adapters: dict[str, Path] = field(default_factory=dict)
    _models: dict[str | None, torch.nn.Module] = field(default_factory=dict)

    def model(self, adapter: str | None) -> torch.nn.Module:
        if adapter not in self._models:
            model = AutoModelForCausalLM.from_pretrained(self.base)
            if adapter is not None:
                model = PeftModel.from_pretrained(model, self.adapters[adapter])
            self._models[adapter] = model.eval()
        return self._models[adapter]

    @torch.inference_mode()
    def logits(self, adapter: str | None, token_ids: list[int]) -> torch.Tensor:
        """float32 `[len(token_ids), vocab]`."""
        return self.model(adapter)(torch.tensor([token_ids])).logits[0]

    @torch.inference_mode()
    def tolerance(self, adapter: str | None, token_ids: list[int]) -> dict[str, float]:
        """How close float32 logits must come to the oracle's.

        As `TOLERANCE` says, but where the oracle's own rounding is larger (some random adapters amplify it),
        within four times its distance from float64.
        """
        exact = copy.deepcopy(self.model(adapter)).double()(torch.tensor([token_ids])).logits[0]
        own = (self.logits(adapter, token_ids) - exact).abs().max().item()
        return {**TOLERANCE, "atol": max(TOLERANCE["atol"], 4 * own)}

    @torch.inference_mode()
    def greedy(self, adapter: str | None, token_ids: list[int], count: int) -> list[int]:
        """`count` greedy tokens, without stopping at the end-of-text token."""
        output = self.model(adapter).generate(
            input_ids=torch.tensor([token_ids]),
            attention_mask=torch.ones(1, len(token_ids), dtype=torch.int64),
            max_new_tokens=count,
            min_new_tokens=count,
            do_sample=False,
            pad_token_id=0,
        )
        return output[0, len(token_ids) :].tolist()
