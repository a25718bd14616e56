"""Checkpoints of self-supervised models, read without fairseq and without running what they hold.

`convert` turns a fairseq `.pt` or a Hugging Face folder into the dict that s3prl's `<family>_local`
upstreams read; `load_local` builds such an upstream from a file, trusting nothing in it.
"""

from .convert import convert, save
from .local import FAMILIES, Summary, family_of, load_local, summarise

__all__ = ["FAMILIES", "Summary", "convert", "family_of", "load_local", "save", "summarise"]
