"""The parts of the trainer: losses, optimisers, the rule that selects, processes, checkpoints."""
