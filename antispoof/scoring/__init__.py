"""From a config to scores, without training: inputs, batches, the model, what it costs."""
