"""What a detector opens: an experiment, a fusion, a pack or its address; and making packs."""
