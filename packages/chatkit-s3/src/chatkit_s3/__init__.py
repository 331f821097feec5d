"""ChatKit attachments in S3 or anything that speaks it."""
