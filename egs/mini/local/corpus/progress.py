"""Progress of a long job: a bar on a terminal, a line now and then in a log."""

import sys
import time

EVERY = 30  # seconds between lines in a log


class Progress:
    """Counts to `total`; `step()` once for each thing done, from one thread."""

    def __init__(self, total, what):
        self.total, self.what, self.done = total, what, 0
        self.start = self.said = time.monotonic()
        self.bar = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, desc=what, unit="", smoothing=0.05)

    def step(self, count=1):
        """Count `count` more."""
        self.done += count
        if self.bar is not None:
            self.bar.update(count)
        elif time.monotonic() - self.said >= EVERY:
            self._line()

    def close(self):
        """End the bar, or say the last line."""
        if self.bar is not None:
            self.bar.close()
        else:
            self._line()

    def _line(self):
        self.said = time.monotonic()
        seconds = self.said - self.start
        print(
            f"{self.what}: {self.done}/{self.total} in {seconds:.0f} s", file=sys.stderr, flush=True
        )
