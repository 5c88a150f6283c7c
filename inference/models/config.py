"""What a checkpoint's `config.json` says about a Mistral- or Llama-shaped model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoConfig, PretrainedConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from inference.kernels.layout import rotary_order

SERVED_ARCHITECTURES = {"MistralForCausalLM": "mistral", "LlamaForCausalLM": "llama"}


class CheckpointError(RuntimeError):
    """A base model that cannot be loaded. The message is a sentence that names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class RotaryEmbedding:
    """Angle of pair `i` at position `p` is `p * inv_freq[i]`; cosine and sine are multiplied by `scale`.

    Pair `i` of a head holds its dimensions `i` and `i + head_dim / 2` (the "rotate half" order of Hugging
    Face).
    """

    inv_freq: tuple[float, ...]
    scale: float

    def turns(self, length: int) -> torch.Tensor:
        """`scale * (cos + i sin)` of each pair at positions 0 to `length` - 1, complex64 `[length, 1,
        pairs]`.
        """
        angles = torch.arange(length, dtype=torch.float32)[:, None] * torch.tensor(self.inv_freq)
        return torch.polar(torch.full_like(angles, self.scale), angles).unsqueeze(1)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Shapes and constants of one base model. `max_position` is the longest text it can read, in tokens."""

    architecture: str
    num_layers: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    vocab_size: int
    max_position: int
    rms_norm_eps: float
    rotary: RotaryEmbedding
    sliding_window: int | None
    tie_word_embeddings: bool
    attention_bias: bool
    mlp_bias: bool
    eos_token_ids: frozenset[int]

    @property
    def q_size(self) -> int:
        return self.num_heads * self.head_dim

    @property
    def kv_size(self) -> int:
        return self.num_kv_heads * self.head_dim

    @property
    def linear_shapes(self) -> dict[str, tuple[int, int]]:
        """Output and input features of the seven linear modules of a layer, by their name inside it."""
        return {
            "self_attn.q_proj": (self.q_size, self.hidden_size),
            "self_attn.k_proj": (self.kv_size, self.hidden_size),
            "self_attn.v_proj": (self.kv_size, self.hidden_size),
            "self_attn.o_proj": (self.hidden_size, self.q_size),
            "mlp.gate_proj": (self.intermediate_size, self.hidden_size),
            "mlp.up_proj": (self.intermediate_size, self.hidden_size),
            "mlp.down_proj": (self.hidden_size, self.intermediate_size),
        }


def in_rotary_order(config: ModelConfig, name: str, rows: torch.Tensor) -> torch.Tensor:
    """`rows [out_features, ...]` of the linear module `name`, those of queries and keys in `rotary_order`."""
    if name not in ("self_attn.q_proj", "self_attn.k_proj"):
        return rows
    return rows.unflatten(0, (-1, config.head_dim))[:, rotary_order(config.head_dim)].flatten(0, 1)


def read_config(directory: Path) -> ModelConfig:
    """Reads `config.json` of a checkpoint directory. Raises `CheckpointError`."""
    path = directory / "config.json"
    if not path.is_file():
        raise CheckpointError(
            f"There is no model at {directory}: {path.name} is missing. "
            "Give the directory of a Hugging Face checkpoint (config.json, safetensors and tokenizer files)."
        )
    try:
        config = AutoConfig.from_pretrained(directory, local_files_only=True)
    except Exception as error:  # transformers raises many types for a config it cannot read
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise CheckpointError(f"The config {path} cannot be read: {reason}.") from error
    return _check(config, path)


def _check(config: PretrainedConfig, path: Path) -> ModelConfig:
    named = (getattr(config, "architectures", None) or ["none"])[0]
    if SERVED_ARCHITECTURES.get(named) != config.model_type:
        raise CheckpointError(
            f"{path} names the architecture {named} ({config.model_type}), which this engine does not serve; "
            f"it serves {' and '.join(SERVED_ARCHITECTURES)}."
        )
    if getattr(config, "quantization_config", None):
        raise CheckpointError(
            f"{path} describes quantised weights, which this engine cannot read; "
            "use the checkpoint's float16 or bfloat16 version."
        )
    if config.hidden_act not in ("silu", "swish"):
        raise CheckpointError(f"{path} asks for the activation {config.hidden_act!r}; only silu is served.")
    rotary, max_position = _read_rotary(config, path)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if config.num_attention_heads % config.num_key_value_heads:
        raise CheckpointError(
            f"{path} has {config.num_attention_heads} attention heads, "
            f"which {config.num_key_value_heads} key-value heads cannot share evenly."
        )
    return ModelConfig(
        architecture=named,
        num_layers=config.num_hidden_layers,
        hidden_size=config.hidden_size,
        intermediate_size=config.intermediate_size,
        num_heads=config.num_attention_heads,
        num_kv_heads=config.num_key_value_heads,
        head_dim=head_dim,
        vocab_size=config.vocab_size,
        max_position=max_position,
        rms_norm_eps=config.rms_norm_eps,
        rotary=rotary,
        sliding_window=getattr(config, "sliding_window", None) if config.model_type == "mistral" else None,
        tie_word_embeddings=bool(config.tie_word_embeddings),
        attention_bias=bool(getattr(config, "attention_bias", False))
        if config.model_type == "llama"
        else False,
        mlp_bias=bool(getattr(config, "mlp_bias", False)) if config.model_type == "llama" else False,
        eos_token_ids=_read_eos(config, path.parent),
    )


def _read_rotary(config: PretrainedConfig, path: Path) -> tuple[RotaryEmbedding, int]:
    """The frequencies as transformers computes them, and the longest position they are exact for.

    `dynamic` and `longrope` change all frequencies when the text outgrows the original length, which a cache
    of already rotated keys cannot follow: these models are served up to that length.
    """
    parameters = config.rope_parameters
    kind = parameters.get("rope_type", "default")
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if parameters.get("partial_rotary_factor", 1.0) != 1.0:
        raise CheckpointError(
            f"{path} rotates only part of each head (partial_rotary_factor), which is not served."
        )
    max_position = config.max_position_embeddings
    if kind == "default":
        exponents = torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim
        inv_freq, scale = 1.0 / parameters["rope_theta"] ** exponents, 1.0
    elif kind in ROPE_INIT_FUNCTIONS:
        try:
            inv_freq, scale = ROPE_INIT_FUNCTIONS[kind](config, torch.device("cpu"))
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{path} describes its rotary embedding ({kind}) incompletely: {error!r}."
            ) from error
        if kind == "longrope":
            max_position = min(max_position, parameters["original_max_position_embeddings"])
    else:
        raise CheckpointError(
            f"{path} asks for the rotary embedding {kind!r}, which transformers does not know."
        )
    return RotaryEmbedding(tuple(inv_freq.tolist()), float(scale)), max_position


def _read_eos(config: PretrainedConfig, directory: Path) -> frozenset[int]:
    """End-of-text ids: those of `generation_config.json` if it names any, else those of the config."""
    generation = directory / "generation_config.json"
    ids = config.eos_token_id
    if generation.is_file():
        try:
            ids = json.loads(generation.read_text()).get("eos_token_id", ids)
        except ValueError as error:
            raise CheckpointError(f"{generation} is not valid JSON: {error}.") from error
    if ids is None:
        return frozenset()
    return frozenset([ids] if isinstance(ids, int) else ids)
