"""The results database: tables, transactions, where results come from, and maintenance."""
