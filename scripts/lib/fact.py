#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the facts that scripts/lab writes (a JSON object a line).

fact.py FILE get FACT KEY    one value of the first fact of that name
fact.py FILE truth           what the last fact says happened, in one line of words
"""

import json
import pathlib
import sys


def said(values: list[float], unit: str) -> str:
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"


def truth(done: dict) -> str:
    failures = done.get("failures") or []
    if not failures and done.get("story"):
        return done["story"]
    parts = [f"{done.get('failed', len(failures))} of {done.get('ok', 0) + done.get('failed', 0)} calls failed"]
    messages = sorted({f"{f['error_class']}: {f['error_message']}" for f in failures if f.get("error_message")})
    parts += [f'the client saw "{message}"' for message in messages[:2]]
    after = [f["after_s"] for f in failures if isinstance(f.get("after_s"), (int, float))]
    if after:
        parts.append(f"after {said(after, 's')}")
    if done.get("resets_made"):
        parts.append(f"{done['resets_made']} resets sent by the server")
    ports = sorted(str(f["local_port"]) for f in failures if f.get("local_port"))
    if ports:
        parts.append(f"local ports {', '.join(ports[:8])}")
    return "; ".join(parts)


def main(path: str, verb: str, *words: str) -> int:
    facts = [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
    if verb == "get":
        name, key = words
        print(next(fact for fact in facts if fact["fact"] == name)[key])
    else:
        print(truth(facts[-1]))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
