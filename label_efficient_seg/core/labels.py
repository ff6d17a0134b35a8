"""Label values with a fixed meaning."""

IGNORE = 255
"""Label that void and padded pixels have in memory, whatever value the mask files use."""
