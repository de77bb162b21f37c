import json
import sys

records = json.load(sys.stdin)
for record in records:
    record["total"] = sum(record.pop("marks"))
print(json.dumps(records, ensure_ascii=False, sort_keys=True))
print(json.dumps({"a": [1, 2.5, None, True], "é": "\n\"\\"}, indent=2))
print(json.loads('{"big": 123456789012345678901234567890, "exp": 1e3, "e": "\\ud83c\\udf89"}'))
try:
    json.loads("{'single': 1}")
except json.JSONDecodeError as error:
    print(error)
