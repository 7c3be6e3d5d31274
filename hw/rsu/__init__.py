"""Radio drivers: out to the road, and in from it."""
