"""Settings: one frozen model, whose defaults are ``configs/default.yaml``.

Precedence, highest first: ``--set``, ``CALLCOACH_*`` variables, the user's file, the defaults. Unknown
keys and values out of range are refused with a message that names the key. Marks of sources: [lit]
literature, [ex] measured on real 8 kHz calls, [our] our choice.
"""

import difflib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeGuard, cast, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings.exceptions import SettingsError as UnreadableVariable

from pipeline.errors import SettingsError
from pipeline.records import SecretKind, Threshold

CONFIG_DIR = Path(__file__).resolve().parent.parent / "configs"
ENVIRONMENT_PREFIX = "CALLCOACH_"
NESTING = "__"
NO_PART_OF_A_RESULT = ("decoding", "site", "batch", "notify", "models", "store", "privacy")
"""Sections that leave an analysis as it is."""
JUDGED_BY = (
    *("voice_checks.", "acts.", "output."),
    *(
        "rate.slow_",
        "rate.band_",
        "rate.fast_",
        "rate.very_fast_",
        "rate.guidance_",
        "rate.nuclei_disagreement_",
    ),
)
"""Beginnings of the settings by which what was measured is judged or shown, without the sound."""
OLDEST_DAYS = 36_525
"""A hundred years: the longest limit of a call's age, in days."""
STORE_URL = re.compile(r"(sqlite(\+pysqlite)?|postgresql(\+psycopg)?)://")
PASSWORD = re.compile(r"(?<=://)([^:]*):.*@")
HOST = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(:\d*)?")
EMPTY = "the value is empty; write null to switch it off, or leave it out for the default"


def setting(meaning: str, *, unit: str = "", source: str = "[our]", **bounds: Any) -> Any:
    """A required field (its default is in the YAML) with its meaning, unit, source and bounds."""
    return Field(description=meaning, json_schema_extra={"unit": unit, "source": source}, **bounds)


