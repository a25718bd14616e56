"""What a trained model's surroundings look like: curvature, gradients, weights, features."""
