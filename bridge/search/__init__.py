"""Search over everything one may see: the query language, the index, and what brings them together."""
