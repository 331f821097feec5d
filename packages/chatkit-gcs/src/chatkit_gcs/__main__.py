"""``python -m chatkit_gcs cors``: the rule that browsers need, printed or applied."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from chatkit_gcs.cors import apply_cors, cors_rule
from chatkit_gcs.driver import driver_errors


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    given = _parser().parse_args(arguments)
    refusals: tuple[type[Exception], ...] = (ValueError, *driver_errors())
    try:
        if given.apply:
            apply_cors(given.bucket, given.origin, endpoint_url=given.endpoint_url)
        else:
            json.dump([cors_rule(given.origin)], sys.stdout, indent=2)
            sys.stdout.write("\n")
    except refusals as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chatkit_gcs", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="cors")
    cors = commands.add_parser(
        "cors",
        description="Print the bucket's CORS configuration as JSON, as 'gcloud storage buckets "
        "update --cors-file' takes it, or apply it.",
    )
    cors.add_argument("bucket")
    cors.add_argument("--origin", action="append", required=True, help="of your pages; repeatable")
    cors.add_argument("--apply", action="store_true", help="add the rule to the bucket's own")
    cors.add_argument("--endpoint-url", help="of a service other than Google's")
    return parser


if __name__ == "__main__":
    sys.exit(main())
