"""The hyper-parameters of a fine-tuning, and how a configuration file sets them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from training.errors import TrainingError

CONFIGS = Path(__file__).parent / "configs"


@dataclass(frozen=True, slots=True)
class AdapterPlan:
    """One fine-tuning.

    `targets` are module names as PEFT takes them. An update of the weights reads `accumulation` batches of
    `batch` examples; `steps` counts updates, `warmup` is a share of them. Examples are cut to
    `max_length` tokens, and to the `length_percentile` of the training data's own lengths if one is given.
    `quantization` `nf4` is the base in 4 bits with double quantisation, `base_dtype` that of an unquantised
    one. The validation loss is taken every `validate_every` steps (0: at the end alone); after
    `patience` rounds without a better one training stops (0: never), and the best weights are kept.
    A checkpoint is written every `checkpoint_every` steps (0: only when stopped). `train_samples` and
    `validation_samples` are the most that are used.
    """

    task: str
    rank: int = 8
    alpha: int = 16
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    dropout: float = 0.0
    learning_rate: float = 2e-3
    warmup: float = 0.03
    steps: int = 2000
    batch: int = 64
    accumulation: int = 1
    max_length: int = 1024
    length_percentile: float | None = None
    quantization: Literal["none", "nf4"] = "none"
    base_dtype: Literal["float32", "bfloat16"] = "float32"
    optimizer: Literal["adamw", "paged_adamw_8bit"] = "adamw"
    gradient_checkpointing: bool = False
    validate_every: int = 0
    patience: int = 0
    checkpoint_every: int = 0
    train_samples: int = 100_000
    validation_samples: int = 1000
    seed: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.targets, str):
            raise TrainingError('targets is a list of module names, such as ["q_proj", "v_proj"].')
        object.__setattr__(self, "targets", tuple(self.targets))
        checks = (
            (self.rank >= 1, "rank must be at least 1"),
            (self.alpha > 0, "alpha must be above 0"),
            (bool(self.targets), "targets must name at least one module"),
            (0 <= self.dropout < 1, "dropout must be from 0 to below 1"),
            (0 < self.learning_rate < 1, "learning_rate must be between 0 and 1"),
            (0 <= self.warmup < 1, "warmup is a share of the steps, from 0 to below 1"),
            (self.steps >= 1, "steps must be at least 1"),
            (self.batch >= 1 and self.accumulation >= 1, "batch and accumulation must be at least 1"),
            (self.max_length >= 8, "max_length must be at least 8 tokens"),
            (
                self.length_percentile is None or 0 < self.length_percentile <= 100,
                "length_percentile must be above 0 and at most 100",
            ),
            (self.quantization in ("none", "nf4"), 'quantization must be "none" or "nf4"'),
            (self.base_dtype in ("float32", "bfloat16"), 'base_dtype must be "float32" or "bfloat16"'),
            (
                self.optimizer in ("adamw", "paged_adamw_8bit"),
                'optimizer must be "adamw" or "paged_adamw_8bit"',
            ),
            (
                min(self.validate_every, self.patience, self.checkpoint_every) >= 0,
                "validate_every, patience and checkpoint_every must not be negative",
            ),
            (
                not self.patience or self.validate_every > 0,
                "patience needs validate_every: without validation there is nothing to stop early by",
            ),
            (
                self.train_samples >= 1 and self.validation_samples >= 1,
                "train_samples and validation_samples must be at least 1",
            ),
        )
        for holds, sentence in checks:
            if not holds:
                raise TrainingError(f"The plan for {self.task} cannot be used: {sentence}.")

    def on(self, device: str) -> AdapterPlan:
        """The plan as it runs on `device`: 4-bit weights and paged optimizer states exist on CUDA alone."""
        if device.startswith("cuda"):
            return self
        return replace(self, quantization="none", base_dtype="float32", optimizer="adamw")


def read_plan(config: str | Path, task: str, **overrides: Any) -> AdapterPlan:
    """The plan that a TOML file describes, for `task`. `config` is a path, or the name of one of
    `training/configs` (`paper`, `miniature`). `overrides` that are None are ignored.

    Raises `TrainingError` for a file that is not there or says what a plan does not know.
    """
    path = Path(config)
    if path.suffix != ".toml":
        path = CONFIGS / f"{config}.toml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in CONFIGS.glob("*.toml")))
        raise TrainingError(f"There is no configuration {config}; give a .toml file or one of {known}.")
    try:
        data: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} is not a TOML file: {error}.") from error
    known = [field.name for field in fields(AdapterPlan) if field.name != "task"]
    if unknown := sorted(set(data) - set(known)):
        raise TrainingError(f"{path} sets {', '.join(unknown)}, which is not one of {', '.join(known)}.")
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return AdapterPlan(task, **{**data, **given})
    except TypeError as error:
        raise TrainingError(f"{path} has a value of the wrong kind: {error}.") from error
