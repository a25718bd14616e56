"""Augmentation of waveforms: what is drawn stands apart from the arithmetic."""
