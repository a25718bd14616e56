"""From an experiment to a model of ONNX: what ONNX Runtime computes without torch."""
