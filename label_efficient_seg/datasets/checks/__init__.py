"""Checks of what the streams of a config will read."""
