"""V2X message sets: schema, codec, one dialect a file, framings."""
