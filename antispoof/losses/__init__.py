"""What training minimises, and the last layers that some losses need in place of a model's own."""
