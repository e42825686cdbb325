#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Validates *.json of a folder against a JSON schema, twice: as shipped, and with every key that the schema does not
list forbidden. Consumers must ignore keys they do not know, but the schema that we ship has to know all of ours."""
import copy
import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    sys.exit("python3-jsonschema is missing: apt-get install python3-jsonschema")


def forbid_unknown_keys(schema):
    """In place: objects that list their keys allow no others."""
    if isinstance(schema, dict):
        if "properties" in schema and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
        for value in schema.values():
            forbid_unknown_keys(value)
    elif isinstance(schema, list):
        for value in schema:
            forbid_unknown_keys(value)
    return schema


def main(schema_path, folder):
    schema = json.loads(pathlib.Path(schema_path).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    strict = forbid_unknown_keys(copy.deepcopy(schema))
    files = sorted(pathlib.Path(folder).glob("*.json"))
    if not files:
        sys.exit(f"no *.json in {folder}")
    failures = 0
    for path in files:
        document = json.loads(path.read_text(encoding="utf-8"))
        for name, rules in (("shipped", schema), ("strict", strict)):
            for error in jsonschema.Draft202012Validator(rules).iter_errors(document):
                failures += 1
                where = "/".join(str(step) for step in error.absolute_path)
                print(f"{path.name} ({name}): {where}: {error.message[:300]}", file=sys.stderr)
    # The schema must be able to say no: a document without one of its keys is invalid at every level that we try.
    document = json.loads(files[0].read_text(encoding="utf-8"))
    parts = [key for key, value in document.items() if isinstance(value, dict) and schema["properties"][key].get("required")]
    for path in [[], *([part] for part in parts)]:
        broken = copy.deepcopy(document)
        part = broken
        for step in path:
            part = part[step]
        part.pop(next(iter(part)))
        if jsonschema.Draft202012Validator(schema).is_valid(broken):
            failures += 1
            print(f"a missing key of {path or 'the document'} went unnoticed", file=sys.stderr)
    print(f"{len(files)} documents, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
