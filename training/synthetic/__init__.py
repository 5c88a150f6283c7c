"""Synthetic data of the miniature world: examples for the tasks and pre-training text, from fixed seeds."""

from training.synthetic.samples import GENERATORS, SPLITS, SYMMETRIC, Sample, orders, samples, split_of

__all__ = ["GENERATORS", "SPLITS", "SYMMETRIC", "Sample", "orders", "samples", "split_of"]
