"""Which channel is whose."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.records import Correction, Metadata, Recording
from pipeline.settings import load_settings
from pipeline.speakers.channels import Speakers, speakers_by_channel


def recording(channels: int) -> Recording:
    return Recording(
        path=Path("call.wav"),
        source="call.wav",
        sha256="ab" * 32,
        samples=np.zeros((channels, 800), dtype=np.float32),
        sample_rate_hz=8000,
        source_rate_hz=8000,
        codec="pcm_s16le",
        container="wav",
    )


def speakers(
    channels: int = 2,
    *,
    given: int | None = None,
    in_metadata: int | None = None,
    setting: int = 0,
    codes: tuple[str, ...] = (),
) -> Speakers:
    return speakers_by_channel(
        recording(channels),
        Metadata(call_id="call", agent_channel=in_metadata),
        given,
        codes,
        load_settings(None, [f"speakers.agent_channel={setting}"]).speakers,
    )


@pytest.mark.parametrize(
    ("given", "in_metadata", "setting", "agent", "method", "confidence"),
    [
        (None, None, 0, 0, "channel_map", 0.8),  # the setting
        (None, None, 1, 1, "channel_map", 0.8),
        (None, 1, 0, 1, "metadata", 0.95),  # metadata over the setting
        (None, 0, 1, 0, "metadata", 0.95),
        (0, 1, 1, 0, "channel_map", 1.0),  # the user over all
        (1, 0, 0, 1, "channel_map", 1.0),
    ],
)
def test_precedence(
    given: int | None, in_metadata: int | None, setting: int, agent: int, method: str, confidence: float
) -> None:
    """The user knows better than metadata, metadata better than a setting; channel 0 is an answer too."""
    found = speakers(given=given, in_metadata=in_metadata, setting=setting)
    assert found.channel_of == {"agent": agent, "customer": 1 - agent}
    assert (found.separation.method, found.separation.role_method) == ("channels", method)
    assert found.separation.role_confidence == confidence
    assert found.separation.agent_label == f"channel_{agent}"


def test_a_correction_of_this_call_wins_over_the_batch() -> None:
    """A user who put one recording right is not overruled by what is said of the whole folder."""
    correction = Correction(sha256="0" * 64, agent_channel=1, agent_speech=())
    metadata = Metadata(call_id="a", agent_channel=0, correction=correction)
    found = speakers_by_channel(recording(2), metadata, 0, (), load_settings().speakers)
    assert found.channel_of == {"agent": 1, "customer": 0}
    assert found.separation.role_confidence == 1.0
    assert found.warnings == ()


@pytest.mark.parametrize(("channels", "codes"), [(1, ()), (2, ("dual_mono",)), (2, ("clipped", "dual_mono"))])
def test_one_channel_has_no_roles(channels: int, codes: tuple[str, ...]) -> None:
    """One channel, or one twice: nobody is called the agent, whatever is given, and a warning says so."""
    found = speakers(channels, given=1, in_metadata=0, codes=codes)
    assert found.channel_of == {"speaker_1": 0}
    assert (found.separation.method, found.separation.role_method) == ("single", "unknown")
    assert (found.separation.role_confidence, found.separation.agent_label) == (0.0, None)
    assert [warning.code for warning in found.warnings] == ["one_channel"]


def test_other_warnings_change_no_roles() -> None:
    """A clipped or noisy recording of two channels is still one of two speakers."""
    assert speakers(codes=("clipped", "low_snr", "dead_channel")) == speakers()
