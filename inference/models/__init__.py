"""Base models: their configuration, their checkpoints and their forward pass."""
