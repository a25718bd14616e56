"""A disk of a few bytes, where this machine allows it."""

import functools
import subprocess


@functools.cache
def mounter():
    """Words before a command that may mount; None where this machine allows it to nobody."""
    for words in (["unshare", "-m"], ["unshare", "-rm"]):
        trial = [*words, "mount", "-t", "tmpfs", "none", "/mnt"]
        if subprocess.run(trial, capture_output=True).returncode == 0:
            return words
    return None
