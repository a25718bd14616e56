"""Partial spoofs of the embedded corpus: a spoofed phrase inside a person's recording."""