JUDGE_KEY_VARIABLE = f"{ENVIRONMENT_PREFIX}JUDGE_API_KEY"
"""The one secret; as it is no setting, nothing prints or keeps it."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class AudioSettings(Section):
    max_duration_s: float = setting("longest recording that is accepted", unit="s", gt=0)
    min_rate_hz: int = setting("lowest sample rate that is accepted", unit="Hz", ge=1000)
    max_rate_hz: int = setting("highest sample rate that is accepted", unit="Hz", le=768000)
    timestamp_gap_s: float = setting(
        "longer holes in a file's timestamps are filled with silence", unit="s", gt=0
    )
    filename_pattern: str | None = setting(
        "reads metadata from a file name: {agent_id}_{call_id}, or a regular expression with named groups"
    )
    raw: str | None = setting(
        "what files without a header hold: coding (mulaw, alaw, slin, g722, vox), rate in Hz, channels; "
        "null: by their extension, one channel"
    )
    channels: str | None = setting(
        "which two of three and more channels are the speakers', counted from 0, such as 0,2; "
        "null: such files are refused"
    )
    min_call_s: float = setting("shorter recordings get the warning too_short", unit="s", ge=0)
    clipped_share: float = setting("share of samples at full scale for the warning clipped", ge=0, le=1)
    clipped_level: float = setting("level that counts as full scale, relative to it", gt=0, le=1)
    clipped_run_samples: int = setting(
        "samples in a row at full scale that make a clipped peak", unit="samples", ge=1, le=64
    )
    low_snr_db: float = setting("signal-to-noise ratio for the warning low_snr", unit="dB")
    dual_mono_correlation: float = setting(
        "correlation of the two channels from which they are one", ge=0, le=1
    )
    dual_mono_share: float = setting(
        "share of the sound that is the same on both channels from which they are one", ge=0, le=1
    )
    same_sound_correlation: float = setting(
        "correlation over one second, at the best delay, from which both channels carry the same", ge=0, le=1
    )
    same_sound_level_db: float = setting(
        "most that the level of the same sound differs between channels; more is a leak", unit="dB", ge=0
    )
    same_sound_lag_s: float = setting("longest delay of the same sound", unit="s", ge=0, le=0.2)
    same_sound_floor_db: float = setting("fainter seconds are not compared", unit="dBFS", le=0)
    same_sound_min_s: float = setting("shorter stretches of the same sound do not count", unit="s", ge=1)
    dead_channel_db: float = setting("loudest frame under which a channel is dead", unit="dBFS", le=0)
    bleed_level_db: float = setting(
        "level of one speaker in the other's channel, relative to their own, for channel_bleed",
        unit="dB",
        source="docs/measures/turn-taking.md [ex]",
        le=0,
    )
    bleed_correlation: float = setting(
        "envelope correlation that makes a leak, not a voice",
        source="docs/measures/turn-taking.md [ex]",
        ge=0,
        le=1,
    )
    bleed_dominance_db: float = setting(
        "a speaker this much louder than the other channel counts as speaking alone on it", unit="dB", ge=0
    )
    bleed_max_lag_s: float = setting("longest delay of a leak, as an echo has", unit="s", ge=0, le=1)
    bleed_min_s: float = setting("time alone that a statement on bleed needs", unit="s", gt=0)
    truncated_s: float = setting("sound missing at the end for the warning truncated", unit="s", ge=0)


class DecodingSettings(Section):
    """What a recording may cost before it is sound; its length is limited by ``audio.max_duration_s``."""

    max_file_bytes: int = setting("largest recording that is accepted", unit="bytes", ge=1)
    timeout_s: float = setting(
        "longest time, and processor time, that decoding one recording may take", unit="s", ge=1
    )


class SpeechSettings(Section):
    gate_on_db: float = setting("level over the noise floor at which speech starts", unit="dB", gt=0)
    gate_off_db: float = setting("level over the noise floor at which speech ends", unit="dB", gt=0)
    gate_floor_db: float = setting(
        "no sound under this level counts as speech", unit="dBFS", source="[ex]", le=0
    )
    gate_depth_db: float = setting(
        "how far under the channel's speech level speech may fall", unit="dB", gt=0
    )
    noisy_floor_db: float = setting(
        "noise floor from which energy alone is not trusted", unit="dBFS", source="[ex]", le=0
    )
    gate_on_noisy_db: float = setting(
        "level over a noisy floor at which speech starts, if Silero agrees", unit="dB", source="[ex]", gt=0
    )
    gate_off_noisy_db: float = setting(
        "level over a noisy floor at which speech ends", unit="dB", source="[ex]", gt=0
    )
    voice_probability_quiet: float = setting(
        "Silero probability from which a sound under the gate is speech", source="[ex]", ge=0, le=1
    )
    voice_probability_noisy: float = setting(
        "Silero probability that speech needs where the floor is noisy", source="[ex]", ge=0, le=1
    )
    voice_hold_probability: float = setting(
        "Silero probability at which speech on a noisy floor lasts, whatever its level",
        source="[ex]",
        ge=0,
        le=1,
    )
    floor_window_s: float = setting("stretch over which the noise floor is local", unit="s", gt=0)
    tone_min_s: float = setting(
        "shortest steady tone that is not speech", unit="s", source="ITU-T E.180", gt=0
    )
    keypad_min_s: float = setting(
        "shortest keypad tone (two of its lines) that is not speech", unit="s", source="ITU-T Q.24", gt=0
    )
    tone_level_spread_db: float = setting(
        "standard deviation of the level of a tone; vowels swell and fade", unit="dB", source="[ex]", gt=0
    )
    tone_purity: float = setting("share of energy in two spectral lines that makes a tone", ge=0, le=1)
    music_min_s: float = setting("shortest stretch that is judged as music", unit="s", gt=0)
    music_steadiness: float = setting(
        "mean similarity of spectra 0.1 s apart from which steady sound is music", ge=0, le=1
    )
    music_voice_share: float = setting(
        "share of frames that Silero takes for voice, over which sound is not music", ge=0, le=1
    )
    bleed_min_s: float = setting("loud speech from which a leak is estimated", unit="s", source="[ex]", gt=0)
    bleed_max_lag_s: float = setting("longest delay of a leak that is suppressed", unit="s", ge=0, le=1)
    bleed_share: float = setting(
        "share of loud speech that the other channel must follow for a leak", source="[ex]", ge=0, le=1
    )
    bleed_margin_db: float = setting(
        "how far over the predicted leak of the other channel own speech must be",
        unit="dB",
        source="[ex]",
        ge=0,
    )
    bleed_own_share: float = setting(
        "share of a unit over the leak under which all of it is the leak", source="[ex]", ge=0, le=1
    )
    min_speech_s: float = setting("shorter sounds are clicks", unit="s", ge=0)
    bridge_s: float = setting(
        "pauses under this length belong to an inter-pausal unit",
        unit="s",
        source="[lit] Heldner & Edlund 2010",
        ge=0,
    )
    one_sided_s: float = setting("a speaker with less speech makes a call one-sided", unit="s", ge=0)


class RecognizerSettings(Section):
    model: str = setting("a bundled model, a folder, or a name in the local hub cache")
    device: Literal["auto", "cpu", "cuda"] = setting("where the recognizer runs")
    compute_type: str = setting("CTranslate2 number format")
    cpu_threads: int = setting("threads of one worker; 0 shares the cores among workers", ge=0)
    language: str = setting("language of the calls, or auto to hear it")
    languages: str | None = setting(
        "languages that calls can be in, parted by commas, the most usual first; null is any"
    )
    language_least_s: float = setting(
        "least speech that can have a language of its own", unit="s", source="[our]", ge=0
    )
    language_window_s: float = setting(
        "length of the parts in which a window is heard again where its language is not clear",
        unit="s",
        source="docs/measures/language.md [our]",
        gt=0,
    )
    language_doubt_probability: float = setting(
        "probability under which a window may hold more than one language",
        source="docs/measures/language.md [our]",
        ge=0,
        le=1,
    )
    language_clear_probability: float = setting(
        "probability from which a part of such a window is in a language that nobody expects",
        source="docs/measures/language.md [our]",
        ge=0.5,
        le=1,
    )
    language_stretch_probability: float = setting(
        "probability from which a part of such a window is in another language that calls can be in",
        source="docs/measures/language.md [our]",
        ge=0.5,
        le=1,
    )
    language_switch_probability: float = setting(
        "probability from which a window is in another language than the rest",
        source="docs/measures/language.md [our]",
        ge=0.5,
        le=1,
    )
    language_sure_probability: float = setting(
        "probability over the whole call under which its language is unsure and no word is judged",
        source="docs/measures/language.md [our]",
        ge=0,
        le=1,
    )
    language_mismatch_probability: float = setting(
        "probability from which the sound contradicts the language that metadata or settings state",
        source="docs/measures/language.md [our]",
        ge=0.5,
        le=1,
    )
    language_text_share: float = setting(
        "share of function words from which a transcript alone is in a language",
        source="docs/measures/language.md [our]",
        gt=0,
        le=1,
    )
    language_mixed_share: float = setting(
        "share of the speech in other languages from which a call is mixed and no word is judged",
        source="docs/measures/language.md [our]",
        gt=0,
        le=1,
    )
    beam_size: int = setting("beams of the search", ge=1, le=20)
    batch_size: int = setting("windows decoded together", ge=1, le=64)
    window_s: float = setting("longest window given to the recognizer", unit="s", ge=5, le=30)
    join_gap_s: float = setting("silence put between joined stretches of speech", unit="s", ge=0, le=2)
    margin_s: float = setting("padding around speech, for the recognizer only", unit="s", ge=0, le=1)
    bridge_s: float = setting("pauses under this length are not cut out", unit="s", ge=0)
    min_region_s: float = setting("shorter stretches are not sent to the recognizer", unit="s", ge=0)
    denoise_under_snr_db: float = setting(
        "signal-to-noise ratio under which steady noise is weakened, for the recognizer only",
        unit="dB",
        source="docs/measures/speech.md [ex]",
    )
    denoise_db: float = setting("by how much at most; 0 leaves it", unit="dB", source="[ex]", ge=0, le=40)
    no_speech_probability: float = setting(
        "with a low log probability, marks a window as invented text", ge=0, le=1
    )
    log_probability: float = setting("mean log probability under which text is doubted", le=0)
    compression_ratio: float = setting("repetitiveness from which text is invented", gt=1)
    max_word_s: float = setting("longest time that one word may take", unit="s", source="[ex]", gt=0)
    reach_s: float = setting(
        "a word farther than this from any speech is not supported by speech", unit="s", source="[ex]", ge=0
    )
    fill_s: float = setting(
        "holes between words of one inter-pausal unit, up to this length, belong to the earlier word",
        unit="s",
        source="[ex]",
        ge=0,
    )
    relisten_s: float = setting(
        "speech without words, from this length on, is listened to again", unit="s", source="[ex]", gt=0
    )
    low_confidence_probability: float = setting(
        "mean word probability for the warning low_asr_confidence", ge=0, le=1
    )
    initial_prompt: str | None = setting("names and terms that the recognizer should expect")


class SpeakersSettings(Section):
    agent_channel: int = setting("channel of the agent where metadata does not say", ge=0, le=1)
    role_confidence_min: float = setting(
        "probability from which what was said tells who the agent is; under it roles are unknown",
        source="docs/measures/roles.md",
        ge=0.5,
        le=1,
    )
    swap_probability: float = setting(
        "probability from which what was said contradicts the channel map: one that nobody stated gives way, "
        "one that was stated gets the warning roles_swapped and nothing is judged",
        source="docs/measures/roles.md",
        ge=0.5,
        le=1,
    )
    midway_probability: float = setting(
        "probability from which two parts of a call tell two agents: warning roles_exchanged_midway",
        source="docs/measures/roles.md",
        ge=0.5,
        le=1,
    )
    midway_turns: int = setting(
        "fewest turns on either side of a moment at which sides change places", unit="turns", ge=1
    )
    agent_names: str = setting("what transcripts call the agent, parted by commas", min_length=1)
    customer_names: str = setting("what transcripts call the customer, parted by commas", min_length=1)
    diarization: Literal["auto", "two_party", "pyannote", "off"] = setting(
        "how voices on one channel are told apart; auto does it where the extra is installed",
        source="docs/measures/speakers.md [ex]",
    )
    diarization_model: str | None = setting(
        "pipeline of diarization=pyannote: a folder or a fetched hub name; null is the bundled weights"
    )
    diarization_threads: int = setting("threads in which voices are told apart", ge=1)
    window_step_s: float = setting(
        "distance between windows in which voices are told apart",
        unit="s",
        source="docs/measures/speakers.md [ex]",
        gt=0,
        le=10,
    )
    atom_min_s: float = setting(
        "shorter stretches of one voice alone are not compared",
        unit="s",
        source="docs/measures/speakers.md [ex]",
        ge=0.2,
    )
    atom_max_s: float = setting(
        "longer stretches of one voice alone are cut",
        unit="s",
        source="docs/measures/speakers.md [ex]",
        gt=0.5,
    )
    cluster_min_s: float = setting(
        "stretches from which the two voices are found",
        unit="s",
        source="docs/measures/speakers.md [ex]",
        gt=0,
    )
    one_voice_similarity: float = setting(
        "cosine between two groups of stretches from which both are one voice",
        source="docs/measures/speakers.md [ex]",
        gt=0,
        lt=1,
    )
    clear_voice_similarity: float = setting(
        "the same where windows do not tell them apart",
        source="docs/measures/speakers.md [ex]",
        gt=0,
        lt=1,
    )
    voice_min_s: float = setting(
        "speech under which a voice is little, and no third voice",
        unit="s",
        source="docs/measures/speakers.md [ex]",
        gt=0,
    )
    told_apart_share: float = setting(
        "share of windows with both groups that tell them apart, from which they are two voices",
        source="docs/measures/speakers.md [ex]",
        ge=0,
        le=1,
    )
    overlap_penalty: float = setting(
        "log-likelihood against two overlapping local speakers being one voice", unit="1/s", ge=0
    )
    context_trust: float = setting(
        "log-likelihood that the rest of a local speaker may add to a stretch of speech", ge=0
    )
    same_window_penalty: float = setting(
        "log-likelihood against two local speakers of a window being one voice", ge=0
    )

    @property
    def names_of_agent(self) -> tuple[str, ...]:
        return tuple(name.casefold() for name in _listed(self.agent_names))

    @property
    def names_of_customer(self) -> tuple[str, ...]:
        return tuple(name.casefold() for name in _listed(self.customer_names))


class TurnsSettings(Section):
    announcement_pause_s: float = setting(
        "longest pause within one recorded announcement before the conversation", unit="s", ge=0
    )
    announcement_words: int = setting(
        "a customer who has said more than this has been answered: no announcement follows",
        unit="words",
        ge=0,
    )
    interruption_probability: float = setting(
        "probability from which coming in early is an interruption; 0 leaves it to times and sound alone",
        source="docs/measures/turn-taking.md",
        ge=0,
        le=1,
    )
    sound_confidence: float = setting(
        "confidence by times and sound from which an open sentence was cut off",
        source="docs/measures/turn-taking.md [ex]",
        ge=0,
        le=1,
    )
    counted_confidence: float = setting(
        "confidence from which an interruption counts; under it, it is listed as worth a listen",
        source="docs/measures/turn-taking.md [our]",
        ge=0,
        le=1,
    )
    doubtful_probability: float = setting(
        "probability from which what is no interruption is marked as worth a listen",
        source="docs/measures/turn-taking.md [our]",
        ge=0,
        le=1,
    )
    recall_next_s: float = setting(
        "pause after which what the other says next is no taking up again", unit="s", source="[our]", ge=0
    )
    recall_before_s: float = setting(
        "how long ago what one said before may be, to matter", unit="s", source="[our]", ge=0
    )
    max_pause_s: float = setting(
        "own pause that ends a turn", unit="s", source="docs/measures/speech.md [our]", gt=0
    )
    event_min_overlap_s: float = setting(
        "shorter overlaps are no event", unit="s", source="docs/measures/turn-taking.md", ge=0
    )
    vocalization_bridge_s: float = setting(
        "pauses under this length do not end a vocalization", unit="s", source="[our]", ge=0
    )
    contend_pause_s: float = setting(
        "who goes on after such a pause, over the same speech of the other, makes no new event",
        unit="s",
        source="[our]",
        ge=0,
    )
    simultaneous_start_s: float = setting(
        "starts this near are simultaneous", unit="s", source="docs/measures/turn-taking.md", ge=0
    )
    backchannel_max_s: float = setting(
        "longest backchannel", unit="s", source="docs/measures/turn-taking.md [lit]", gt=0
    )
    backchannel_quiet_before_s: float = setting(
        "silence of the listener before a backchannel", unit="s", source="docs/measures/turn-taking.md", ge=0
    )
    certain_word_probability: float = setting(
        "words less certain than this do not speak against a backchannel", source="[ex]", ge=0, le=1
    )
    terminal_remaining_s: float = setting(
        "what the floor holder may still say in a terminal overlap",
        unit="s",
        source="docs/measures/turn-taking.md [lit]",
        ge=0,
    )
    resume_within_s: float = setting(
        "a floor holder who resumes sooner had not finished",
        unit="s",
        source="docs/measures/turn-taking.md",
        ge=0,
    )
    failed_attempt_max_s: float = setting(
        "an attempt shorter than this that gives up has failed",
        unit="s",
        source="docs/measures/turn-taking.md",
        gt=0,
    )
    goes_on_s: float = setting(
        "how long a speaker goes on to keep the floor", unit="s", source="docs/measures/turn-taking.md", gt=0
    )
    interruption_overlap_s: float = setting(
        "overlap that makes an interruption", unit="s", source="docs/measures/turn-taking.md [ex]", gt=0
    )
    interruption_cut_off_overlap_s: float = setting(
        "overlap that makes an interruption when the other is cut off",
        unit="s",
        source="docs/measures/turn-taking.md [ex]",
        gt=0,
    )
    yield_within_s: float = setting(
        "silent within this time, the floor holder has yielded",
        unit="s",
        source="docs/measures/turn-taking.md",
        gt=0,
    )
    talk_over_s: float = setting(
        "simultaneous speech that makes an interruption a talk-over",
        unit="s",
        source="docs/measures/turn-taking.md",
        gt=0,
    )
    cut_off_gap_s: float = setting(
        "a start this soon after a fragment may have cut it off",
        unit="s",
        source="docs/measures/turn-taking.md",
        ge=0,
    )
    noisy_snr_db: float = setting(
        "signal-to-noise ratio under which short pauses are not trusted", unit="dB", source="[ex]"
    )
    noisy_bridge_s: float = setting(
        "pauses up to this length are closed on such a line", unit="s", source="[ex]", ge=0
    )
    noisy_spoken_db: float = setting(
        "unclear words on such a line may be this far under the speaker's loud level",
        unit="dB",
        source="[ex]",
        ge=0,
    )
    noisy_wordless_db: float = setting(
        "speech without words on such a line may be this far under the speaker's loud level",
        unit="dB",
        source="[ex]",
        ge=0,
    )
    gap_s: float = setting(
        "both silent for longer is a gap", unit="s", source="Contact Lens non-talk time", gt=0
    )
    dead_air_s: float = setting(
        "unexplained silence from here on is dead air", unit="s", source="docs/measures/turn-taking.md", gt=0
    )
    announced_within_s: float = setting(
        "a silence is explained by what the agent said within this time before it", unit="s", gt=0
    )
    hold_bridge_s: float = setting("a word in between parts no hold when it is shorter", unit="s", ge=0)
    longest_turn_s: float = setting(
        "a longer turn is shown as long", unit="s", source="docs/measures/turn-taking.md", gt=0
    )
    lively_talk_s: float = setting(
        "talk of both without any overlap after which overlap is not measurable",
        unit="s",
        source="docs/measures/turn-taking.md",
        gt=0,
    )
    one_channel_overlap_s: float = setting(
        "shortest overlap that is told of where both share one channel",
        unit="s",
        source="docs/measures/speakers.md [ex]",
        ge=0,
    )
    one_channel_confidence_max: float = setting(
        "highest confidence of an event where both share one channel",
        source="docs/measures/speakers.md",
        ge=0,
        le=1,
    )


class ListeningSettings(Section):
    account_min_words: int = setting(
        "the first account begins with the customer's first turn of this many words",
        unit="words",
        source="docs/measures/listening.md [our]",
        ge=1,
    )
    prompt_max_s: float = setting(
        "an invitation to go on that is longer ends the first account",
        unit="s",
        source="docs/measures/listening.md [our]",
        gt=0,
    )
    question_max_s: float = setting(
        "an agent's turn up to here does not end the first account if the customer then goes on telling",
        unit="s",
        source="docs/measures/listening.md [our]",
        ge=0,
    )
    goes_on_telling_s: float = setting(
        "a customer's turn from here on goes on telling after such a turn",
        unit="s",
        source="docs/measures/listening.md [our]",
        gt=0,
    )
    long_turn_s: float = setting(
        "backchannels are counted in customer turns from here on",
        unit="s",
        source="docs/measures/listening.md [our]",
        gt=0,
    )


class RateSettings(Section):
    coverage_min: float = setting(
        "share of speech with words that rates need", source="docs/measures/speech.md", ge=0, le=1
    )
    min_ipu_s: float = setting(
        "shorter inter-pausal units carry no rate", unit="s", source="docs/measures/rate.md", ge=0
    )
    full_confidence_s: float = setting(
        "net speech for a firm rate", unit="s", source="docs/measures/rate.md [ex]", gt=0
    )
    low_confidence_s: float = setting(
        "net speech for any rate", unit="s", source="docs/measures/rate.md [ex]", gt=0
    )
    window_s: float = setting("net speech in a rate window", unit="s", source="docs/measures/rate.md", gt=0)
    hop_s: float = setting("net speech between rate windows", unit="s", source="docs/measures/rate.md", gt=0)
    turn_min_s: float = setting("net speech that the rate of one turn needs", unit="s", gt=0)
    slow_sps: float = setting("articulation rate under which speech is slow", unit="syllables/s", gt=0)
    band_low_sps: float = setting(
        "lower edge of the target band",
        unit="syllables/s",
        source="docs/measures/rate.md [our] around [lit]",
        gt=0,
    )
    band_high_sps: float = setting(
        "upper edge of the target band",
        unit="syllables/s",
        source="docs/measures/rate.md [our] around [lit]",
        gt=0,
    )
    fast_sps: float = setting("articulation rate over which speech is fast", unit="syllables/s", gt=0)
    very_fast_sps: float = setting(
        "articulation rate over which speech is very fast", unit="syllables/s", gt=0
    )
    nuclei_gain_ratio: float = setting(
        "syllables per nucleus counted in the signal", source="docs/measures/rate.md [ex]", gt=0
    )
    nuclei_dip_db: float = setting(
        "dip that parts two nuclei", unit="dB", source="docs/measures/rate.md [ex]", gt=0
    )
    nuclei_range_db: float = setting(
        "how far under the loudest of its unit a nucleus may lie", unit="dB", gt=0
    )
    nuclei_disagreement_sps: float = setting(
        "difference from the rate by words that makes it unreliable",
        unit="syllables/s",
        source="docs/measures/rate.md [ex]",
        gt=0,
    )
    guidance_low_wpm: float = setting(
        "lower edge of the band that vendors print, for orientation", unit="words/min", source="[lit]", gt=0
    )
    guidance_high_wpm: float = setting(
        "upper edge of the band that vendors print, for orientation", unit="words/min", source="[lit]", gt=0
    )


class PitchSettings(Section):
    tracker: Literal["autocorrelation", "librosa"] = setting("F0 tracker; never mixed within a baseline")
    floor_hz: float = setting("lowest F0", unit="Hz", source="docs/measures/pitch.md [ex]", gt=20)
    ceiling_hz: float = setting("highest F0", unit="Hz", source="docs/measures/pitch.md [ex]", lt=2000)
    min_voiced_s: float = setting(
        "voiced speech for a call figure", unit="s", source="docs/measures/pitch.md [ex]", gt=0
    )
    window_min_voiced_s: float = setting(
        "voiced speech for a window", unit="s", source="docs/measures/pitch.md [ex]", gt=0
    )
    window_s: float = setting("length of a pitch window", unit="s", gt=0)
    hop_s: float = setting("distance between pitch windows", unit="s", gt=0)
    turn_min_voiced_s: float = setting("voiced speech that the pitch of one turn needs", unit="s", gt=0)
    baseline_voiced_s: float = setting(
        "voiced speech at the start of a call that makes its provisional baseline",
        unit="s",
        source="docs/measures/pitch.md",
        gt=0,
    )
    full_snr_db: float = setting(
        "from here on level and range are measured", unit="dB", source="docs/measures/pitch.md [ex]"
    )
    min_snr_db: float = setting(
        "under this no pitch is measured", unit="dB", source="docs/measures/pitch.md [ex]"
    )
    notable_st: float = setting(
        "differences under this are never called one", unit="st", source="docs/measures/pitch.md [ex]", gt=0
    )


class BaselineSettings(Section):
    half_life_days: float = setting(
        "age at which a call counts half in its agent's baseline",
        unit="days",
        source="docs/measures/pitch.md",
        gt=0,
    )
    min_calls: int = setting(
        "earlier calls that make a baseline firm", unit="calls", source="docs/measures/pitch.md [ex]", ge=1
    )
    min_voiced_s: float = setting(
        "voiced speech in earlier calls that makes a baseline firm",
        unit="s",
        source="docs/measures/pitch.md [ex]",
        ge=0,
    )
    max_age_days: float = setting("older calls are left out of a baseline", unit="days", gt=0, le=36_500)
    wideband_db: float = setting(
        "level above 4.5 kHz, relative to that of the telephone band, from which a line is wideband",
        unit="dB",
        source="[our]",
        le=0,
    )


class VoiceChecksSettings(Section):
    """Limits of the checks `talk_slowly` and `low_tone`."""

    tone_min_calls: int = setting(
        "earlier calls of the agent under which tone is not judged: no call is compared with itself",
        unit="calls",
        source="docs/measures/voice-checks.md [our]",
        ge=1,
    )
    tone_min_voiced_s: float = setting(
        "voiced speech in earlier calls under which tone is not judged",
        unit="s",
        source="docs/measures/voice-checks.md [our]",
        ge=0,
    )
    rate_error_share: float = setting(
        "half of the 95% interval of a rate over a minute of speech; it narrows with the root of time",
        source="docs/measures/rate.md [ex]",
        gt=0,
        lt=1,
    )
    rate_over_baseline_share: float = setting(
        "articulation rate over the own baseline that counts in a call",
        source="docs/measures/rate.md [our]",
        gt=0,
    )
    window_over_baseline_share: float = setting(
        "articulation rate over the own baseline that counts in a window",
        source="docs/measures/rate.md [our]",
        gt=0,
    )
    windows_running_over_baseline_share: float = setting(
        "the same in two windows running", source="docs/measures/rate.md [our]", gt=0
    )
    calm_level_st: float = setting(
        "median pitch over the baseline that is still low",
        unit="st",
        source="docs/measures/pitch.md [our]",
        ge=0,
    )
    calm_range_st: float = setting(
        "pitch range over that of the baseline that is still low",
        unit="st",
        source="docs/measures/pitch.md [our]",
        ge=0,
    )
    calm_loudness_db: float = setting(
        "loudness over the baseline that is still low", unit="dB", source="docs/measures/pitch.md [our]", ge=0
    )
    raised_st: float = setting(
        "pitch of a raised window", unit="st", source="docs/measures/pitch.md [ex]", gt=0
    )
    raised_db: float = setting(
        "loudness of a raised window", unit="dB", source="docs/measures/pitch.md [our]", gt=0
    )
    raised_voiced_s: float = setting(
        "voice that a window needs to be judged", unit="s", source="docs/measures/pitch.md [ex]", gt=0
    )
    raised_share: float = setting(
        "share of raised windows that fails the check", source="docs/measures/pitch.md [our]", gt=0, le=1
    )
    flat_range_st: float = setting(
        "range under which a voice is flat", unit="st", source="docs/measures/pitch.md", gt=0
    )
    flat_level_st: float = setting(
        "level under which a narrow voice is flat", unit="st", source="docs/measures/pitch.md", le=0
    )


class ActsSettings(Section):
    """How speech acts are recognized; the words are in configs/speech_acts.<language>.yaml."""

    meaning: bool = setting("recognize acts by meaning, too, not by phrases alone")
    meaning_min_words: int = setting(
        "shorter sentences mean too little by themselves: phrases alone decide",
        unit="words",
        source="docs/measures/speech-acts.md [ex]",
        ge=1,
    )
    listed_confidence: float = setting(
        "share of such findings that are right in ordinary calls, from which one is a moment to check",
        source="docs/measures/speech-acts.md [our]",
        ge=0,
        le=1,
    )
    sure_confidence: float = setting(
        "the same share, from which a finding counts: for verdicts, scores and figures",
        source="docs/measures/speech-acts.md [our]",
        ge=0,
        le=1,
    )
    accusing_listed_confidence: float = setting(
        "as listed_confidence, for acts that speak against somebody (`accuses` in the file of the acts)",
        source="docs/measures/speech-acts.md [our]",
        ge=0,
        le=1,
    )
    agent_accusing_sure_confidence: float = setting(
        "as sure_confidence, for what speaks against the agent",
        source="docs/measures/speech-acts.md [our]",
        ge=0,
        le=1,
    )
    customer_accusing_sure_confidence: float = setting(
        "as sure_confidence, for what speaks against the customer",
        source="docs/measures/speech-acts.md [our]",
        ge=0,
        le=1,
    )
    clear_words_probability: float = setting(
        "mean word probability of a sentence from which what is found in it counts; else it is to check",
        source="docs/measures/speech-acts.md [our]",
        ge=0,
        le=1,
    )
    negation_reach_words: int = setting(
        "a negation up to this far before a phrase negates it", unit="words", ge=0
    )
    sentence_pause_s: float = setting(
        "own pause that ends a sentence, unless its last word wants a successor", unit="s", gt=0
    )
    sentence_max_words: int = setting("longer sentences are cut where a clause begins", unit="words", ge=6)


class TensionSettings(Section):
    """The customer's voice against itself: what is kept of each turn, for guidance to judge tension by."""

    reference_voiced_s: float = setting(
        "first voiced speech of the call that later turns are compared with",
        unit="s",
        source="docs/measures/tension.md",
        gt=0,
    )
    reference_min_voiced_s: float = setting("least of it that is enough", unit="s", gt=0)
    piece_voiced_s: float = setting(
        "length of the pieces whose spread is the unit, and least voice of a turn", unit="s", gt=0
    )
    clip_z: float = setting("scores beyond it are set to it", source="docs/measures/tension.md", gt=0)
    least_sd_st: float = setting("smallest spread of pitch that is believed", unit="st", gt=0)
    least_sd_db: float = setting("smallest spread of level and of high frequencies", unit="dB", gt=0)
    high_frequency_hz: float = setting("frequency above which energy is high", unit="Hz", gt=0)


