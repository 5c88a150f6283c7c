"""What `adapter_config.json` of a PEFT adapter says, with everything refused that would change the
forward pass.

The rules for names and patterns are those of PEFT 0.21
(`peft.tuners.tuners_utils.check_target_module_exists`, `peft.utils.other.get_pattern_key`).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex

from inference.request import RequestError

MAX_CONFIG_BYTES = 1 << 20
MAX_RANK = 1 << 16
MAX_ALPHA = 1e9  # far beyond any that was trained, and finite as a scale in float32
MAX_PATTERN_SECONDS = 0.2  # for one pattern on one module name; honest ones take microseconds
_DEFAULT_TARGETS = ["q_proj", "v_proj"]  # PEFT's for Mistral and Llama when the config names none

# Keys that say how an adapter was trained or made, not what it computes.
_WITHOUT_EFFECT = {
    "auto_mapping",
    "base_model_name_or_path",
    "corda_config",
    "ensure_weight_tying",
    "eva_config",
    "fan_in_fan_out",
    "inference_mode",
    "loftq_config",
    "lora_dropout",
    "lora_ga_config",
    "megatron_core",
    "peft_version",
    "qalora_group_size",
    "revision",
    "runtime_config",
}
_UNDERSTOOD = {
    "alpha_pattern",
    "bias",
    "exclude_modules",
    "init_lora_weights",
    "layers_pattern",
    "layers_to_transform",
    "lora_alpha",
    "peft_type",
    "r",
    "rank_pattern",
    "target_modules",
    "task_type",
    "use_rslora",
}
# Keys that must be empty, each with the feature that a value switches on.
_REFUSED = {
    "alora_invocation_tokens": "activated LoRA (aLoRA)",
    "arrow_config": "Arrow routing",
    "kasa_config": "KaSA",
    "layer_replication": "layer replication",
    "lora_bias": "biases inside LoRA (lora_bias)",
    "megatron_config": "Megatron layers",
    "modules_to_save": "fully trained modules (modules_to_save)",
    "monteclora_config": "MonteCLoRA",
    "target_parameters": "LoRA on bare parameters (target_parameters)",
    "trainable_token_indices": "trained token embeddings (trainable_token_indices)",
    "use_bdlora": "block-diagonal LoRA (BD-LoRA)",
    "use_dora": "DoRA",
    "use_qalora": "QA-LoRA",
    "velora_config": "VeLoRA",
}
# Initialisations that leave the base as it was. PiSSA, OLoRA, CorDA, LoRA-GA and LoftQ subtract from it,
# so that their adapters fit only a base that was changed in the same way.
_PLAIN_INITS = ("gaussian", "eva", "orthogonal")


def invalid(path: Path, sentence: str) -> RequestError:
    return RequestError("adapter_invalid", f"The adapter at {path} cannot be served: {sentence}")


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """Which modules an adapter adapts, and each one's rank and scale. Made by `read_lora_config`."""

    path: Path
    r: int
    lora_alpha: float
    use_rslora: bool
    target_modules: list[str] | str
    exclude_modules: list[str] | str
    layers_to_transform: list[int] | None
    layers_pattern: list[str]
    rank_pattern: dict[str, int]
    alpha_pattern: dict[str, float]

    def targets(self, module: str) -> bool:
        """Whether the linear layer `module` (`model.layers.0.self_attn.q_proj`) is adapted."""
        if isinstance(self.exclude_modules, str):
            if self.exclude_modules and self._match(self.exclude_modules, module, whole=True):
                return False
        elif any(module == name or module.endswith(f".{name}") for name in self.exclude_modules):
            return False
        if isinstance(self.target_modules, str):
            if self.target_modules.lower() == "all-linear":
                return module != "lm_head"
            return self._match(self.target_modules, module, whole=True) is not None
        if module in self.target_modules:
            return True
        if not any(module.endswith(f".{name}") for name in self.target_modules):
            return False
        return self.layers_to_transform is None or self._layer_of(module) in self.layers_to_transform

    def rank(self, module: str) -> int:
        return self.rank_pattern.get(self._pattern_for(self.rank_pattern, module), self.r)

    def scale(self, module: str) -> float:
        """`alpha / r`, or `alpha / sqrt(r)` with rsLoRA (arXiv 2312.03732)."""
        alpha = self.alpha_pattern.get(self._pattern_for(self.alpha_pattern, module), self.lora_alpha)
        rank = self.rank(module)
        return alpha / math.sqrt(rank) if self.use_rslora else alpha / rank

    def _layer_of(self, module: str) -> int | None:
        if not self.layers_pattern:
            found = self._match(r".*?\.[^.]*\.(?P<index>\d+)\.", module)
            return int(found["index"]) if found else None
        for pattern in self.layers_pattern:
            found = self._match(rf"(?:^|.*?\.){pattern}\.(?P<index>\d+)\.", module)
            if found:
                return int(found["index"])
        return None

    def _pattern_for(self, patterns: dict[str, Any], module: str) -> str:
        for pattern in patterns:
            if self._match(rf"(.*\.)?({pattern})$", module):
                return pattern
        return module

    def _match(self, pattern: str, module: str, whole: bool = False) -> regex.Match[str] | None:
        """Bounded in time: a short pattern can be written so that it never comes to an end."""
        match = regex.fullmatch if whole else regex.match
        try:
            return match(pattern, module, concurrent=True, timeout=MAX_PATTERN_SECONDS)
        except regex.error as error:
            raise invalid(
                self.path, f"{pattern!r:.200} is not a valid regular expression ({error})."
            ) from error
        except TimeoutError as error:
            raise invalid(
                self.path, f"the regular expression {pattern!r:.200} takes too long to match; simplify it."
            ) from error


