#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Validates each line of *.ndjson of a folder against the schema of events, which refers to that of reports; as shipped
and with every key forbidden that the schemas do not list. The first line is the start, the last one the report."""
import copy
import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    sys.exit("python3-jsonschema is missing: apt-get install python3-jsonschema")

sys.dont_write_bytecode = True  # the source tree stays as it is
from validate_schema import forbid_unknown_keys


def refer(schema, prefixes):
    """In place: references that begin with a key of `prefixes` begin with its value."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                old = next(prefix for prefix in prefixes if value.startswith(prefix))
                schema[key] = prefixes[old] + value[len(old):]
            else:
                refer(value, prefixes)
    elif isinstance(schema, list):
        for value in schema:
            refer(value, prefixes)


def validator(event_schema, report_schema):
    """Of both schemas as one, so that nothing has to be looked up by its name."""
    whole, part = copy.deepcopy(event_schema), copy.deepcopy(report_schema)
    refer(whole, {"urn:tcpdiag:report:1#": "#/$defs/whole_report", "urn:tcpdiag:report:1": "#/$defs/whole_report",
                  "#": "#"})
    refer(part, {"#": "#/$defs/whole_report"})
    del part["$id"]
    whole["$defs"]["whole_report"] = part
    return jsonschema.Draft202012Validator(whole)


def main(event_path, report_path, folder):
    schemas = [json.loads(pathlib.Path(path).read_text(encoding="utf-8")) for path in (event_path, report_path)]
    for schema in schemas:
        jsonschema.Draft202012Validator.check_schema(schema)
    shipped = validator(*schemas)
    strict = validator(*(forbid_unknown_keys(copy.deepcopy(schema)) for schema in schemas))
    failures = 0

    def fail(message):
        nonlocal failures
        failures += 1
        print(message, file=sys.stderr)

    files = sorted(pathlib.Path(folder).glob("*.ndjson"))
    if not files:
        sys.exit(f"no *.ndjson in {folder}")
    for path in files:
        lines = [json.loads(line) for line in path.read_text(encoding="ascii").split("\n")[:-1]]
        types = [line["type"] for line in lines]
        if types[0] != "start" or types[-1] != "report" or set(types[1:-1]) - {"event", "dropped"}:
            fail(f"{path.name}: lines in this order: {types}")
        for number, line in enumerate(lines, 1):
            for name, rules in (("shipped", shipped), ("strict", strict)):
                error = jsonschema.exceptions.best_match(rules.iter_errors(line))
                if error is not None:
                    where = "/".join(str(step) for step in error.absolute_path)
                    fail(f"{path.name}:{number} ({name}): {where}: {error.message[:300]}")
            for key in line:  # the schema must be able to say no
                if shipped.is_valid({k: v for k, v in line.items() if k != key}):
                    fail(f"{path.name}:{number}: a missing {key} went unnoticed")
    print(f"{len(files)} files, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
