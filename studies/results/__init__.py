"""A study's stored outcomes: as a table, as a file, and computed again to verify them."""