class JudgeSettings(Section):
    """An optional second opinion on what was said; its key is CALLCOACH_JUDGE_API_KEY in the environment."""

    url: str | None = setting(
        "OpenAI-compatible endpoint that is asked, e.g. http://localhost:11434/v1; null asks nobody"
    )
    model: str = setting("name of the model there", min_length=1)
    checks: str | None = setting(
        "checks that it is asked about, parted by commas; null: all that words decide"
    )
    decides: bool = setting("its verdicts stand in place of the product's own, instead of beside them")
    min_quote_words: int = setting(
        "a quote of fewer words shows nothing, unless it is all that was said", unit="words", ge=1
    )
    timeout_s: float = setting("longest wait for its answer", unit="s", gt=0, le=3600)

    @field_validator("url")
    @classmethod
    def _http(cls, given: str | None) -> str | None:
        if given is not None and not re.match(r"https?://[^/\s]+", given):
            raise ValueError(
                f"judge.url: given {without_password(given)!r}; allowed: http:// or https:// URLs"
            )
        return given

    @property
    def wanted(self) -> frozenset[str]:
        """Ids of the checks that it is asked about; empty for all."""
        return frozenset(_listed(self.checks))


class RedactionSettings(Section):
    kinds: str | None = setting(
        "what is taken out of words and sound, parted by commas or as a list; null: nothing"
    )
    cue_reach_s: float = setting(
        "how long after a phrase such as 'card number' it still announces a number", unit="s", gt=0
    )
    loose_cue_reach_s: float = setting(
        "how long one word such as 'order' makes the speaker's own number harmless", unit="s", gt=0
    )
    longest_pause_s: float = setting("longest pause between two digits of one number", unit="s", gt=0)
    earliest_birth_year: int = setting("first year that a date with day and month is one of birth", ge=1900)
    latest_birth_year: int = setting("last such year; later dates may stay", ge=1900)
    margin_s: float = setting(
        "silenced before and after a secret, as word times are not exact", unit="s", ge=0
    )
    original_dir: str | None = setting(
        "private folder where words and sound are also kept as they were; null keeps neither", min_length=1
    )

    @field_validator("kinds", mode="before")
    @classmethod
    def _known(cls, given: object) -> object:
        names = ", ".join(given) if _is_names(given) else given
        if names is None:
            return None
        if not isinstance(names, str) or not _listed(names):
            raise ValueError(
                f"redaction.kinds: given {given!r}; allowed: names parted by commas or as a list; write null "
                "to switch redaction off"
            )
        unknown = sorted(set(_listed(names)) - set(get_args(SecretKind)))
        if unknown:
            raise ValueError(
                f"redaction.kinds: unknown: {', '.join(unknown)}; there are {', '.join(get_args(SecretKind))}"
            )
        return names

    @property
    def wanted(self) -> frozenset[str]:
        """The kinds of secrets that are taken out."""
        return frozenset(_listed(self.kinds))


