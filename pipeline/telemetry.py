"""What libraries would tell their makers, switched off before they are imported."""

import os

OFF = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # onnxruntime reports the machine to Microsoft and keeps what it could not send in ~/.cache/Microsoft
    "ORT_DISABLE_TELEMETRY": "1",
    "PYANNOTE_METRICS_ENABLED": "0",
}
"""Variables of the environment; what the user has set is left alone."""


def switch_off() -> None:
    """For this process and those that it starts."""
    for name, value in OFF.items():
        os.environ.setdefault(name, value)
