"""Parts of networks that several models share: attention, graphs, scans, norms, pooling."""
