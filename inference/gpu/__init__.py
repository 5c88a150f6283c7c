"""Serving on a CUDA device: weights with room for adapters, packed steps, CUDA graphs, one step ahead of the CPU."""
