"""Asks Kubernetes' own JSON Schemas: for each line, an object, prints a line with what is wrong with it, or an empty one."""

import json
import sys

import kubernetes_validate

for line in sys.stdin:
    try:
        kubernetes_validate.validate(json.loads(line), sys.argv[1], strict=True)
        print()
    except kubernetes_validate.ValidationError as error:
        print(error.message.replace("\n", " "), "at", "/".join(map(str, error.path)))
