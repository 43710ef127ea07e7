"""Networks trained side by side: one a process, each on one thread, into the store they share."""

import concurrent.futures
import multiprocessing
import os
from collections.abc import Callable, Sequence
from typing import Any

Tell = Callable[[int, int], None]
"""Told (done, total) steps of one training."""
Progress = Callable[[int, int, str], None]
"""Told (done, total, label) of all."""


def train(
    one: Callable[..., None],
    tasks: Sequence[tuple[Any, ...]],
    steps: int,
    workers: int,
    progress: Progress,
    label: str,
) -> None:
    """Run ``one(*task, tell)`` for each task, in processes that end with this one.

    Args:
        one: a function of a module; what it makes it stores.
        tasks: its arguments, which can be pickled.
        steps: of each training.
        workers: processes at a time.
        progress: told every five seconds at least, of the steps of all together.
        label: what is trained.
    """
    context = multiprocessing.get_context("spawn")
    done = context.Value("q", 0)
    pool = concurrent.futures.ProcessPoolExecutor(workers, context, _count_into, (done,))
    try:
        left = {pool.submit(_run, one, task) for task in tasks}
        while left:
            ended, left = concurrent.futures.wait(left, 5, concurrent.futures.FIRST_COMPLETED)
            for task in ended:
                task.result()
            progress(done.value, len(tasks) * steps, f"{len(tasks)} {label}, {workers} at a time")
    finally:
        pool.shutdown(cancel_futures=True)


_steps: Any = None  # of this process's pool together


def _count_into(steps: Any) -> None:
    """Begin a process of a pool."""
    global _steps
    _steps = steps


def _run(one: Callable[..., None], task: tuple[Any, ...]) -> None:
    """One task, in a process of a pool."""
    known = 0
    parent = multiprocessing.parent_process()

    def tell(done: int, _: int) -> None:
        nonlocal known
        if parent and not parent.is_alive():
            os._exit(1)  # killed; the checkpoint is there, and an exception would stay in the pool
        with _steps.get_lock():
            _steps.value += done - known
        known = done

    one(*task, tell)
