"""A record of what a program puts on the disk and renames, in order; the files are real."""

import os
from pathlib import Path


class Order:
    """Lines ("fsync", path) and ("rename", path, name) of this process, from `monkeypatch` on."""

    def __init__(self, monkeypatch, folder):
        self.lines, self.folder = [], folder
        fsync, replace = os.fsync, os.replace

        def sync(number):
            fsync(number)
            self.lines.append(("fsync", self.short(os.readlink(f"/proc/self/fd/{number}"))))

        def rename(old, new):
            replace(old, new)
            self.lines.append(("rename", self.short(old), self.short(new)))

        monkeypatch.setattr(os, "fsync", sync)
        monkeypatch.setattr(os, "replace", rename)
        monkeypatch.setattr(Path, "replace", rename)
        monkeypatch.setattr(Path, "rename", rename)

    def short(self, path):
        return os.path.relpath(path, self.folder)

    def of(self, name):
        """The place in the record where `name` got its name, with what was synced just before."""
        place = next(
            n for n, line in enumerate(self.lines) if line[0] == "rename" and line[2] == name
        )
        before, after = self.lines[:place], self.lines[place + 1 :]
        assert ("fsync", self.lines[place][1]) in before, f"{name} was renamed before it was synced"
        assert ("fsync", os.path.dirname(name) or ".") in after, f"the name {name} was not synced"
        return place, place + 1 + after.index(("fsync", os.path.dirname(name) or "."))
