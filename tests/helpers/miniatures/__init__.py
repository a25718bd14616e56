"""Corpora in small, one module each; see ../miniature.py."""
