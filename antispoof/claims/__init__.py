"""Published claims: what they need trained, what was measured, and the verdict."""
