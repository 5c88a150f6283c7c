"""Who gets computed, in which order, and who has to wait or give way."""

from __future__ import annotations

import itertools

import pytest

from inference.kv_cache import BlockManager
from inference.request import GenerationRequest, RequestError
from inference.scheduler import MAX_OVERTAKES, Scheduler, Step
from inference.sequence import Sequence
from tests.inference.hashing_runner import SlotAdapters


class Desk:
    """A scheduler with its blocks and adapters, and a clock that orders arrivals."""

    def __init__(
        self,
        *,
        num_blocks=64,
        block_size=4,
        max_num_seqs=8,
        max_batched_tokens=64,
        slots=2,
        prefix_cache=False,
    ):
        self.blocks = BlockManager(num_blocks, block_size, prefix_cache)
        self.adapters = SlotAdapters(slots, {"a", "b", "c"})
        self.scheduler = Scheduler(
            self.blocks,
            lambda sequence: self.adapters.acquire(sequence.request.adapter),
            self.adapters.release,
            max_num_seqs,
            max_batched_tokens,
        )
        self.clock = itertools.count(1)

    def arrive(self, length: int, adapter: str | None = None, first: int = 0) -> Sequence:
        request = GenerationRequest(prompt_token_ids=range(first, first + length), adapter=adapter)
        sequence = Sequence(request, request.prompt_token_ids, submitted_at=next(self.clock))
        self.scheduler.add(sequence)
        return sequence

    def step(self) -> dict[Sequence, int]:
        """Schedules a step and carries it out: its tokens are computed, and rows that sample get one more."""
        return self.carry_out(self.scheduler.schedule())

    def carry_out(self, step: Step) -> dict[Sequence, int]:
        assert not step.refused
        for item in step.batch:
            samples = item.samples
            self.scheduler.computed(item)
            if samples:
                item.sequence.token_ids.append(0)
        return {item.sequence: item.num_new for item in step.batch}

    def finish(self, sequence: Sequence) -> None:
        self.scheduler.remove(sequence)


def test_a_prompt_is_read_whole_and_then_decoded_one_token_a_step():
    desk = Desk()
    sequence = desk.arrive(10)
    assert [desk.step() for _ in range(3)] == [{sequence: 10}, {sequence: 1}, {sequence: 1}]


def test_decoding_goes_on_while_a_new_prompt_is_read():
    desk = Desk()
    first = desk.arrive(10)
    desk.step()
    second = desk.arrive(20)
    assert desk.step() == {first: 1, second: 20}


def test_a_long_prompt_is_read_in_chunks_that_leave_room_for_decoding():
    desk = Desk(max_batched_tokens=8)
    decoding = desk.arrive(3)
    desk.step()
    reading = desk.arrive(17)
    assert desk.step() == {decoding: 1, reading: 7}
    assert desk.step() == {decoding: 1, reading: 7}
    assert desk.step() == {decoding: 1, reading: 3}
    assert desk.step() == {decoding: 1, reading: 1}


def test_what_a_prompt_leaves_of_the_budget_goes_to_the_next_one():
    desk = Desk(max_batched_tokens=8)
    first, second = desk.arrive(5), desk.arrive(6)
    assert desk.step() == {first: 5, second: 3}
    assert desk.step() == {first: 1, second: 3}


def test_no_more_than_max_num_seqs_run_and_the_next_follows_at_once():
    desk = Desk(max_num_seqs=2)
    first, second, third = (desk.arrive(4) for _ in range(3))
    assert desk.step() == {first: 4, second: 4}
    desk.finish(first)
    assert desk.step() == {second: 1, third: 4}


def test_rows_never_exceed_the_token_budget():
    desk = Desk(max_num_seqs=8, max_batched_tokens=3)
    sequences = [desk.arrive(1) for _ in range(5)]
    assert desk.step() == dict.fromkeys(sequences[:3], 1)
    assert desk.step() == dict.fromkeys(sequences[:3], 1)


