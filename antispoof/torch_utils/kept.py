"""What is kept for a while, by one thread, so that it is not computed twice."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Kept:
    """`now` is a dict while `open` is open in this thread, and None before and after."""

    def __init__(self) -> None:
        self._own = threading.local()

    @property
    def now(self) -> dict[Any, Any] | None:
        """What this thread keeps."""
        return getattr(self._own, "kept", None)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Keep things until the outermost of these ends."""
        if self.now is not None:
            yield
            return
        self._own.kept = {}
        try:
            yield
        finally:
            self._own.kept = None
