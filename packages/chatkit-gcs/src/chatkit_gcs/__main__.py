"""``python -m chatkit_gcs cors BUCKET --origin https://chat.example.com [--apply]``

Prints the CORS rules that browsers need, as JSON for ``gcloud storage buckets update
--cors-file``; with ``--apply``, puts them before those that the bucket has.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from chatkit_gcs.cors import apply_cors, cors_rules
from chatkit_gcs.driver import driver_errors, new_client


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    options = _options(arguments)
    try:
        rules = cors_rules(options.origin)
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command
        return 2
    print(json.dumps(rules, indent=2))  # noqa: T201
    return _apply(options) if options.apply else 0


def _apply(options: argparse.Namespace) -> int:
    try:
        client = new_client(options.endpoint)
        try:
            apply_cors(client.bucket(options.bucket), options.origin)
        finally:
            client.close()
    except driver_errors() as error:
        print(f"not applied: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"applied to the bucket {options.bucket}", file=sys.stderr)  # noqa: T201
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chatkit_gcs")
    commands = parser.add_subparsers(required=True)
    cors = commands.add_parser("cors", help="print the CORS rules that browsers need")
    cors.add_argument("bucket", help="the bucket's name")
    cors.add_argument(
        "--origin",
        action="append",
        required=True,
        help="of the pages that upload, such as https://chat.example.com; may be repeated",
    )
    cors.add_argument("--apply", action="store_true", help="set them on the bucket, too")
    cors.add_argument("--endpoint", help="where the service is, if not at Google")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
