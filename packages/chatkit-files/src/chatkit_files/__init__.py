"""ChatKit attachments in a local folder."""