def _is_names(given: object) -> TypeGuard[list[str]]:
    return isinstance(given, list) and all(isinstance(each, str) for each in given)


def _listed(names: str | None) -> list[str]:
    return [name.strip() for name in (names or "").split(",") if name.strip()]


class OutputSettings(Section):
    audio: Literal["beside", "embedded", "none"] = setting("where reports find the playback audio")
    audio_bitrate_bps: int = setting("Opus bit rate of the playback audio", unit="bit/s", ge=6000, le=256000)
    language: str = setting("language of the reports", pattern=r"^[a-z]{2}$")
    contact_lens_dialect: Literal["contact_lens", "call_analytics"] = setting(
        "which documented shape contact_lens.json has"
    )
    loudness_floor_db: float = setting("level that contact_lens.json calls loudness 0", unit="dBFS", lt=0)
    play_lead_s: float = setting("how long before a moment its play button starts", unit="s", ge=0)
    caption_max_s: float = setting("longest caption of transcript.vtt", unit="s", gt=0)
    caption_line_chars: int = setting("longest line of a caption, two lines each", unit="characters", ge=16)
    waveform_points: int = setting("points of a waveform in the report", ge=100, le=20000)
    folder_mode: str = setting("permissions of written folders", pattern=r"^0[0-7]{3}$")
    file_mode: str = setting("permissions of written files", pattern=r"^0[0-7]{3}$")

    @field_validator("folder_mode", "file_mode", mode="before")
    @classmethod
    def _octal(cls, given: object) -> object:
        """Permissions without quotes, which YAML reads as an octal number, as they were written."""
        return f"0{given:03o}" if type(given) is int and 0 <= given <= 0o777 else given


