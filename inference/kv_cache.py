"""Which blocks of the paged KV cache are free, who holds the others, and what the full ones contain.

A block has room for the keys and values of `block_size` consecutive tokens in every layer. Position `p` of a
sequence lives in slot `block_table[p // block_size] * block_size + p % block_size` (PagedAttention,
arXiv 2309.06180).

A full block is remembered by what it was computed from: the content of its adapter and all tokens up to its
end. Another sequence that begins in the same way takes it over instead of computing it again (RadixAttention,
arXiv 2312.07104). Remembered blocks that nobody holds count as free; the one unused longest goes first.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

Owner = str | None  # content hash of the adapter; None for the base
_Key = tuple[object, tuple[int, ...]]  # what comes before the block (an owner, or a node), and its tokens


@dataclass(frozen=True, slots=True)
class _Node:
    """What a remembered block contains. Numbers are never used twice, so a forgotten node has no heirs."""

    number: int
    key: _Key


class BlockManager:
    """Hands out blocks and takes them back; a block with several holders is freed by the last of them.

    With `prefix_cache` False nothing is remembered. `prefix_hit_tokens` of `prefix_lookup_tokens` prompt
    tokens were taken over so far.
    """

    def __init__(self, num_blocks: int, block_size: int, prefix_cache: bool = True):
        if num_blocks < 1 or block_size < 1:
            raise ValueError(
                f"A KV cache of {num_blocks} blocks of {block_size} tokens cannot hold anything."
            )
        self.num_blocks = num_blocks
        self.block_size = block_size
        self.prefix_cache = prefix_cache
        self.prefix_hit_tokens = 0
        self.prefix_lookup_tokens = 0
        self._empty = list(range(num_blocks - 1, -1, -1))
        self._unheld: OrderedDict[int, None] = OrderedDict()  # remembered, free; longest unused first
        self._holders = [0] * num_blocks
        self._nodes: list[_Node | None] = [None] * num_blocks
        self._known: dict[_Key, int] = {}  # the block that holds it
        self._numbers = itertools.count(1)

    @property
    def num_free(self) -> int:
        return len(self._empty) + len(self._unheld)

    @property
    def num_used(self) -> int:
        return self.num_blocks - self.num_free

    def missing(self, block_table: list[int], num_tokens: int) -> int:
        """How many more blocks `block_table` needs to have room for `num_tokens` tokens."""
        return max(0, -(-num_tokens // self.block_size) - len(block_table))

    def grow(self, block_table: list[int], num_tokens: int) -> bool:
        """Appends blocks until `num_tokens` tokens fit. False, and nothing changes, when too few are free."""
        missing = self.missing(block_table, num_tokens)
        if missing > self.num_free:
            return False
        for _ in range(missing):
            block = self._empty.pop() if self._empty else self._evict()
            self._holders[block] = 1
            block_table.append(block)
        return True

    def release(self, block_table: list[int], spoilt: bool = False) -> None:
        """Gives up every block of the table and empties it, so that releasing it again does nothing.

        `spoilt` forgets what the blocks contain.
        """
        self._check_held(block_table)
        for block in reversed(block_table):  # a beginning is worth more than what follows it
            if spoilt:
                self._forget(block)
            self._holders[block] -= 1
            if self._holders[block] == 0:
                if self._is_known(block):
                    self._unheld[block] = None
                else:
                    self._nodes[block] = None
                    self._empty.append(block)
        block_table.clear()

    # Prefixes

    def adopt(self, block_table: list[int], owner: Owner, token_ids: Sequence[int]) -> int:
        """Fills the empty `block_table` with remembered blocks that begin `token_ids`.

        Returns the tokens they cover: never all of them, since the last one must be computed to go on.
        """
        if not self.prefix_cache:
            return 0
        if block_table:
            raise ValueError("Only an empty table can take over remembered blocks.")
        self.prefix_lookup_tokens += len(token_ids)
        parent: object = owner
        for start in range(0, len(token_ids) - self.block_size, self.block_size):
            block = self._known.get((parent, tuple(token_ids[start : start + self.block_size])))
            if block is None:
                break
            parent = self._nodes[block].number
            if self._holders[block] == 0:
                del self._unheld[block]
            self._holders[block] += 1
            block_table.append(block)
        covered = len(block_table) * self.block_size
        self.prefix_hit_tokens += covered
        return covered

    def remember(
        self, block_table: list[int], owner: Owner, token_ids: Sequence[int], before: int, after: int
    ) -> None:
        """Notes what the blocks contain that became full when the computed tokens went from `before` to
        `after`."""
        if not self.prefix_cache:
            return
        for index in range(before // self.block_size, after // self.block_size):
            parent: object = owner
            if index > 0:
                previous = self._nodes[block_table[index - 1]]
                if previous is None:  # forgotten meanwhile
                    return
                parent = previous.number
            block, start = block_table[index], index * self.block_size
            key = (parent, tuple(token_ids[start : start + self.block_size]))
            if key in self._known:  # somebody computed the same at the same time
                self._nodes[block] = self._nodes[self._known[key]]
            else:
                self._nodes[block] = _Node(next(self._numbers), key)
                self._known[key] = block

    def forget_prefixes(self) -> None:
        """Forgets what all blocks contain, held or not."""
        for block in range(self.num_blocks):
            self._forget(block)

    def _evict(self) -> int:
        block, _ = self._unheld.popitem(last=False)
        self._forget(block)
        return block

    def _is_known(self, block: int) -> bool:
        node = self._nodes[block]
        return node is not None and self._known.get(node.key) == block

    def _forget(self, block: int) -> None:
        if self._is_known(block):
            del self._known[self._nodes[block].key]
        self._nodes[block] = None
        if block in self._unheld:
            del self._unheld[block]
            self._empty.append(block)

    def _check_held(self, blocks: list[int]) -> None:
        for block in blocks:
            if not (0 <= block < self.num_blocks) or self._holders[block] == 0:
                raise ValueError(f"Block {block} is not held by anyone; its table is stale.")
