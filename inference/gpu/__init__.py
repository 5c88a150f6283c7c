"""Serving on a CUDA device: weights with room for adapters, packed steps, CUDA graphs, a step of lead."""