class SiteSettings(Section):
    attention_calls: int = setting(
        "most calls that the index names as worth a coach's time", unit="calls", ge=0, le=100
    )
    rose_weight: float = setting("weight of a call that ended tenser than it began", ge=0)
    held_weight: float = setting("weight of a call that stayed tense", ge=0)
    abuse_weight: float = setting("weight of abusive sentences of the customer", ge=0)
    violated_weight: float = setting("weight of each don't of the guidance that happened", ge=0)
    interruption_weight: float = setting("weight of each interruption by the agent", ge=0)
    effort_weight: float = setting("weight of each point of customer effort over usual_effort_points", ge=0)
    usual_effort_points: float = setting(
        "customer effort, 1 to 5, up to which a call is as usual", ge=1, le=5
    )
    high_effort_points: float = setting(
        "customer effort, 1 to 5, from which on the audit counts it as high", ge=1, le=5
    )
    score_weight: float = setting(
        "weight of each 10 points of the overall score under usual_score_points", ge=0
    )
    usual_score_points: float = setting("overall score from which on a call is as usual", ge=0, le=100)
    team_names: bool = setting("name the agents in the distributions of the team page")


class BatchSettings(Section):
    workers: int = setting("worker processes", ge=1, le=256)
    max_attempts: int = setting("tries of a call that may pass the next time", ge=1, le=10)
    call_timeout_base_s: float = setting("time any call may take", unit="s", gt=0)
    call_timeout_ratio: float = setting("further time per second of recording", unit="s/s", gt=0)
    recycle_after_calls: int = setting("calls after which a worker process is replaced", unit="calls", ge=1)
    dask_address: str | None = setting(
        "scheduler of the Dask cluster that analyzes the nightly batch, e.g. tcp://scheduler:8786; null "
        "analyzes in worker processes of this machine"
    )
    dask_wait_s: float = setting(
        "longest wait for that scheduler, and for a first worker of it", unit="s", gt=0
    )
    quarantine_after: int = setting(
        "failed tries, of kinds that may pass, after which a call is left alone until it is released", ge=1
    )
    heartbeat_s: float = setting("how often a run says that it still has its calls", unit="s", gt=0)
    claim_expires_s: float = setting(
        "a call whose run has said nothing for so long may be taken over by another", unit="s", gt=0
    )
    transcript_cache_bytes: int = setting(
        "room for transcripts of calls that were not finished, in the user's state folder; 0 keeps none",
        unit="bytes",
        ge=0,
    )
    transcript_cache_days: float = setting(
        "transcripts of calls that were never finished are removed after", unit="days", gt=0
    )
    log_format: Literal["none", "text", "json"] = setting("log lines of a batch on stderr, and their shape")
    progress_every_calls: int = setting(
        "calls after which a night says how far it is, where no terminal shows it", unit="calls", ge=1
    )
    metrics_file: str | None = setting(
        "file for Prometheus' text collector, e.g. /var/lib/node_exporter/callcoach.prom"
    )
    source: str = setting("folder or URI in which the nightly batch looks for recordings")
    out: str = setting("folder or URI to which the nightly batch writes")


