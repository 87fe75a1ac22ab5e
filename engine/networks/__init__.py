"""Networks of our own that packs hold: each is a folder of a configuration and weights."""
