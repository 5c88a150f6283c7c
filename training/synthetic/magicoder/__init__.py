"""Small Python functions described in words, and their code, in the style of Magicoder and HumanEval.

Problems are put together from conditions, mappings and ways to collect, so most of them are seen once.
"""

from training.synthetic.magicoder.checks import checks
from training.synthetic.magicoder.problem import generate

__all__ = ["checks", "generate"]
