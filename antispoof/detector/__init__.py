"""Any sound to a decision: windows, lines of results, streams, and what is not known of it."""
