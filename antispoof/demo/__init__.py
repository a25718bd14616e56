"""A page on this machine: a sound that is dropped or recorded, and what a detector says of it."""
