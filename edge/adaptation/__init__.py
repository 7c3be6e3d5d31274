"""Makes a detector fit one site: quantised against its own float answers, or trained on the site's own pictures."""
