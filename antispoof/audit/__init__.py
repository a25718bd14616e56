"""What a corpus gives away without speech: one cue at a time."""
