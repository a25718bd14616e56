"""Jobs as tasks of a scheduler's arrays: submitted, watched, judged, cancelled.

A task is judged by the status that it writes itself, then by the scheduler's states. One that was
lost is submitted again. Work of a killed launcher is found: see antispoof.launcher.records.
"""

import contextlib
import os
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from ..errors import UserError
from . import records
from .adoption import adopt
from .array import Array, new_array
from .cancelling import cancel
from .cluster import Cluster
from .job import Job, Request
from .scheduler import Away, Scheduler, State
from .talk import Talk, say
from .tries import Tries
from .verdicts import Verdict, judge
from .watching import Ended, clear, note_signals, show


def run(jobs: Sequence[Job], request: Request, cluster: Cluster, scheduler: Scheduler) -> list[Job]:
    """Run `jobs` on a cluster while the parent lives; returns the failed, after which none begins.

    Raises SystemExit where a signal ends the launcher, and UserError where they can never begin;
    nothing of them is in the scheduler's queue then. Other errors leave the tasks at work.
    """
    ended, size = note_signals(), cluster.conf["array"]
    for start in range(0, len(jobs), size):
        watch = Watch(jobs[start : start + size], request, cluster, scheduler, ended)
        try:
            watch.find()
            watch.work()
        except (UserError, SystemExit):
            watch.cancel()
            raise
        except Exception:  # a full disk; the tasks may be well
            watch.leave()
            raise
        finally:
            with contextlib.suppress(OSError):  # a terminal that is gone
                clear()
        if watch.failed:
            return watch.failed
    return []


