"""ChatKit attachments in a Google Cloud Storage bucket: ``GCSAttachmentStore``.

store.py     the class
objects.py   the bucket as an object storage (``chatkit.objects.Objects``)
driver.py    google-cloud-storage: imported late, called in threads, ending in time
signing.py   who signs links: a key in this process, or Google's IAM
cors.py      the rule that browsers need; ``python -m chatkit_gcs cors`` prints or applies it
"""

from chatkit_gcs.cors import apply_cors, cors_rule
from chatkit_gcs.store import GCSAttachmentStore

__all__ = ["GCSAttachmentStore", "apply_cors", "cors_rule"]
