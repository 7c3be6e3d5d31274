"""Generated codecs of csae_a."""
