"""ChatKit attachments in Google Cloud Storage."""
