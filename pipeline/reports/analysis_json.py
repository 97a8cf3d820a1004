"""``analysis.json``: the analysis as a document, and back."""

import json
import math
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from pipeline.errors import InputRejected
from pipeline.records import SCHEMA_VERSION, Analysis

DECIMALS = 3
EXACT = ("thresholds[", "texts[")
_ADAPTER: TypeAdapter[Analysis] = TypeAdapter(Analysis)


def dumps(analysis: Analysis) -> bytes:
    """The document as UTF-8 JSON: floats with three decimals, keys in the order of the records.

    Raises:
        ValueError: naming the key that holds NaN or infinity, which JSON has no word for, or a value that
            the schema does not allow: what is written can be read.
    """
    rounded = _plain(_ADAPTER.dump_python(analysis, warnings="none"), "")
    tree = _ADAPTER.dump_python(_ADAPTER.validate_python(rounded))
    text = json.dumps(tree, ensure_ascii=False, allow_nan=False, indent=1)
    return (text + "\n").encode("utf-8", "replace")


def loads(content: bytes) -> Analysis:
    """The analysis in ``content``.

    Raises:
        InputRejected: not JSON, another schema version, unknown or missing keys, wrong types.
    """
    try:
        tree = json.loads(content)
    except RecursionError as error:
        raise InputRejected("analysis.json: is nested too deeply; analyze the call again") from error
    except ValueError as error:
        raise InputRejected(f"analysis.json: is not JSON ({error}); analyze the call again") from error
    if not isinstance(tree, dict):
        raise InputRejected("analysis.json: expected one JSON object; analyze the call again")
    version = tree.get("schema_version")
    if version != SCHEMA_VERSION:
        raise InputRejected(
            f"analysis.json: schema_version is {version!r}, this version reads {SCHEMA_VERSION!r}; "
            "analyze the call again"
        )
    try:
        return _ADAPTER.validate_json(content)
    except ValidationError as error:
        raise InputRejected(f"analysis.json: {_explain(error)}") from error


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    schema = _ADAPTER.json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _plain(value: Any, key: str) -> Any:
    """``value`` as JSON types, floats rounded; ``key`` is where it stands, for the error."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dict):
        return {name: _plain(item, f"{key}.{name}" if key else str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{key}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{key} is {value}: what could not be measured must be None")
        if key.startswith(EXACT):
            return value  # a setting of 0.0004 must not read 0.0
        return round(value, DECIMALS) + 0.0  # no minus zero
    return value


def _explain(error: ValidationError) -> str:
    problems = error.errors(include_url=False)
    first = problems[0]
    where = ".".join(str(part) for part in first["loc"]) or "the document"
    message = "is not a known key" if first["type"] == "unexpected_keyword_argument" else first["msg"]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{where}: {message}{more}"
