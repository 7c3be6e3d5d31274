"""Generated codecs of j2735."""
