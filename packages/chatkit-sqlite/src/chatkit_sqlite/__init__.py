"""A durable ChatKit store in one SQLite file."""
