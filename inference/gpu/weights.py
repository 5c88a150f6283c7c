"""The base's weights on the device, each product with room below it for the A matrices of adapters."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from inference.kernels.layout import Site
from inference.lora.memory import SITE_MODULES
from inference.models.checkpoint import Checkpoint
from inference.models.config import CheckpointError, ModelConfig


@dataclass(frozen=True, slots=True)
class SiteWeights:
    """One stacked product of a layer and the adapters' share of it.

    `weight [out + ranks * projections, in]`: the base's rows, then for each rank of the pool one row of A for
    every projection. `b [ranks, out]` holds the matching columns of B, `scales [ranks, projections]` is
    float32.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None
    out_features: int
    b: torch.Tensor
    scales: torch.Tensor

    @property
    def projections(self) -> int:
        return self.scales.shape[1]

    @property
    def a(self) -> torch.Tensor:
        return self.weight[self.out_features :]


@dataclass(frozen=True, slots=True)
class LayerWeights:
    input_norm: torch.Tensor
    post_attention_norm: torch.Tensor
    sites: tuple[SiteWeights, ...]  # by Site


class BaseWeights:
    """Reads an open checkpoint to the device. `pool_ranks` is the number of ranks that all adapters share.

    Raises `CheckpointError`.
    """

    def __init__(
        self,
        config: ModelConfig,
        checkpoint: Checkpoint,
        pool_ranks: int,
        dtype: torch.dtype,
        device: torch.device,
    ):
        self.pool_ranks = pool_ranks
        self._load(config, checkpoint, dtype, device)

    @property
    def size_bytes(self) -> int:
        parts = [self.embedding, self.norm]
        if self.head is not self.embedding:
            parts.append(self.head)
        for layer in self.layers:
            parts += [layer.input_norm, layer.post_attention_norm]
            for site in layer.sites:
                parts += [part for part in (site.weight, site.bias, site.b, site.scales) if part is not None]
        return sum(part.nbytes for part in parts)

    def _load(
        self, config: ModelConfig, checkpoint: Checkpoint, dtype: torch.dtype, device: torch.device
    ) -> None:
        def take(name: str, *shape: int) -> torch.Tensor:
            return checkpoint.take(name, shape, dtype)

        def site(prefix: str, site: Site) -> SiteWeights:
            names = SITE_MODULES[site]
            shapes = [config.linear_shapes[name] for name in names]
            out_features, in_features = sum(rows for rows, _ in shapes), shapes[0][1]
            ranks = self.pool_ranks
            weight = torch.empty(out_features + ranks * len(names), in_features, dtype=dtype, device=device)
            weight[out_features:] = 0
            at = 0
            for name, shape in zip(names, shapes, strict=True):
                weight[at : at + shape[0]] = take(f"{prefix}.{name}.weight", *shape)
                at += shape[0]
            bias = None
            if config.attention_bias if site in (Site.QKV, Site.O) else config.mlp_bias:
                bias = torch.cat(
                    [
                        take(f"{prefix}.{name}.bias", shape[0])
                        for name, shape in zip(names, shapes, strict=True)
                    ]
                )
                bias = bias.to(device)
            return SiteWeights(
                weight,
                bias,
                out_features,
                torch.zeros(ranks, out_features, dtype=dtype, device=device),
                torch.zeros(ranks, len(names), dtype=torch.float32, device=device),
            )

        self.embedding = take("model.embed_tokens.weight", config.vocab_size, config.hidden_size).to(device)
        self.layers = [
            LayerWeights(
                take(f"model.layers.{i}.input_layernorm.weight", config.hidden_size).to(device),
                take(f"model.layers.{i}.post_attention_layernorm.weight", config.hidden_size).to(device),
                tuple(site(f"model.layers.{i}", each) for each in Site),
            )
            for i in range(config.num_layers)
        ]
        self.norm = take("model.norm.weight", config.hidden_size).to(device)
        self.head = self.embedding
        if not config.tie_word_embeddings or "lm_head.weight" in checkpoint:
            head = take("lm_head.weight", config.vocab_size, config.hidden_size).to(device)
            if not config.tie_word_embeddings:
                self.head = head
            elif not torch.equal(head, self.embedding):
                raise CheckpointError(
                    f"The config in {checkpoint.directory} ties lm_head.weight to the embedding, but the "
                    "checkpoint has different values for the two; set tie_word_embeddings to false or drop "
                    "lm_head.weight."
                )
        checkpoint.finish()
