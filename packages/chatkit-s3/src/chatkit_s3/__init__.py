"""ChatKit attachments in Amazon S3 or a server that speaks its protocol: ``S3AttachmentStore``.

store.py       the class
objects.py     the bucket as an object storage (``chatkit.objects.Objects``), off the event loop
bucket.py      the calls that it takes, one after the other
copying.py     how objects are copied, large ones in parts
encryption.py  how S3 is asked to encrypt
errors.py      what S3 answers instead of doing what it was asked
client.py      boto3's client: built when it is first needed
cors.py        the rules that browsers need; ``python -m chatkit_s3 cors`` prints or applies them
"""

from chatkit_s3.cors import apply_cors, cors_rule
from chatkit_s3.store import S3AttachmentStore

__all__ = ["S3AttachmentStore", "apply_cors", "cors_rule"]
