"""Generated codecs of etsi."""
