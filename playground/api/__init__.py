"""The OpenAI-style API: models, completions and chat completions, the adapter chosen by `model`."""
