"""Generated codecs of csae_b."""
