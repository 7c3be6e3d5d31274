"""Signal controller drivers."""
