"""What the SQLite store costs, beside a plain one and a store of another kind of conversation."""
