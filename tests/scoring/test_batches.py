"""Loading: what a batch holds, row by row, in which order it comes, and how an error gets out."""

import itertools
import threading
import time

import numpy as np
import pytest
import torch

from antispoof.errors import UserError
from antispoof.scoring import batches as loading
from antispoof.scoring.batches import ahead, batches, collate, load

SHAPES = {"waveforms": [(5,), (8,), (1,)], "layers": [(2, 3, 4), (2, 6, 4), (2, 1, 4)]}


def items_of(kind):
    """[(x, length, index)] with lengths that are not the sizes, and indices in no order."""
    generator, found = torch.Generator().manual_seed(1), []
    for number, shape in enumerate(SHAPES[kind]):
        x = torch.randn(shape, generator=generator)
        found.append((x, 10 + number, 7 - 2 * number))
    return found


@pytest.mark.parametrize("kind", SHAPES)
def test_a_batch_holds_each_item_and_zeros_behind_it(kind):
    items = items_of(kind)
    batch, lengths, indices = collate(items)
    axis = 0 if kind == "waveforms" else 1
    longest = max(x.shape[axis] for x, _, _ in items)
    for row, (x, _, _) in zip(batch, items, strict=True):
        plain = np.zeros([longest if a == axis else size for a, size in enumerate(x.shape)])
        for place in itertools.product(*map(range, x.shape)):
            plain[place] = x[place]
        assert row.numpy().tolist() == plain.astype(np.float32).tolist()
    assert batch.dtype == torch.float32
    assert (lengths.tolist(), indices.tolist()) == ([10, 11, 12], [7, 5, 3])


@pytest.mark.parametrize("kind", SHAPES)
def test_windows_of_an_utterance_become_rows_in_their_order(kind):
    first, second, third = items_of(kind)
    nested = collate([[first, third], second, [third]])
    flat = collate([first, third, second, third])
    for ours, theirs in zip(nested, flat, strict=True):
        assert torch.equal(ours, theirs)


def test_a_batch_is_made_of_its_items_kind():
    batch, _, _ = collate([(torch.ones(2, dtype=torch.float64), 2, 0)])
    assert batch.dtype == torch.float64


class Numbers:
    """A data set whose item says which it is; it keeps what was asked for."""

    def __init__(self, count=11):
        self.count, self.asked = count, []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.asked.append(index)
        return torch.full((1 + index % 3,), float(index)), index + 100, index


@pytest.mark.parametrize(("order", "size"), [(range(11), 4), ([3, 1, 2, 9, 0], 2), ([5], 3)])
def test_batches_follow_the_order_and_the_last_is_smaller(order, size):
    order = list(order)
    found = [indices.tolist() for _, _, indices in batches(Numbers(), order, size)]
    assert found == [order[first : first + size] for first in range(0, len(order), size)]


def test_parts_of_any_size_come_as_they_are():
    parts = [[1], [4, 4, 2], [0, 10]]
    for part, (x, lengths, indices) in zip(parts, load(Numbers(), parts), strict=True):
        assert indices.tolist() == part
        assert lengths.tolist() == [index + 100 for index in part]
        assert [row[0].item() for row in x] == [float(index) for index in part]


def test_four_batches_at_most_are_loaded_before_the_second_is_wanted():
    numbers = Numbers()
    feed = load(numbers, [[index] for index in range(11)])
    next(feed)
    deadline = time.monotonic() + 10
    while len(numbers.asked) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert numbers.asked == [0, 1, 2, 3]  # one taken, two in line, one in hand
    feed.close()


def test_a_thread_loads_in_order_and_ends_with_its_reader():
    before = threading.active_count()
    assert list(ahead(range(50))) == list(range(50))
    assert list(ahead([])) == []
    assert list(ahead([0, "", False])) == [0, "", False], "what is empty is no end"
    feed = ahead(itertools.count())
    assert [next(feed) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert threading.active_count() == before + 1
    feed.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("error", [UserError("a.wav: is bad"), ValueError("no"), KeyError("k")])
def test_an_error_comes_after_what_was_loaded_before_it(error):
    def work():
        yield 1
        yield 2
        raise error

    feed = ahead(work())
    assert [next(feed), next(feed)] == [1, 2]
    with pytest.raises(type(error)) as caught:
        next(feed)
    assert caught.value is error


def fail_with(monkeypatch, error):
    class Loader:
        def __init__(self, *_, **__):
            pass

        def __iter__(self):
            raise error

    monkeypatch.setattr(torch.utils.data, "DataLoader", Loader)
    return list(load(Numbers(), [[0]], 0))


def test_errors_of_a_worker_become_one_line(monkeypatch):
    text = "Caught UserError in DataLoader worker process 0.\n  raise UserError(x)\n"
    with pytest.raises(UserError) as caught:
        fail_with(monkeypatch, UserError(f"{text}antispoof.errors.UserError: b.wav: is bad\n"))
    assert str(caught.value) == "b.wav: is bad"
    with pytest.raises(UserError, match=r"0 workers load data, and one was killed: out of memory"):
        fail_with(monkeypatch, RuntimeError("DataLoader worker (pid 3) is killed"))
    with pytest.raises(RuntimeError, match="shapes differ"):
        fail_with(monkeypatch, RuntimeError("shapes differ"))


def test_workers_have_one_thread_and_a_server_that_forks_them(monkeypatch):
    calls, preloaded = [], []

    class Loader(list):
        def __init__(self, inputs, **options):
            super().__init__(["a"])
            calls.append(options)

    class Context:
        set_forkserver_preload = preloaded.append

    contexts = []
    monkeypatch.setattr(torch.utils.data, "DataLoader", Loader)
    monkeypatch.setattr(
        torch.multiprocessing, "get_context", lambda kind: contexts.append(kind) or Context
    )
    threads = []
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    assert list(load(Numbers(), [[0]], 3)) == ["a"]
    assert list(load(Numbers(), [[0]])) == ["a"]
    many, none = calls
    assert (many["num_workers"], many["multiprocessing_context"]) == (3, Context)
    assert (none["num_workers"], none["multiprocessing_context"]) == (0, None)
    assert (contexts, preloaded) == (["forkserver"], [["antispoof.scoring.batches"]])
    assert many["collate_fn"] is loading.collate
    assert many["batch_sampler"] == [[0]]
    many["worker_init_fn"](2)
    assert threads == [1]


def test_batches_pass_the_workers_on(monkeypatch):
    calls = []
    monkeypatch.setattr(loading, "load", lambda *args: calls.append(args) or ["a"])
    assert list(batches("inputs", [4, 5, 6], 2, 3)) == ["a"]
    assert calls == [("inputs", [[4, 5], [6]], 3)]