class Watch:
    """The open jobs of a call, each in an array, and what is known of them."""

    def __init__(
        self,
        jobs: Sequence[Job],
        request: Request,
        cluster: Cluster,
        scheduler: Scheduler,
        ended: Ended,
    ) -> None:
        self.request, self.cluster, self.scheduler, self.ended = request, cluster, scheduler, ended
        self.flags = cluster.flags(request)
        self.jobs, self.tries = list(jobs), Tries(jobs, cluster.retries(request))
        self.arrays: list[Array] = []
        self.failed: list[Job] = []
        self.seen: dict[Job, float] = {}  # since when a task is over without having said so
        self.never: set[Job] = set()
        self.talk = Talk(scheduler, self.heed)
        self.unheard: list[Array] = []  # whose waiting tasks are still to be cancelled
        self.stopping, self.asked, self.began = False, 0.0, time.monotonic()

    def find(self) -> None:
        """Take over what a killed launcher left and is worth it; submit the rest."""
        self.arrays = adopt(self.jobs, self.flags, self.talk, self.ended)
        for array in self.arrays:
            self.tries.begin(array.jobs.values())
            say(f"waits for {len(array.jobs)} tasks that were submitted before")
        left = [job for job in self.jobs if not self.tries.submitted[job]]
        if left:
            self.submit(left)

    def submit(self, jobs: Sequence[Job]) -> None:
        """Submit jobs as an array, as soon as the scheduler answers."""
        self.tries.begin(jobs)
        for job in jobs:
            self.seen.pop(job, None)
        array = new_array(jobs, self.tries.submitted, self.request.nodes)
        try:
            records.write(array, self.flags, self.scheduler.name)
        except OSError:
            records.forget(array)
            raise
        self.arrays.append(array)
        states = partial(self.scheduler.states, array.name, "")
        while True:
            self.heed()
            known = self.talk.ask(states) if self.talk.away else {}
            if known:  # it was submitted, and nobody said so
                return
            try:
                if known is not None:
                    array.submit(self.scheduler, self.flags, min(self.request.slots, len(jobs)))
                    return self.talk.heard()
            except Away as error:
                self.talk.unheard(error)
            except UserError:  # refused: there is nothing to cancel
                records.forget(array)
                self.arrays.remove(array)
                raise
            time.sleep(1)

    def work(self) -> None:
        """Watch until every job is judged."""
        pause = 0.05
        while self.arrays:
            self.heed()
            show([job for array in self.arrays for job in array.jobs.values()])
            lost = self.look()
            if lost and not self.stopping:
                say(self.tries.said_of(lost))
                self.submit(lost)
            if self.failed:
                self.stop()
            time.sleep(pause)
            pause = min(pause * 1.2, self.cluster.conf["poll"]["files"])

    def heed(self) -> None:
        if self.request.parent and os.getppid() != self.request.parent:
            self.ended.append(143)
        if self.ended:
            raise SystemExit(self.ended[0])

    def look(self) -> list[Job]:
        """Judge what can be judged now; returns the jobs that are to be submitted again."""
        poll, now = self.cluster.conf["poll"], time.monotonic()
        ended = {array: array.ended() for array in self.arrays}
        bad = any(one["status"] for found in ended.values() for one in found.values())
        gap = min(poll["most"], max(poll["least"], (now - self.began) / 20))
        states: dict[Array, dict[int, State] | None] = dict.fromkeys(self.arrays)
        if now - self.asked >= (poll["least"] if bad else gap):
            for array in self.arrays:
                if array.jobs.keys() - {i for i, one in ended[array].items() if not one["status"]}:
                    states[array] = self.talk.ask(
                        partial(self.scheduler.states, array.name, array.number)
                    )
            self.asked = time.monotonic()
            if any(states.values()):  # what a task wrote is there before the scheduler knows
                ended = {array: array.ended() for array in self.arrays}
        lost = []
        for array, found in ended.items():
            for index, job in list(array.jobs.items()):
                known, gone = states[array], State("GONE", over=True, lost=True)
                state = None if known is None else known.get(index, gone)
                verdict = self.judge(array, index, job, found.get(index), state)
                if verdict:
                    lost += self.settle(job, verdict)
                    del array.jobs[index]
            if not array.jobs:
                records.clear(array)
                self.arrays.remove(array)
        return lost

    def judge(
        self, array: Array, index: int, job: Job, ended: Any, state: State | None
    ) -> Verdict | None:
        if state and not state.over:
            self.seen.pop(job, None)
            if state.never and job in self.never:
                self.refuse(array, state)
            (self.never.add if state.never else self.never.discard)(job)
        elif state:
            self.seen.setdefault(job, time.monotonic())
        late = time.monotonic() - self.seen.get(job, time.monotonic()) >= self.cluster.conf["late"]
        said = self.scheduler.meaning(array.said(index)) if state else ""
        return judge(ended, state, said, late)

    def settle(self, job: Job, verdict: Verdict) -> list[Job]:
        """Note what became of a job; returns it where it is to be submitted again."""
        job.reason, job.silent = verdict.reason, not verdict.ended
        again = self.tries.again(job, verdict)
        if not again and not (self.stopping and (verdict.cancelled or verdict.lost)):
            if job.silent:  # nobody else can say so in its log
                with open(job.log, "a", encoding="utf-8") as log:
                    log.write(f"# ended without a status: {verdict.reason}\n")
            job.settle(verdict.status)
            self.failed += [job] if job.status else []
        records.remove(job)  # last: where the disk is full, another launcher finds the task by it
        return [job] if again else []

    def stop(self) -> None:
        """After a failure: what has not begun never does. Said until the scheduler hears it."""
        if not self.stopping:
            self.stopping, self.unheard = True, list(self.arrays)
        for array in list(self.unheard):
            if array not in self.arrays or self.talk.ask(partial(self.hold_back, array)):
                self.unheard.remove(array)

    def hold_back(self, array: Array) -> bool:
        self.scheduler.cancel(array.name, array.number, array.part(), waiting=True)
        return True

    def leave(self) -> None:
        """Say where the tasks are named that go on without this launcher."""
        left = [job for array in self.arrays for job in array.jobs.values()]
        if left:
            say(
                f"{len(left)} tasks go on without this launcher: {records.path_of(left[0])} "
                "names the first; the same call waits for them"
            )

    def refuse(self, array: Array, state: State) -> None:
        raise UserError(
            f"{self.cluster.path}: {self.scheduler.name} says {state.reason}: job "
            f"{array.number or array.name} can never begin, and is cancelled; "
            f"it asked for {' '.join(self.flags) or 'nothing'}"
        )

    def cancel(self) -> None:
        """Cancel what is in the queue, and see that it is gone."""
        left = cancel(self.arrays, self.scheduler, self.ended)
        for array in self.arrays:
            if array in left:
                hand = self.scheduler.by_hand(array.name, array.part())
                say(f"some of {len(array.jobs)} tasks may still be there; cancel them: {hand}")
            else:
                records.forget(array)
