"""Pre-training of a small HuBERT from nothing."""