def test_a_newcomer_waits_until_its_prompt_and_everybodys_next_token_fit():
    desk = Desk(num_blocks=4, block_size=4)
    first = desk.arrive(8)
    desk.step()
    second = desk.arrive(8)  # its two blocks are free, but then `first` could not go on
    assert desk.step() == {first: 1}
    desk.finish(first)
    assert desk.step() == {second: 8}


def test_nobody_passes_a_sequence_that_waits_for_blocks():
    desk = Desk(num_blocks=4, block_size=4)
    first = desk.arrive(8)
    desk.step()
    big, small = desk.arrive(12), desk.arrive(1)
    assert desk.step() == {first: 1}
    desk.finish(first)
    assert desk.step() == {big: 12}
    assert desk.scheduler.waiting == [small]


def test_when_blocks_run_out_the_latest_arrival_gives_way_and_is_recomputed_later():
    desk = Desk(num_blocks=4, block_size=4)
    old, new = desk.arrive(7), desk.arrive(3)
    assert desk.step() == {old: 7, new: 3}
    assert desk.step() == {old: 1, new: 1}
    assert desk.step() == {old: 1}  # of 9 and 5 tokens: 3 + 2 blocks would be one too many
    assert desk.scheduler.preemptions == 1
    desk.finish(old)
    assert desk.step() == {new: 5}


def preempt_the_newer(desk: Desk) -> tuple[Sequence, Sequence]:
    """Two sequences of a cache of four blocks, stepped until the newer one has been preempted."""
    old, new = desk.arrive(7), desk.arrive(3, adapter="a")
    while not desk.scheduler.preemptions:
        desk.step()
    return old, new


def test_a_preempted_sequence_holds_neither_blocks_nor_adapter_and_keeps_its_tokens():
    desk = Desk(num_blocks=4, block_size=4)
    old, new = preempt_the_newer(desk)
    assert desk.scheduler.running == [old]
    assert desk.scheduler.waiting == [new]
    assert new.block_table == []
    assert new.adapter is None
    assert desk.adapters.loaded["a"].running == 0
    assert new.num_computed == 0
    assert len(new) > 3


def test_a_preempted_sequence_comes_before_those_that_arrived_after_it():
    desk = Desk(num_blocks=4, block_size=4)
    old, new = preempt_the_newer(desk)
    newest = desk.arrive(1)
    assert desk.scheduler.waiting == [new, newest]
    desk.finish(old)
    assert desk.step() == {new: len(new) - 1, newest: 1}  # with what it had said, and now one token more


def test_the_oldest_sequence_is_never_preempted():
    desk = Desk(num_blocks=6, block_size=2, max_num_seqs=4)
    oldest = desk.arrive(2)
    others = [desk.arrive(2) for _ in range(3)]
    while len(oldest) < 12:
        assert oldest in desk.step()
    assert desk.scheduler.preemptions > 0
    assert all(other in desk.scheduler.waiting for other in others)


def test_removing_a_sequence_frees_what_it_holds_wherever_it_is():
    desk = Desk(max_num_seqs=1)
    running, waiting = desk.arrive(9, adapter="a"), desk.arrive(9, adapter="b")
    desk.step()
    desk.finish(waiting)
    desk.finish(running)
    assert desk.blocks.num_used == 0
    assert desk.adapters.loaded["a"].running == 0
    assert len(desk.scheduler) == 0


def test_a_sequence_without_an_adapter_slot_lets_others_pass():
    desk = Desk(slots=1)
    first = desk.arrive(4, adapter="a")
    desk.step()
    blocked, same, base = desk.arrive(4, adapter="b"), desk.arrive(4, adapter="a"), desk.arrive(4)
    assert desk.step() == {first: 1, same: 4, base: 4}
    assert desk.scheduler.waiting == [blocked]
    desk.finish(first)
    desk.finish(same)
    assert desk.step() == {base: 1, blocked: 4}


