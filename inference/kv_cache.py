"""Which blocks of the paged KV cache are free, and who holds the others.

A block has room for the keys and values of `block_size` consecutive tokens in every layer. Position `p` of a
sequence lives in slot `block_table[p // block_size] * block_size + p % block_size` (PagedAttention,
arXiv 2309.06180).
"""

from __future__ import annotations


class BlockManager:
    """Hands out blocks and takes them back; a block with several holders is freed by the last of them."""

    def __init__(self, num_blocks: int, block_size: int):
        if num_blocks < 1 or block_size < 1:
            raise ValueError(
                f"A KV cache of {num_blocks} blocks of {block_size} tokens cannot hold anything."
            )
        self.num_blocks = num_blocks
        self.block_size = block_size
        self._free = list(range(num_blocks - 1, -1, -1))
        self._holders = [0] * num_blocks

    @property
    def num_free(self) -> int:
        return len(self._free)

    @property
    def num_used(self) -> int:
        return self.num_blocks - len(self._free)

    def missing(self, block_table: list[int], num_tokens: int) -> int:
        """How many more blocks `block_table` needs to have room for `num_tokens` tokens."""
        return max(0, -(-num_tokens // self.block_size) - len(block_table))

    def grow(self, block_table: list[int], num_tokens: int) -> bool:
        """Appends blocks until `num_tokens` tokens fit. False, and nothing changes, when too few are free."""
        missing = self.missing(block_table, num_tokens)
        if missing > len(self._free):
            return False
        for _ in range(missing):
            block = self._free.pop()
            self._holders[block] = 1
            block_table.append(block)
        return True

    def share(self, blocks: list[int]) -> list[int]:
        """A second table over the same blocks. Its owner releases it like any other."""
        self._check_held(blocks)
        for block in blocks:
            self._holders[block] += 1
        return list(blocks)

    def release(self, block_table: list[int]) -> None:
        """Gives up every block of the table and empties it, so that releasing it again does nothing."""
        self._check_held(block_table)
        for block in reversed(block_table):
            self._holders[block] -= 1
            if self._holders[block] == 0:
                self._free.append(block)
        block_table.clear()

    def _check_held(self, blocks: list[int]) -> None:
        for block in blocks:
            if not (0 <= block < self.num_blocks) or self._holders[block] == 0:
                raise ValueError(f"Block {block} is not held by anyone; its table is stale.")
