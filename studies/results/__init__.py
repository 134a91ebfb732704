"""The results of a study: as a table, as a file, and verified by computing cells again."""
