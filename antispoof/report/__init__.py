"""Results of experiments as tables, pictures and one self-contained page."""
