"""The rule of a bucket that lets pages of your site upload to it and download from it (CORS)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chatkit.objects.origins import checked_origins
from chatkit_s3.client import Connection
from chatkit_s3.encryption import ALGORITHM_HEADER, KEY_HEADER
from chatkit_s3.errors import code_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CORSRuleOutputTypeDef, CORSRuleTypeDef

RULE = "chatkit-attachments"
"""The rule's id, by which it is found again."""


def cors_rule(origins: Iterable[str]) -> CORSRuleTypeDef:
    """What browsers need to follow the links of an ``S3AttachmentStore``, for these origins.

    Args:
        origins: Those of your pages, such as ``"https://example.com"``, or ``"*"``.

    Raises:
        TypeError: ``origins`` is a single string.
        ValueError: There is none, or one of them is no origin.
    """
    return {
        "ID": RULE,
        "AllowedOrigins": checked_origins(origins),
        "AllowedMethods": ["PUT", "GET", "HEAD"],
        "AllowedHeaders": ["content-type", "if-none-match", ALGORITHM_HEADER, KEY_HEADER],
        "MaxAgeSeconds": 3600,
    }


def apply_cors(
    bucket: str,
    origins: Iterable[str],
    *,
    region: str | None = None,
    endpoint_url: str | None = None,
    path_style: bool | None = None,
) -> None:
    """Give a bucket that rule, in place of an earlier one; other rules of the bucket stay.

    It blocks. Credentials are found where boto3 finds them; they need ``s3:GetBucketCORS`` and
    ``s3:PutBucketCORS``.

    Args:
        bucket: Its name.
        origins: As for ``cors_rule``.
        region: The bucket's region; boto3's settings by default.
        endpoint_url: Where a server other than Amazon's is; boto3's settings by default.
        path_style: Whether the bucket is in the path of URLs; by default if ``endpoint_url`` is
            given.

    Raises:
        botocore.exceptions.ClientError: The service refuses.
        botocore.exceptions.BotoCoreError: It cannot be reached, or there are no credentials.
        TypeError, ValueError: An argument is wrong.
    """
    rule = cors_rule(origins)
    client = Connection(region, endpoint_url, path_style).connect().client
    try:
        rules: list[CORSRuleOutputTypeDef | CORSRuleTypeDef] = [*_other_rules(client, bucket)]
        rules.append(rule)
        client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    finally:
        client.close()


def _other_rules(client: S3Client, bucket: str) -> list[CORSRuleOutputTypeDef]:
    try:
        found = client.get_bucket_cors(Bucket=bucket)["CORSRules"]
    except ClientError as error:
        if code_of(error) != "NoSuchCORSConfiguration":
            raise
        return []
    return [other for other in found if other.get("ID") != RULE]
