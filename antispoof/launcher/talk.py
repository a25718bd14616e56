"""How a launcher talks with a scheduler that may not answer, and what it says of that."""

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Any

from ..errors import UserError
from .scheduler import Away, Scheduler

PATIENCE = 600.0  # seconds in which an error that nobody knows counts as no answer


class Talk:
    """Questions to a scheduler; `heed` raises where the launcher is to end.

    away: it did not answer the last question.
    """

    def __init__(self, scheduler: Scheduler, heed: Callable[[], None]) -> None:
        self.scheduler, self.heed, self.away = scheduler, heed, False
        self.odd = 0.0  # since when it says what nobody knows

    def ask(self, question: Callable[[], Any], wait: bool = False) -> Any:
        """The answer to a question; None where nobody answers and there is no wait.

        Tasks of days do not end because of an error that a standby controller or a broken
        authentication has words of its own for. Raises UserError where it lasts.
        """
        while True:
            try:
                found = question()
            except Away as error:
                self.unheard(error)
            except UserError as error:
                self.odd = self.odd or time.monotonic()
                if time.monotonic() - self.odd > PATIENCE:
                    raise
                self.unheard(error)
            else:
                self.heard()
                return found
            if not wait:
                return None
            self.heed()
            time.sleep(1)

    def heard(self) -> None:
        """Note an answer; said once, where there was none before."""
        if self.away:
            say("it answers again")
        self.away, self.odd = False, 0.0

    def unheard(self, why: Exception) -> None:
        """Note that nobody answers; said once."""
        if not self.away:
            say(f"{self.scheduler.name} does not answer, waits for it: {why}")
        self.away = True


def say(text: str) -> None:
    """Say something of the cluster; a terminal may be gone."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"  cluster: {text}\n")
