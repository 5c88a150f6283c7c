"""The block manager never loses a block, never lends one twice and never frees one that is held."""

from __future__ import annotations

import pytest
from hypothesis import settings
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
    assert blocks.num_free == 2


@pytest.mark.parametrize(("num_blocks", "block_size"), [(0, 4), (4, 0)])
def test_a_cache_without_room_is_refused(num_blocks, block_size):
    with pytest.raises(ValueError, match="cannot hold anything"):
        BlockManager(num_blocks, block_size)


class Lending(RuleBasedStateMachine):
    """Tables grow and are released in any order, beside a plain model of who holds what."""

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


def filled(blocks: BlockManager, owner: str | None, tokens: list[int]) -> list[int]:
    """A table whose blocks hold `tokens`, taken over or computed."""
    table: list[int] = []
    covered = blocks.adopt(table, owner, tokens)
    assert blocks.grow(table, len(tokens))
    blocks.remember(table, owner, tokens, covered, len(tokens))
    return table


def test_a_released_beginning_is_free_and_still_known():
    blocks = BlockManager(num_blocks=4, block_size=2)
    first = filled(blocks, "a", [1, 2, 3, 4, 5])
    beginning = first[:2]
    blocks.release(first)
    assert blocks.num_free == 4
    assert filled(blocks, "a", [1, 2, 3, 4, 9])[:2] == beginning
    assert blocks.prefix_hit_tokens == 4
    assert blocks.prefix_lookup_tokens == 10


def test_a_beginning_that_is_in_use_is_shared():
    blocks = BlockManager(num_blocks=4, block_size=2)
    first, second = filled(blocks, None, [1, 2, 3]), filled(blocks, None, [1, 2, 4])
    assert first[0] == second[0]
    blocks.release(first)
    assert blocks.num_used == 2


def test_the_same_tokens_after_another_beginning_are_another_block():
    blocks = BlockManager(num_blocks=8, block_size=2)
    blocks.release(filled(blocks, None, [1, 2, 3, 4, 5]))
    table: list[int] = []
    assert blocks.adopt(table, None, [9, 9, 3, 4, 5]) == 0


def test_when_blocks_run_out_the_beginning_unused_longest_is_forgotten_from_its_end():
    blocks = BlockManager(num_blocks=4, block_size=2)
    blocks.release(filled(blocks, "old", [1, 2, 3, 4]))
    blocks.release(filled(blocks, "new", [1, 2, 3, 4]))
    filled(blocks, None, [7])
    table: list[int] = []
    assert blocks.adopt(table, "old", [1, 2, 3, 4, 5]) == 2
    blocks.release(table)
    assert blocks.adopt(table, "new", [1, 2, 3, 4, 5]) == 4


def test_what_was_computed_twice_at_the_same_time_leads_on_from_both():
    blocks = BlockManager(num_blocks=8, block_size=2)
    tables: list[list[int]] = [[], []]
    texts = [[1, 2, 3, 4, 0], [1, 2, 5, 6, 0]]
    for table in tables:
        blocks.grow(table, 5)
    for table, text in zip(tables, texts, strict=True):
        blocks.remember(table, None, text, 0, 5)
    for table in tables:
        blocks.release(table)
    for text in texts:
        table: list[int] = []
        assert blocks.adopt(table, None, text) == 4


def test_a_spoilt_table_is_forgotten():
    blocks = BlockManager(num_blocks=4, block_size=2)
    blocks.release(filled(blocks, None, [1, 2, 3, 4]), spoilt=True)
    assert blocks.adopt([], None, [1, 2, 3, 4]) == 0
    assert blocks.num_free == 4


def test_a_manager_that_forgets_or_must_not_remember_finds_nothing():
    for blocks in (BlockManager(4, 2), BlockManager(4, 2, prefix_cache=False)):
        blocks.release(filled(blocks, None, [1, 2, 3, 4]))
        blocks.forget_prefixes()
        assert blocks.adopt([], None, [1, 2, 3, 4]) == 0
        assert blocks.num_free == 4


class Remembering(RuleBasedStateMachine):
    """Sequences over two letters and two owners come and go; what they adopt was computed from just that."""

    def __init__(self):
        super().__init__()
        self.blocks = BlockManager(num_blocks=9, block_size=2)
        self.tables: list[list[int]] = []
        self.contents: dict[int, tuple] = {}

    @rule(owner=st.sampled_from([None, "a"]), tokens=st.lists(st.integers(0, 1), min_size=1, max_size=9))
    def arrive(self, owner, tokens):
        table: list[int] = []
        covered = self.blocks.adopt(table, owner, tokens)
        assert covered < len(tokens)
        for index, block in enumerate(table):
            assert self.contents[block] == (owner, tuple(tokens[: 2 * index + 2]))
        if not self.blocks.grow(table, len(tokens)):
            self.blocks.release(table)
            return
        for index in range(covered // 2, len(table)):
            self.contents[table[index]] = (owner, tuple(tokens[: 2 * index + 2]))
        self.blocks.remember(table, owner, tokens, covered, len(tokens))
        self.tables.append(table)

    @rule(pick=st.integers(0, 100), spoilt=st.booleans())
    def leave(self, pick, spoilt):
        if self.tables:
            self.blocks.release(self.tables.pop(pick % len(self.tables)), spoilt)

    @rule()
    def forget(self):
        self.blocks.forget_prefixes()

    @invariant()
    def every_block_is_either_held_or_free(self):
        held = {block for table in self.tables for block in table}
        assert self.blocks.num_used == len(held)
        assert self.blocks.num_free == 9 - len(held)


TestRemembering = Remembering.TestCase
TestRemembering.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
