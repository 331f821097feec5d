"""``python -m chatkit_s3 cors``: the rules that browsers need, printed or applied."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from chatkit_s3.cors import apply_cors, cors_rule


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    given = _parser().parse_args(arguments)
    try:
        if given.apply:
            apply_cors(
                given.bucket,
                given.origin,
                region=given.region,
                endpoint_url=given.endpoint_url,
                path_style=given.path_style,
            )
        else:
            json.dump({"CORSRules": [cors_rule(given.origin)]}, sys.stdout, indent=2)
            sys.stdout.write("\n")
    except (ValueError, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chatkit_s3", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="cors")
    cors = commands.add_parser(
        "cors", description="Print the bucket's CORS configuration as JSON, or apply it."
    )
    cors.add_argument("bucket")
    cors.add_argument("--origin", action="append", required=True, help="of your pages; repeatable")
    cors.add_argument("--apply", action="store_true", help="add the rule to the bucket's own")
    cors.add_argument("--region")
    cors.add_argument("--endpoint-url", help="of a server other than Amazon's")
    cors.add_argument(
        "--path-style",
        action=argparse.BooleanOptionalAction,
        help="the bucket is in the path of URLs",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
