"""The commands of `python -m training`, one module each: `add_to(commands)` describes it, `run` does it."""
