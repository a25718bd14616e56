"""Files of a corpus: tables, sounds, archives, data directories; crops and the rule of seeds."""
