"""Command line: `cola-ray train`, `cola-ray score` and `cola-ray sample`, for `ray job submit`."""

import argparse
import inspect
import json
import sys

from .errors import ColaRayError
from .sample import sample
from .score import score
from .train import train

_COMMANDS = {"train": train, "score": score, "sample": sample}


def main() -> int:
    parser = argparse.ArgumentParser(prog="cola-ray", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, function in _COMMANDS.items():
        command = commands.add_parser(name, help=(function.__doc__ or "").split("\n")[0])
        for option in inspect.signature(function).parameters.values():
            if option.name == "on_event":
                continue
            flag = f"--{option.name.replace('_', '-')}"
            if option.default is inspect.Parameter.empty:
                command.add_argument(flag, required=True, type=option.annotation)
            elif isinstance(option.default, bool):
                command.add_argument(flag, action=argparse.BooleanOptionalAction, default=option.default)
            else:
                command.add_argument(flag, type=option.annotation, default=option.default)
    given = vars(parser.parse_args())
    name = given.pop("command")
    # Events go to standard output, one JSON object a line.
    tell = {"on_event": lambda event: print(json.dumps(event), flush=True)} if name == "train" else {}
    try:
        print(json.dumps({"event": "end", **_COMMANDS[name](**given, **tell)}))
    except ColaRayError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
