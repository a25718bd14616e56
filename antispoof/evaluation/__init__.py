"""What comes after a score: calibration, fusion, evaluation, comparison, ranks."""
