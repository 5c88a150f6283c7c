"""The Mistral and Llama forward pass over a mixed batch of rows, with LoRA at every product."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch

from inference.kernels.attention import AttentionPlan, PagedAttention
from inference.kernels.layout import Site
from inference.kernels.lora import JoinedLora, SegmentedLora
from inference.kernels.reference import PackedWeight
from inference.models.checkpoint import Checkpoint
from inference.models.config import CheckpointError, ModelConfig, in_rotary_order


@dataclass(frozen=True, slots=True)
class Product:
    """One stacked base product: `weight` as `kernels.pack_weight` made it, and `bias [out]` or None."""

    weight: PackedWeight
    bias: torch.Tensor | None


@dataclass(frozen=True, slots=True)
class Layer:
    input_norm: torch.Tensor
    qkv: Product
    o: Product
    post_attention_norm: torch.Tensor
    gate_up: Product
    down: Product


@dataclass(frozen=True, slots=True)
class Step:
    """One step's rows, prepared by `inference.model_runner`."""

    token_ids: torch.Tensor  # int64 [num_rows]
    turns: torch.Tensor  # complex64 [num_rows, 1, head_dim / 2]
    attention: AttentionPlan
    lora: SegmentedLora | JoinedLora | None  # None: all rows are the base's
    wanted: torch.Tensor | None  # int64: the rows whose hidden states are asked for, None: all
    wanted_lora: SegmentedLora | JoinedLora | None


class MistralModel:
    """Weights in memory, projections that share their input stacked, and the forward pass.

    `forward` is pure arithmetic over prepared tensors; who attends to what and which rows have which
    adapter is the caller's business (`inference.model_runner`).
    """

    def __init__(
        self,
        config: ModelConfig,
        directory: Path,
        kernels: ModuleType,
        dtype: torch.dtype,
        device: torch.device,
    ):
        self.config = config
        self._kernels = kernels
        with Checkpoint(directory) as checkpoint:
            self._load(checkpoint, dtype, device)

    def forward(self, step: Step, attention: PagedAttention) -> torch.Tensor:
        """Stores the step's keys and values; gives hidden states before the last norm, `[rows, hidden]`."""
        config, kernels, lora = self.config, self._kernels, step.lora
        heads, kv_heads, head_dim = config.num_heads, config.num_kv_heads, config.head_dim
        rotated = config.q_size + config.kv_size
        x = self.embedding[step.token_ids]
        for index, layer in enumerate(self.layers):
            normed = kernels.rms_norm(x, layer.input_norm, config.rms_norm_eps)
            qkv = kernels.linear(normed, layer.qkv.weight, layer.qkv.bias)
            if lora:
                lora.expand_(qkv, lora.shrink(normed, index, Site.QKV), index, Site.QKV)
            kernels.rotary_(qkv[:, :rotated].view(-1, heads + kv_heads, head_dim), step.turns)
            attention.store(step.attention, index, qkv[:, config.q_size :])
            query = qkv[:, : config.q_size].view(-1, heads, head_dim)
            attended = attention.attend(step.attention, index, query)
            if step.wanted is not None and layer is self.layers[-1]:
                # Their keys and values are stored; nothing else of the other rows is read again.
                x, attended, lora = x[step.wanted], attended[step.wanted], step.wanted_lora
            kernels.linear_add_(x, attended, layer.o.weight, layer.o.bias)
            if lora:
                lora.expand_(x, lora.shrink(attended, index, Site.O), index, Site.O)

            normed = kernels.rms_norm(x, layer.post_attention_norm, config.rms_norm_eps)
            gate_up = kernels.linear(normed, layer.gate_up.weight, layer.gate_up.bias)
            if lora:
                lora.expand_(gate_up, lora.shrink(normed, index, Site.GATE_UP), index, Site.GATE_UP)
            activated = kernels.silu_mul(gate_up)
            kernels.linear_add_(x, activated, layer.down.weight, layer.down.bias)
            if lora:
                lora.expand_(x, lora.shrink(activated, index, Site.DOWN), index, Site.DOWN)
        return x

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """float32 `[num_rows, vocab_size]` for hidden states `[num_rows, hidden]`."""
        normed = self._kernels.rms_norm(x, self.norm, self.config.rms_norm_eps)
        return self._kernels.linear(normed, self.head).float()

    def _load(self, checkpoint: Checkpoint, dtype: torch.dtype, device: torch.device) -> None:
        config = self.config

        def vector(name: str, size: int) -> torch.Tensor:
            return checkpoint.take(name, (size,), dtype).to(device)

        def product(prefix: str, names: tuple[str, ...], has_bias: bool) -> Product:
            shapes = [config.linear_shapes[name] for name in names]
            weights = [
                in_rotary_order(config, name, checkpoint.take(f"{prefix}.{name}.weight", shape, dtype))
                for name, shape in zip(names, shapes, strict=True)
            ]
            bias = None
            if has_bias:
                parts = [
                    in_rotary_order(config, name, vector(f"{prefix}.{name}.bias", shape[0]))
                    for name, shape in zip(names, shapes, strict=True)
                ]
                bias = torch.cat(parts)
            return Product(self._kernels.pack_weight(torch.cat(weights).to(device)), bias)

        self.embedding = checkpoint.take(
            "model.embed_tokens.weight", (config.vocab_size, config.hidden_size), dtype
        ).to(device)
        self.layers = []
        for index in range(config.num_layers):
            prefix = f"model.layers.{index}"
            self.layers.append(
                Layer(
                    input_norm=vector(f"{prefix}.input_layernorm.weight", config.hidden_size),
                    qkv=product(
                        prefix,
                        ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
                        config.attention_bias,
                    ),
                    o=product(prefix, ("self_attn.o_proj",), config.attention_bias),
                    post_attention_norm=vector(
                        f"{prefix}.post_attention_layernorm.weight", config.hidden_size
                    ),
                    gate_up=product(prefix, ("mlp.gate_proj", "mlp.up_proj"), config.mlp_bias),
                    down=product(prefix, ("mlp.down_proj",), config.mlp_bias),
                )
            )
        self.norm = vector("model.norm.weight", config.hidden_size)
        self.head = self._load_head(checkpoint, dtype, device)
        checkpoint.finish()

    def _load_head(self, checkpoint: Checkpoint, dtype: torch.dtype, device: torch.device) -> PackedWeight:
        """The packed output weight; a tied model's is the embedding, packed."""
        config = self.config
        if not config.tie_word_embeddings or "lm_head.weight" in checkpoint:
            head = checkpoint.take("lm_head.weight", (config.vocab_size, config.hidden_size), dtype).to(
                device
            )
            if not config.tie_word_embeddings:
                return self._kernels.pack_weight(head)
            if not torch.equal(head, self.embedding):
                raise CheckpointError(
                    f"The config in {checkpoint.directory} ties lm_head.weight to the embedding, but the "
                    "checkpoint has different values for the two; set tie_word_embeddings to false or drop "
                    "lm_head.weight."
                )
        return self._kernels.pack_weight(self.embedding)
