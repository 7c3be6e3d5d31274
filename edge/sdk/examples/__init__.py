"""Runnable examples: `python -m edge.sdk.examples.signals HOST:PORT`, `.advice` and `.route`."""