def test_a_sequence_without_an_adapter_slot_is_not_overtaken_forever():
    """Requests for the loaded adapter keep coming; the one for another adapter runs all the same."""
    desk = Desk(slots=1, max_num_seqs=2)
    running = [desk.arrive(2, adapter="a")]
    desk.step()
    blocked = desk.arrive(2, adapter="b")
    passed = 0
    for _ in range(4 * MAX_OVERTAKES):
        desk.arrive(2, adapter="a")
        step = desk.scheduler.schedule()
        if blocked in step.admitted:
            break
        passed += len(step.admitted)
        running += step.admitted
        desk.carry_out(step)
        desk.finish(running.pop(0)) if running else None
    else:
        pytest.fail("starved")
    assert passed == MAX_OVERTAKES


def test_base_requests_do_not_count_as_overtaking_and_are_never_held_up():
    desk = Desk(slots=1, max_num_seqs=64, num_blocks=512)
    holder = desk.arrive(2, adapter="a")
    desk.step()
    blocked = desk.arrive(2, adapter="b")
    for _ in range(2 * MAX_OVERTAKES):
        base = desk.arrive(2)
        assert base in desk.step()
    late = desk.arrive(2, adapter="a")
    assert late in desk.step()
    assert desk.scheduler.waiting == [blocked]
    assert holder in desk.scheduler.running


def test_slots_that_are_all_pinned_are_an_error_and_not_an_endless_wait():
    desk = Desk(slots=1)
    desk.adapters.pin("a")
    sequence = desk.arrive(4, adapter="b")
    ((refused, error),) = desk.scheduler.schedule().refused
    assert refused is sequence
    assert error.code == "overloaded"
    assert "pinned" in error.message


def test_an_adapter_that_cannot_be_loaded_refuses_its_sequence_alone():
    desk = Desk()
    desk.adapters.broken.add("b")
    good, bad, base = desk.arrive(4, adapter="a"), desk.arrive(4, adapter="b"), desk.arrive(4)
    step = desk.scheduler.schedule()
    assert [sequence for sequence, _ in step.refused] == [bad]
    assert isinstance(step.refused[0][1], RequestError)
    assert step.admitted == [good, base]


def test_a_prompt_takes_over_what_an_earlier_one_began_with():
    desk = Desk(prefix_cache=True)
    first = desk.arrive(10)
    desk.step()
    desk.finish(first)
    second = desk.arrive(13)
    assert desk.step() == {second: 5}  # two full blocks of four were there
    assert desk.blocks.prefix_hit_tokens == 8


def test_a_prompt_is_never_taken_over_whole():
    desk = Desk(prefix_cache=True)
    desk.arrive(8)
    desk.step()
    second = desk.arrive(8)
    assert desk.step()[second] == 4


def test_nothing_is_taken_over_from_another_adapter_or_the_base():
    desk = Desk(prefix_cache=True)
    desk.arrive(10, "a")
    desk.step()
    base, other = desk.arrive(10), desk.arrive(10, "b")
    step = desk.step()
    assert (step[base], step[other]) == (10, 10)


def test_who_begins_like_a_prompt_that_is_being_read_waits_for_it_and_no_one_else_does():
    desk = Desk(prefix_cache=True)
    first, twin, stranger = desk.arrive(12), desk.arrive(13), desk.arrive(12, first=100)
    assert desk.step() == {first: 12, stranger: 12}
    assert desk.step() == {first: 1, stranger: 1, twin: 1}


def test_a_short_common_beginning_is_not_worth_waiting_for():
    desk = Desk(prefix_cache=True)
    first, second = desk.arrive(24), desk.arrive(24)
    second.token_ids[5:] = range(200, 219)
    assert desk.step() == {first: 24, second: 24}


def test_without_a_prefix_cache_twins_are_read_side_by_side():
    desk = Desk()
    first, twin = desk.arrive(12), desk.arrive(12)
    assert desk.step() == {first: 12, twin: 12}


def test_a_preempted_sequence_finds_its_own_blocks_again():
    desk = Desk(prefix_cache=True, num_blocks=6)
    first, second = desk.arrive(8), desk.arrive(8, first=50)
    while second in desk.scheduler.running or not desk.scheduler.preemptions:
        desk.step()
    desk.finish(first)
    assert desk.step()[second] < len(second)
