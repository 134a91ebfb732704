"""Pages: the report of a study, and the live page of ``toymanifold explore``."""
