"""Finds what must not be kept in what was said, and takes it out of words, quotes and sound."""
