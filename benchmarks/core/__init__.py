"""What the server itself costs, beside the public SDK."""