def read_lora_config(directory: Path) -> LoraConfig:
    """Reads and checks `adapter_config.json`. Raises `RequestError("adapter_invalid")`."""
    raw = _read_json(directory)
    if raw.get("peft_type") != "LORA":
        raise invalid(directory, f"its peft_type is {raw.get('peft_type')!r}; only LORA is served.")
    if raw.get("task_type") not in (None, "CAUSAL_LM"):
        raise invalid(directory, f"its task_type is {raw['task_type']!r}; only CAUSAL_LM is served.")
    for key, feature in _REFUSED.items():
        if raw.get(key):
            raise invalid(directory, f"it uses {feature}, which is not served.")
    if raw.get("alora_invocation_tokens") is not None:
        raise invalid(directory, "it uses activated LoRA (aLoRA), which is not served.")
    if raw.get("bias", "none") != "none":
        raise invalid(directory, f"it trains biases (bias={raw['bias']!r}), which is not served.")
    init = raw.get("init_lora_weights", True)
    if not isinstance(init, bool) and init not in _PLAIN_INITS:
        raise invalid(
            directory,
            f"it was initialised with {init!r}, which may change the base weights; convert it with "
            "save_pretrained(..., path_initial_model_for_weight_conversion=...), which makes it plain LoRA.",
        )
    for key, value in raw.items():
        if key not in _WITHOUT_EFFECT | _UNDERSTOOD and value:
            raise invalid(directory, f"its configuration sets {key} to {value!r}, a feature unknown here.")
    return _build(directory, raw)


def _read_json(directory: Path) -> dict[str, Any]:
    path = directory / "adapter_config.json"
    if not path.is_file():
        raise invalid(directory, f"{path.name} is missing. Give the directory of a PEFT adapter.")
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise invalid(directory, f"{path.name} is larger than {MAX_CONFIG_BYTES} bytes.")
    try:
        raw = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise invalid(directory, f"{path.name} is not valid JSON ({error}).") from error
    if not isinstance(raw, dict):
        raise invalid(directory, f"{path.name} must hold a JSON object.")
    return raw


def _build(directory: Path, raw: dict[str, Any]) -> LoraConfig:
    def check(key: str, value: Any, valid: bool, wanted: str) -> Any:
        if not valid:
            raise invalid(directory, f"{key} must be {wanted}, not {value!r:.80}.")
        return value

    def names(key: str, default: Any) -> list[str] | str:
        value = raw.get(key)
        value = default if value is None else value
        is_names = isinstance(value, str) or (
            isinstance(value, list) and all(isinstance(v, str) for v in value)
        )
        return check(key, value, is_names, "a string or a list of strings")

    def patterns(key: str, valid: Any, wanted: str) -> dict[str, Any]:
        value = raw.get(key) or {}
        check(key, value, isinstance(value, dict), "an object")
        for pattern, entry in value.items():
            check(f"{key}[{pattern!r}]", entry, valid(entry), wanted)
        return value

    def is_rank(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_RANK

    def is_alpha(value: Any) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= MAX_ALPHA

    target_modules = names("target_modules", _DEFAULT_TARGETS)
    layers = raw.get("layers_to_transform")
    layers = [layers] if isinstance(layers, int) else layers
    valid_layers = layers is None or (isinstance(layers, list) and all(isinstance(i, int) for i in layers))
    check("layers_to_transform", layers, valid_layers, "a whole number or a list of them")
    if layers is not None and isinstance(target_modules, str):
        raise invalid(directory, "layers_to_transform needs target_modules to be a list of names.")
    layers_pattern = names("layers_pattern", [])
    use_rslora = raw.get("use_rslora", False)
    return LoraConfig(
        path=directory,
        r=check("r", raw.get("r", 8), is_rank(raw.get("r", 8)), f"a whole number from 1 to {MAX_RANK}"),
        lora_alpha=check(
            "lora_alpha",
            raw.get("lora_alpha", 8),
            is_alpha(raw.get("lora_alpha", 8)),
            f"a number from -{MAX_ALPHA:g} to {MAX_ALPHA:g}",
        ),
        use_rslora=check("use_rslora", use_rslora, isinstance(use_rslora, bool), "true or false"),
        target_modules=target_modules,
        exclude_modules=names("exclude_modules", []),
        layers_to_transform=layers or None,
        layers_pattern=[layers_pattern] if isinstance(layers_pattern, str) else layers_pattern,
        rank_pattern=patterns("rank_pattern", is_rank, f"a whole number from 1 to {MAX_RANK}"),
        alpha_pattern=patterns("alpha_pattern", is_alpha, f"a number from -{MAX_ALPHA:g} to {MAX_ALPHA:g}"),
    )
