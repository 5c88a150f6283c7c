"""The block manager never loses a block, never lends one twice and never frees one that is held."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from inference.kv_cache import BlockManager


def test_a_table_grows_to_cover_its_tokens_and_no_further():
    blocks = BlockManager(num_blocks=10, block_size=4)
    table: list[int] = []
    assert blocks.grow(table, 1)
    assert len(table) == 1
    assert blocks.grow(table, 4)
    assert len(table) == 1
    assert blocks.grow(table, 5)
    assert len(table) == 2
    assert blocks.num_used == 2


def test_growing_is_all_or_nothing():
    blocks = BlockManager(num_blocks=2, block_size=4)
    table: list[int] = []
    assert not blocks.grow(table, 9)
    assert table == []
    assert blocks.num_free == 2


def test_a_shared_block_is_free_only_when_its_last_holder_releases_it():
    blocks = BlockManager(num_blocks=2, block_size=4)
    first: list[int] = []
    blocks.grow(first, 8)
    second = blocks.share(first)
    blocks.release(first)
    assert blocks.num_free == 0
    blocks.release(second)
    assert blocks.num_free == 2


def test_releasing_a_table_empties_it_so_that_twice_is_once():
    blocks = BlockManager(num_blocks=2, block_size=4)
    table: list[int] = []
    blocks.grow(table, 8)
    blocks.release(table)
    blocks.release(table)
    assert blocks.num_free == 2


def test_a_stale_copy_of_a_table_is_refused():
    blocks = BlockManager(num_blocks=2, block_size=4)
    table: list[int] = []
    blocks.grow(table, 8)
    stale = list(table)
    blocks.release(table)
    with pytest.raises(ValueError, match="not held by anyone"):
        blocks.release(stale)
    with pytest.raises(ValueError, match="not held by anyone"):
        blocks.share(stale)
    assert blocks.num_free == 2


@pytest.mark.parametrize(("num_blocks", "block_size"), [(0, 4), (4, 0)])
def test_a_cache_without_room_is_refused(num_blocks, block_size):
    with pytest.raises(ValueError, match="cannot hold anything"):
        BlockManager(num_blocks, block_size)


class Lending(RuleBasedStateMachine):
    """Tables grow, are shared and released in any order, beside a plain model of who holds what."""

    def __init__(self):
        super().__init__()
        self.blocks = BlockManager(num_blocks=12, block_size=3)
        self.tables: list[list[int]] = [[] for _ in range(4)]

    @rule(index=st.integers(0, 3), tokens=st.integers(0, 40))
    def grow(self, index, tokens):
        table = self.tables[index]
        before, free = list(table), self.blocks.num_free
        missing = max(0, -(-tokens // 3) - len(before))
        assert self.blocks.grow(table, tokens) == (missing <= free)
        assert table[: len(before)] == before
        assert len(table) == len(before) + (missing if missing <= free else 0)

    @rule(source=st.integers(0, 3), copy=st.integers(0, 3))
    def share(self, source, copy):
        if not self.tables[copy]:
            self.tables[copy] = self.blocks.share(self.tables[source])

    @rule(index=st.integers(0, 3))
    def release(self, index):
        self.blocks.release(self.tables[index])
        assert self.tables[index] == []

    @invariant()
    def blocks_are_used_exactly_while_a_table_names_them(self):
        held = {block for table in self.tables for block in table}
        assert self.blocks.num_used == len(held)
        assert self.blocks.num_free == 12 - len(held)
        assert held <= set(range(12))

    @invariant()
    def a_table_names_a_block_once(self):
        assert all(len(set(table)) == len(table) for table in self.tables)


TestLending = Lending.TestCase
