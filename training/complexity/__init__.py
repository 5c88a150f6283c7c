"""Which properties of a task predict what fine-tuning gains: heuristics, correlations, a linear model."""

from training.complexity.heuristics import HEURISTICS, Complexity, complexity

__all__ = ["HEURISTICS", "Complexity", "complexity"]
