"""Where things are that no recipe names."""

import os
from pathlib import Path

import pytest

from antispoof.errors import UserError
from antispoof.paths import cache_folder


def test_the_cache_is_the_users(monkeypatch):
    monkeypatch.setenv("ANTISPOOF_CACHE", "/said/by a recipe")
    assert cache_folder() == Path("/said/by a recipe")
    monkeypatch.delenv("ANTISPOOF_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert cache_folder() == Path("/c/antispoof")
    monkeypatch.setenv("HOME", "/h")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_folder() == Path("/h/.cache/antispoof")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path("/h/.cache/antispoof")
    monkeypatch.delenv("HOME")  # the system knows where this user is at home, or it does not
    assert cache_folder().name == "antispoof"
    monkeypatch.setattr(os, "getuid", lambda: 43210)
    with pytest.raises(
        UserError, match="HOME is not set; set it, or name a folder: ANTISPOOF_CACHE=DIR"
    ):
        cache_folder()
