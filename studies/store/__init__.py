"""The results database: tables, transactions, provenance and maintenance."""
