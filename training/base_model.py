"""The base of a fine-tuning: checked, loaded in the plan's precision, and given its adapter."""

from __future__ import annotations

import torch
from peft import LoraConfig, PeftModel, get_peft_model, prepare_model_for_kbit_training
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedTokenizerBase,
)

from inference.models.config import SERVED_ARCHITECTURES
from training.base_source import BaseSource
from training.errors import TrainingError
from training.plan import AdapterPlan


def check_architecture(source: BaseSource, unserved: bool = False) -> int | None:
    """The longest text the base can read, in tokens; None where its configuration does not say. Raises
    `TrainingError` when our engine could not serve the adapter, unless it may be `unserved`."""
    try:
        config = AutoConfig.from_pretrained(source.location, revision=source.revision)
    except Exception as error:  # transformers and the hub client raise many types
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise TrainingError(f"The base {source.location} cannot be read: {reason}.") from error
    named = (getattr(config, "architectures", None) or ["none"])[0]
    if not unserved and SERVED_ARCHITECTURES.get(named) != config.model_type:
        raise TrainingError(
            f"{source.location} has the architecture {named} ({config.model_type}), which our engine does "
            f"not serve; it serves {' and '.join(SERVED_ARCHITECTURES)}. Choose another base, or allow it "
            "with --unserved and serve the adapter with another tool."
        )
    return getattr(config, "max_position_embeddings", None)


def load_tokenizer(source: BaseSource) -> PreTrainedTokenizerBase:
    """Raises `TrainingError` when there is none."""
    try:
        return AutoTokenizer.from_pretrained(source.location, revision=source.revision)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise TrainingError(f"The tokenizer of {source.location} cannot be loaded: {reason}.") from error


def load_with_adapter(source: BaseSource, plan: AdapterPlan, device: str) -> PeftModel:
    """The base in the plan's precision with a fresh adapter; only the adapter can be trained.

    Raises `TrainingError` when weights are missing or a target names no module.
    """
    options: dict = {"dtype": torch.float32 if plan.base_dtype == "float32" else torch.bfloat16}
    if plan.quantization == "nf4":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        options["device_map"] = {"": device}
    try:
        model = AutoModelForCausalLM.from_pretrained(
            source.location,
            revision=source.revision,
            use_safetensors=True,  # a pickle may run what it likes, and is not part of the fingerprint
            **options,
        )
        if plan.quantization == "none":
            model = model.to(device)
    except (OSError, ImportError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise TrainingError(f"The base {source.location} cannot be loaded: {reason}.") from error
    except torch.cuda.OutOfMemoryError as error:
        raise TrainingError(
            f"The GPU's memory is too small for {source.location} in {plan.base_dtype}; set "
            'quantization = "nf4" in the configuration, or choose a smaller base.'
        ) from error
    if plan.quantization == "nf4":
        model = prepare_model_for_kbit_training(
            model,
            use_gradient_checkpointing=plan.gradient_checkpointing,
            gradient_checkpointing_kwargs={"use_reentrant": False},
        )
    elif plan.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    try:
        return get_peft_model(
            model,
            LoraConfig(
                task_type="CAUSAL_LM",
                r=plan.rank,
                lora_alpha=plan.alpha,
                lora_dropout=plan.dropout,
                target_modules=list(plan.targets),
            ),
        )
    except ValueError as error:
        raise TrainingError(
            f"No adapter fits {source.location}: {str(error).rstrip('.')}. Name modules of the base "
            "as targets."
        ) from error


def adamw(model: PeftModel, plan: AdapterPlan) -> torch.optim.Optimizer:
    """The plan's optimizer over the adapter's weights. Raises `TrainingError` without bitsandbytes."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    options = {"lr": plan.learning_rate, "betas": (0.9, 0.99), "weight_decay": 0.0}
    if plan.optimizer == "adamw":
        return torch.optim.AdamW(parameters, **options)
    try:
        from bitsandbytes.optim import PagedAdamW8bit
    except ImportError as error:
        raise TrainingError(
            'The optimizer paged_adamw_8bit needs bitsandbytes: pip install "bitsandbytes>=0.50".'
        ) from error
    return PagedAdamW8bit(parameters, **options)