class NotifySettings(Section):
    """Who is told in the morning. Counts and call ids are sent, nothing else; secrets are in files."""

    when: Literal["always", "problems"] = setting("whether nights without a failed call are told too")
    webhook_url_file: str | None = setting("file whose one line is the URL that the summary is posted to")
    email_to: str | None = setting("address that the summary is mailed to")
    email_from: str = setting("sender of that mail")
    smtp_host: str = setting("mail server")
    smtp_port: int = setting("port of the mail server", ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = setting("encryption of the way to the mail server")
    smtp_user: str | None = setting("user name at the mail server; null sends without a login")
    smtp_password_file: str | None = setting("file whose one line is that user's password")
    timeout_s: float = setting("longest wait for the mail server or the webhook", unit="s", gt=0, le=600)


class ModelsSettings(Section):
    cache_dir: str | None = setting("where joined weights are kept; null is the user's cache folder")


class StoreSettings(Section):
    url: str | None = setting(
        "where the store is: sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE; null is a file in "
        "the user's data folder"
    )
    timeout_s: float = setting("longest wait for the store: a connection, a lock", unit="s", gt=0, le=600)

    @field_validator("url")
    @classmethod
    def _known_kind(cls, given: str | None) -> str | None:
        if given is not None and not STORE_URL.match(given):
            raise ValueError(
                f"store.url: given {without_password(given)!r}; allowed: sqlite:///PATH or "
                "postgresql+psycopg://USER@HOST/DATABASE"
            )
        return given


class PrivacySettings(Section):
    """How long a call is kept, from its start (where that is not known, from its analysis)."""

    audio_days: float | None = setting(
        "playback audio and kept originals of older calls are removed; null keeps them",
        unit="days",
        gt=0,
        le=OLDEST_DAYS,
    )
    transcript_days: float | None = setting(
        "all words of older calls are removed, their figures stay; null keeps them",
        unit="days",
        gt=0,
        le=OLDEST_DAYS,
    )
    metrics_days: float | None = setting(
        "older calls are removed altogether; null keeps them", unit="days", gt=0, le=OLDEST_DAYS
    )
    folder: str | None = setting(
        "private folder of the audit log, receipts of erasures and the key of digests; null is the folder "
        "privacy beside the store's file, or in the user's data folder",
        min_length=1,
    )


class Settings(BaseSettings):
    """All settings of one run."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,  # a traceback would show passwords
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter=NESTING,
    )

    audio: AudioSettings
    decoding: DecodingSettings
    speech: SpeechSettings
    recognizer: RecognizerSettings
    speakers: SpeakersSettings
    turns: TurnsSettings
    listening: ListeningSettings
    rate: RateSettings
    pitch: PitchSettings
    voice_checks: VoiceChecksSettings
    tension: TensionSettings
    baseline: BaselineSettings
    acts: ActsSettings
    judge: JudgeSettings
    redaction: RedactionSettings
    output: OutputSettings
    site: SiteSettings
    batch: BatchSettings
    notify: NotifySettings
    models: ModelsSettings
    store: StoreSettings
    privacy: PrivacySettings

    @model_validator(mode="after")
    def _ordered(self) -> "Settings":
        ordered = (
            ("speech.gate_off_db", self.speech.gate_off_db, "speech.gate_on_db", self.speech.gate_on_db),
            ("rate.slow_sps", self.rate.slow_sps, "rate.band_low_sps", self.rate.band_low_sps),
            ("rate.band_low_sps", self.rate.band_low_sps, "rate.band_high_sps", self.rate.band_high_sps),
            ("rate.band_high_sps", self.rate.band_high_sps, "rate.fast_sps", self.rate.fast_sps),
            ("rate.fast_sps", self.rate.fast_sps, "rate.very_fast_sps", self.rate.very_fast_sps),
            ("pitch.floor_hz", self.pitch.floor_hz, "pitch.ceiling_hz", self.pitch.ceiling_hz),
        )
        if self.voice_checks.calm_level_st >= self.voice_checks.raised_st:
            raise ValueError("voice_checks.raised_st must be over voice_checks.calm_level_st")
        for low_key, low, high_key, high in ordered:
            if low > high:
                raise ValueError(f"{low_key} ({low:g}) must not be over {high_key} ({high:g})")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)  # load_settings merges the sources, so that a file can rank between them

    def sha256(self) -> str:
        """Identity of the settings that an analysis depends on: of their canonical JSON.

        How a batch is run, who is told, and where weights and baselines are kept, leave the analysis as it
        is.
        """
        return _identity(self.model_dump(mode="json", exclude=set(NO_PART_OF_A_RESULT)))

    def thresholds(self) -> tuple[Threshold, ...]:
        """Every setting with a unit or a bound that a figure is judged by, for the report."""
        return tuple(
            Threshold(key=key, value=value, unit=unit, source=source)
            for key, value, unit, source, _ in self.describe()
            if key.partition(".")[0] not in NO_PART_OF_A_RESULT
        )

    def describe(self) -> Iterator[tuple[str, Any, str, str, str]]:
        """(key, value, unit, source, meaning) of every setting, in the order of the file; no password."""
        for section_name in type(self).model_fields:
            section: BaseModel = getattr(self, section_name)
            for name, info in type(section).model_fields.items():
                extra = cast(dict[str, str], info.json_schema_extra or {})
                yield (
                    f"{section_name}.{name}",
                    _shown(getattr(section, name)),
                    extra.get("unit", ""),
                    extra.get("source", ""),
                    info.description or "",
                )


def load_settings(
    config: Path | None = None,
    assignments: Sequence[str] = (),
) -> Settings:
    """Settings from the defaults, a user's file, the environment and ``key=value`` assignments.

    Raises:
        SettingsError: naming the key, what was given and what is allowed.
    """
    _refuse_bad_variables(os.environ)
    merged = _read_file(CONFIG_DIR / "default.yaml")
    if config is not None:
        _merge(merged, _read_file(config))
    try:
        _merge(merged, EnvSettingsSource(Settings, env_parse_none_str="null")())
    except UnreadableVariable as error:
        raise SettingsError(f"environment: {error}; name a key, e.g. CALLCOACH_TURNS__GAP_S=3") from error
    _merge(merged, _parse_assignments(assignments))
    try:
        return Settings(**merged)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from error


def acts_on_sound(key: str) -> bool:
    """Whether a change of this setting takes effect only when the sound is analyzed again."""
    if key.partition(".")[0] in NO_PART_OF_A_RESULT:
        return False
    return not key.startswith(JUDGED_BY)


def _identity(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def without_password(url: str) -> str:
    """``url`` for reading: a password in it and every value of its query become ``***``, and so does all
    after the scheme of what cannot be read as a URL."""
    scheme, colon, rest = PASSWORD.sub(r"\1:***@", url).partition(":")
    if not colon:
        return scheme
    address, mark, query = (*re.split(r"([?#])", rest, maxsplit=1), "", "")[:3]
    host = address.removeprefix("//").partition("/")[0].rpartition("@")[2]
    if not address.startswith("//") or not HOST.fullmatch(host):
        return f"{scheme}:***"
    masked = (f"{part.partition('=')[0]}=***" if "=" in part else "***" for part in query.split("&"))
    return f"{scheme}:{address}{mark}{'&'.join(masked) if query else ''}"


def _shown(value: Any) -> Any:
    return without_password(value) if isinstance(value, str) and "://" in value else value


def _merge(base: dict[str, Any], over: dict[str, Any]) -> None:
    """Lay ``over`` on ``base`` in place, mapping by mapping."""
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"settings file {path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {path}: is not YAML: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise SettingsError(f"settings file {path}: expected sections with keys, as in configs/default.yaml")
    return content


def _parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        section, dot, name = key.strip().partition(".")
        if not (equals and dot and section and name):
            raise SettingsError(
                f"--set {without_password(key)}: expected section.key=value, e.g. recognizer.beam_size=1"
            )
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise SettingsError(f"--set {key}: the value is not YAML") from None  # its text may be secret
        if not text.strip():
            raise SettingsError(f"--set {key}=: {EMPTY}")
        values.setdefault(section, {})[name] = value
    return values


def _refuse_bad_variables(environment: Mapping[str, str]) -> None:
    """Refuse what names no section, and what is empty: nobody has said what is meant by that."""
    for variable, text in environment.items():
        if variable.startswith(ENVIRONMENT_PREFIX) and variable != JUDGE_KEY_VARIABLE:
            section = variable[len(ENVIRONMENT_PREFIX) :].split(NESTING)[0].lower()
            if section not in Settings.model_fields:
                raise SettingsError(
                    f"environment variable {variable}: {_no_such(section, Settings.model_fields)}"
                )
            if not text.strip():
                raise SettingsError(f"environment variable {variable}: {EMPTY}")


def _explain(error: ValidationError) -> str:
    """One line a problem: the key, what was given, what is allowed."""
    return "; ".join(_explain_one(dict(problem)) for problem in error.errors())


def _explain_one(problem: dict[str, Any]) -> str:
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location)
    if problem["type"] == "extra_forbidden":
        known: Mapping[str, Any] = Settings.model_fields
        if len(location) > 1:
            section = cast(type[BaseModel], Settings.model_fields[location[0]].annotation)
            known = section.model_fields
        return f"setting {key}: {_no_such(location[-1], known)}"
    if problem["type"] == "value_error":
        return f"setting {problem['ctx']['error']}"
    allowed = problem["msg"].removeprefix("Input should be ")
    return f"setting {key}: given {_shown(problem['input'])!r}; allowed: {allowed}"


def _no_such(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"
    return f"there is no setting {name!r}{hint}"
