"""The nouns that stages hand to each other, and the document that a call becomes.

Times are float seconds from the start of the recording. A figure that could not be measured is ``None``
and the ``not_scored`` beside it says why. Everything that reaches ``analysis.json`` is defined here once:
the JSON Schema is derived from these dataclasses.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, JsonValue

from pipeline.timeline import Span

Samples = npt.NDArray[np.float32]
Role = Literal["agent", "customer", "speaker_1", "speaker_2"]
EventKind = Literal[
    "interruption", "backchannel", "terminal_overlap", "failed_attempt", "simultaneous_start", "cooperative"
]
GapKind = Literal["silence", "dead_air", "hold", "look_up", "transfer", "ringing", "after_call"]
SecretKind = Literal[
    "card_number",
    "security_code",
    "expiry_date",
    "social_security_number",
    "bank_account",
    "pin",
    "password",
    "phone_number",
    "email",
    "address",
    "postcode",
    "date_of_birth",
    "name",
    "reference_number",
]
Verdict = Literal["met", "partly_met", "missed", "violated", "not_applicable", "not_scored"]

SCHEMA_VERSION: Literal["1"] = "1"
CLOSED = ConfigDict(extra="forbid")
UNDETERMINED = "und"
"""ISO 639 code of a language that nobody can tell."""


# --- what a recording is ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """Who the agent of a recording is, as a user has said: by channel, or by when the agent speaks."""

    __pydantic_config__ = CLOSED

    sha256: str
    agent_channel: int | None
    agent_speech: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What is known about a call besides its sound; ``None`` is unknown. ``agent_channel`` is 0 or 1."""

    call_id: str
    agent_id: str | None = None
    customer_id: str | None = None
    queue: str | None = None
    started_at: str | None = None
    language: str | None = None
    agent_channel: int | None = None
    correction: Correction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityWarning:
    """Something about the recording that limits what can be measured."""

    __pydantic_config__ = CLOSED

    code: str
    message: str
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Decoded sound and where it came from.

    ``samples`` is float32 of shape (channels, n) in -1..1 at ``sample_rate_hz`` (8000 or 16000), which is
    the rate of analysis; ``source_rate_hz`` is the rate in the file.
    """

    path: Path
    source: str
    sha256: str
    samples: Samples
    sample_rate_hz: int
    source_rate_hz: int
    codec: str
    container: str
    warnings: tuple[QualityWarning, ...] = ()

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def duration_s(self) -> float:
        return float(self.samples.shape[1] / self.sample_rate_hz)


# --- what is heard on it ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelActivity:
    """Where one channel carries speech.

    ``speech`` has tight, unpadded edges and is what timing rests on. ``non_speech`` are stretches of sound
    that are not speech (music, tones). ``noise_floor_db`` and ``speech_level_db`` are RMS levels in dBFS;
    ``None`` when the channel never leaves its floor.
    """

    speech: tuple[Span, ...]
    non_speech: tuple[Span, ...]
    noise_floor_db: float
    speech_level_db: float | None

    @property
    def snr_db(self) -> float | None:
        return None if self.speech_level_db is None else self.speech_level_db - self.noise_floor_db


@dataclass(frozen=True, slots=True, kw_only=True)
class Diarization:
    """Who speaks when on one channel, within the speech that voice activity found.

    ``segments`` and ``exclusive`` hold the spans of each party in the order in which they first speak: one
    party where one voice is alone, else two. ``segments`` keeps overlaps; ``exclusive`` gives speech to one
    of them at a time. ``further`` is speech of voices beyond these two.
    """

    voices: int
    segments: tuple[tuple[Span, ...], ...]
    exclusive: tuple[tuple[Span, ...], ...]
    further: tuple[Span, ...]
    similarity: float | None
    """Cosine between the two voices, -1..1; ``None`` where there is one."""
    confidence: float | None
    """Mean probability that a stretch of speech has the right voice, 0..1; ``None`` where none is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of one speaker's speech."""

    __pydantic_config__ = CLOSED

    speaker: Role
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One recognized word. ``interpolated`` marks a time that the recognizer did not give.

    In a transcript without sound ``probability`` is 1 unless the transcript says otherwise.
    """

    __pydantic_config__ = CLOSED

    word: str
    start_s: float
    end_s: float
    probability: float
    interpolated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLanguage:
    """One window of a speaker's speech: the language it was transcribed in, and what the sound says."""

    start_s: float
    end_s: float
    speech_s: float
    language: str
    probabilities: dict[str, float]
    """Of the likeliest languages by the recognizer's model; empty where the model knows one language only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerTranscript:
    """The words of one speaker in time order, and what was left out of them."""

    words: tuple[Word, ...]
    language: str
    dropped_words: int
    coverage: float | None
    """Share of the speaker's speech time that has words, 0..1; ``None`` without speech."""
    windows: tuple[WindowLanguage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One speaker's hold of the floor, or a backchannel, which takes no floor."""

    __pydantic_config__ = CLOSED

    turn: int
    speaker: Role
    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...]
    backchannel: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one speaker says in a transcript, under the name that the transcript gives the speaker."""

    speaker: str
    start_s: float
    end_s: float
    words: tuple[Word, ...]
    backchannel: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A transcript without its sound, in time order, and where it came from; ``format`` is vtt or json."""

    path: Path
    source: str
    sha256: str
    format: str
    lines: tuple[Line, ...]

    @property
    def duration_s(self) -> float:
        return max(line.end_s for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCues:
    """What the sound of an encounter tells; ``None`` where there is too little voice.

    The one who comes in, at the start: level and pitch against their own usual starts, share of voice. The
    one who holds the floor, in the last 0.3 s: level and pitch against the 1.2 s before, and how long the
    voice dies away, from the last loud frame to the end. ``snr_db`` is the lower of the two channels'.
    """

    __pydantic_config__ = CLOSED

    comer_level_db: float | None
    comer_pitch_st: float | None
    comer_voiced_share: float | None
    holder_end_level_db: float | None
    holder_end_pitch_st: float | None
    holder_end_decay_s: float | None
    snr_db: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One speaker coming in while the other holds the floor; ``by`` comes in, ``of`` held the floor.

    ``start_s`` is where ``by`` comes in and ``end_s`` where the simultaneous speech ends, or where a
    backchannel in a pause of the other ends. ``overlap_s`` is all simultaneous speech of the encounter.
    """

    __pydantic_config__ = CLOSED

    by: Role
    of: Role
    start_s: float
    end_s: float
    overlap_s: float
    kind: EventKind
    yielded: bool
    confidence: float
    quote: str
    reason: str
    remaining_s: float | None = None
    """What the other still said after ``start_s``; ``None`` for a backchannel in a pause."""
    holder_complete: bool | None = None
    """Whether the other's words were complete when they fell silent."""
    talk_over: bool = False
    """Both spoke for longer than the limit, over each other."""
    sure: bool = True
    """Whether it counts: what is not surely an interruption is worth a listen, and counts nowhere."""
    cues: EventCues | None = None

    @property
    def is_interruption(self) -> bool:
        """Whether it counts as an interruption: in figures, scores, exports and pages alike."""
        return self.kind == "interruption" and self.sure


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """A possible cut-off without overlap: ``by`` starts right after a fragment of ``of``, who resumes later.

    It is no event: nobody can tell a cut-off from a hesitation by this, so it has low confidence and is
    counted nowhere.
    """

    __pydantic_config__ = CLOSED

    by: Role
    of: Role
    start_s: float
    gap_s: float
    confidence: float
    quote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    __pydantic_config__ = CLOSED

    turn: int | None
    start_s: float
    end_s: float
    quote: str
    note: str
    kind: str | None = None
    """What kind of such moment it is, where kinds are told apart; advice is worded by it."""
    confidence: float | None = None
    """Of the act or event that it shows."""


# --- what is measured ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RateWindow:
    __pydantic_config__ = CLOSED

    start_s: float
    end_s: float
    wpm: float
    sps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PitchWindow:
    """Median F0 of a window; ``st`` is semitones from the baseline, ``voiced_s`` what it rests on."""

    __pydantic_config__ = CLOSED

    start_s: float
    end_s: float
    f0_median_hz: float
    st: float | None
    loudness_db: float | None
    voiced_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What is usual for a speaker: the reference of pitch, loudness and rates.

    A ``firm`` one holds medians over ``calls`` earlier calls of the agent, with ``voiced_s`` of voice in
    all; it may lack figures that too few of these calls have. A ``provisional`` one comes from the first
    calm part of the call itself: it has no agent, line or rates, and ``calls`` is 0.
    """

    __pydantic_config__ = CLOSED

    agent_id: str | None
    line_type: str | None
    kind: Literal["firm", "provisional"]
    calls: int
    voiced_s: float
    f0_median_hz: float | None
    f0_range_st: float | None
    loudness_median_db: float | None
    articulation_rate_sps: float | None
    speech_rate_wpm: float | None
    as_of: str | None
    """The moment up to which calls were taken, ISO 8601 in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceTurn:
    """Rate, pitch and loudness of one turn; ``None`` where the turn is too short for a figure.

    ``slope_st_per_s`` is the trend of the pitch over the turn; loudness is against the baseline. The scores
    ``_z`` are the customer's only: log F0, level and the share of high frequencies against the customer's
    own first voiced speech, in its standard deviations (docs/measures/tension.md).
    """

    __pydantic_config__ = CLOSED

    turn: int
    start_s: float
    end_s: float
    sps: float | None
    f0_median_hz: float | None
    st: float | None
    slope_st_per_s: float | None
    loudness_db: float | None
    f0_z: float | None = None
    level_z: float | None = None
    high_frequency_z: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerMeasures:
    """Figures of one speaker: counts and durations, what is derived from them, and reasons for nulls.

    ``talk_share`` is of the speech of all speakers added up. ``articulation_rate_sps`` is ``syllables`` over
    ``phonation_s``, the speech in IPUs that carry words; ``speech_rate_wpm`` is ``turn_words`` over
    ``turn_time_s``, own pauses included and backchannels left out.
    """

    __pydantic_config__ = CLOSED

    talk_s: float
    talk_share: float | None
    words: int
    syllables: int
    turns: int
    turn_words: int
    turn_time_s: float
    phonation_s: float
    longest_turn_s: float | None
    coverage: float | None
    dropped_words: int
    speech_rate_wpm: float | None
    articulation_rate_sps: float | None
    rate_confidence: Literal["full", "low"] | None
    rate_windows: tuple[RateWindow, ...]
    voiced_s: float
    f0_median_hz: float | None
    f0_median_st: float | None
    f0_range_st: float | None
    f0_baseline_hz: float | None
    f0_vs_baseline_st: float | None
    pitch_windows: tuple[PitchWindow, ...]
    loudness_median_db: float | None
    loudness_vs_baseline_db: float | None
    noise_floor_db: float | None
    snr_db: float | None
    interruptions: int | None
    backchannels: int | None
    response_latency_median_s: float | None
    not_scored: dict[str, str]
    baseline: Baseline | None = None
    nuclei_rate_sps: float | None = None
    """Articulation rate as counted in the signal, without words: a check of the other."""
    voice_turns: tuple[VoiceTurn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Both silent for longer than the threshold; ``kind`` is the cause, as far as it can be told.

    ``before`` is what was said last before it, by either; ``None`` where nobody had spoken yet.
    """

    __pydantic_config__ = CLOSED

    start_s: float
    end_s: float
    kind: GapKind
    before: Evidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A hold or a look-up, and how the agent handled it. Announcing, asking and thanking are the agent's.

    ``consent`` is ``False`` when the customer refused or was not asked, and ``None`` when it cannot be told:
    asked without a reply that is understood. ``music`` is sound on the line that is not speech. What is
    ``None`` because it could not be judged has its reason in ``not_scored``; a ``reason`` or ``time_given``
    of ``None`` without one was not given.
    """

    __pydantic_config__ = CLOSED

    start_s: float
    end_s: float
    announced: bool
    reason: str | None
    consent: bool | None
    music: bool = False
    consent_asked: bool | None = None
    time_given: str | None = None
    thanked: bool | None = None
    announcement: Evidence | None = None
    consent_question: Evidence | None = None
    reply: Evidence | None = None
    thanks: Evidence | None = None
    before: Evidence | None = None
    """What was said last before it, by either."""
    not_scored: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAccount:
    """The customer's first telling of the problem, and how it ended.

    ``turns`` are the customer's; ``prompts`` are the agent's backchannels, invitations and short questions
    inside it, which do not end it. ``cut_off`` tells whether the agent took the floor while the customer had
    not finished; ``taken_s`` is where the agent first took the floor, ``None`` when that never happened.
    """

    __pydantic_config__ = CLOSED

    start_s: float
    end_s: float
    turns: tuple[int, ...]
    words: int
    cut_off: bool | None
    reason: str
    taken_s: float | None
    taken_by: Evidence | None
    prompts: tuple[Evidence, ...]
    interruptions: tuple[Evidence, ...]
    """Interruptions by the agent from its start on, until the agent took the floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """What the agent did while the customer had something to tell: counts, what they rest on, evidence.

    ``long_turns`` are the customer's turns of ``listening.long_turn_s`` and more; the backchannels are those
    of the agent inside them. ``interruptions`` are by the agent, of the customer.
    """

    __pydantic_config__ = CLOSED

    first_account: FirstAccount | None
    long_turns: int | None
    long_turn_time_s: float | None
    long_turn_backchannels: int | None
    backchannels_per_min: float | None
    backchannels: tuple[Evidence, ...]
    longest_agent_turn: Evidence | None
    long_agent_turns: tuple[Evidence, ...]
    """Turns of the agent that last longer than ``turns.longest_turn_s``."""
    interruptions: int | None
    customer_talk_s: float | None
    interruptions_per_customer_min: float | None
    not_scored: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMeasures:
    __pydantic_config__ = CLOSED

    duration_s: float
    speech_s: float | None
    overlap_s: float | None
    overlap_share: float | None
    silence_s: float | None
    silence_share: float | None
    gaps: tuple[Gap, ...]
    holds: tuple[Hold, ...]
    talk_ratio_agent: float | None
    not_scored: dict[str, str]
    look_ups: tuple[Hold, ...] = ()
    """Short silences that the agent announced."""
    listening: Listening | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Measures per role; a role that the call does not have is ``None``."""

    __pydantic_config__ = CLOSED

    agent: SpeakerMeasures | None
    customer: SpeakerMeasures | None
    speaker_1: SpeakerMeasures | None
    speaker_2: SpeakerMeasures | None
    call: CallMeasures

    def of(self, role: Role) -> SpeakerMeasures | None:
        measures: SpeakerMeasures | None = getattr(self, role)
        return measures

    def by_role(self) -> dict[Role, SpeakerMeasures]:
        """The speakers that the call has, in a fixed order."""
        roles: tuple[Role, ...] = ("agent", "customer", "speaker_1", "speaker_2")
        return {role: found for role in roles if (found := self.of(role)) is not None}


# --- the document -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageShare:
    """How much of the speech of a call is in one language, 0..1."""

    __pydantic_config__ = CLOSED

    language: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What is known of a call; rate and channels are 0, and ``codec`` is vtt or json, without sound.

    ``language_confidence`` is the probability of the language by the sound, 0..1; ``None`` where nothing was
    heard, or the recognizer knows one language only. ``language_doubt`` says why nothing is judged by words.
    """

    __pydantic_config__ = CLOSED

    call_id: str
    source: str
    sha256: str
    agent_id: str | None
    customer_id: str | None
    queue: str | None
    started_at: str | None
    duration_s: float
    sample_rate_hz: int
    channels: int
    codec: str
    language: str
    language_confidence: float | None = None
    languages: tuple[LanguageShare, ...] = ()
    language_doubt: Literal["unsure", "mixed", "mismatch"] | None = None

    @property
    def spoken_languages(self) -> tuple[str, ...]:
        """Every language that may be spoken in the call, the main one first."""
        others = (UNDETERMINED,) if self.language_doubt else ()
        return tuple(dict.fromkeys((self.language, *(one.language for one in self.languages), *others)))

    @property
    def judged_language(self) -> str:
        """The language whose rules the words are judged by: an undetermined one where that is in doubt."""
        return UNDETERMINED if self.language_doubt else self.language

    @property
    def has_sound(self) -> bool:
        """Whether a recording was analyzed; else a transcript alone."""
        return self.sample_rate_hz > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """How speakers were told apart; ``single`` where no sound did, also in a transcript alone."""

    __pydantic_config__ = CLOSED

    method: Literal["channels", "diarization", "single"]
    role_method: Literal["channel_map", "metadata", "transcript", "unknown"]
    role_confidence: float
    agent_label: str | None
    """Which part of the recording is the agent: ``channel_0``, ``channel_1``, or ``speaker_1``, ``speaker_2``
    as voices on one channel, or speakers of a transcript, were first named; ``None`` when unknown."""
    doubted: bool = False
    """What was said contradicts the roles that were stated: nothing is judged, or learned of the agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    __pydantic_config__ = CLOSED

    warnings: tuple[QualityWarning, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    __pydantic_config__ = CLOSED

    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    __pydantic_config__ = CLOSED

    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A speech act recognized in a sentence: what somebody does by saying it.

    ``id`` is one of ``configs/speech_acts.<language>.yaml``; ``layer`` tells what found it: a phrase pattern,
    the meaning of the sentence, or the optional judge. ``confidence`` is the share of such findings that
    are right in ordinary calls, 0..1. ``sure`` tells whether that is enough: only sure acts decide verdicts,
    scores, counts, tension and rankings; the others are moments to check.
    """

    __pydantic_config__ = CLOSED

    id: str
    speaker: Role
    turn: int
    start_s: float
    end_s: float
    quote: str
    layer: Literal["phrase", "meaning", "judge"]
    confidence: float
    sure: bool = True
    kind: str | None = None
    """Which of the act's kinds the words show, where it has any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallKind:
    """What kind of call it is, told from its words; it decides which checks are due.

    ``certainty`` is 0..1, 0 for ``other``, which nothing shows. ``possible`` are the kinds that it may be:
    one where that is sure. Only what all of them ask for is due.
    """

    __pydantic_config__ = CLOSED

    kind: str
    certainty: float
    possible: tuple[str, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondOpinion:
    """What the optional judge says of a check; every quote of its evidence is in the transcript.

    ``replaced`` is the product's own verdict where the judge's stands in its place, by the setting
    ``judge.decides``.
    """

    __pydantic_config__ = CLOSED

    model: str
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    reason: str
    replaced: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict on one check of the guidance.

    ``confidence`` is how sure the verdict is, 0..1: of the act or event that decided it, or that a missing
    one would have been recognized. ``certainty`` is the share of such verdicts that are right in ordinary
    calls, where an act decided. ``to_check`` are moments that are not sure enough for a verdict: they change
    no score and no count.
    """

    __pydantic_config__ = CLOSED

    id: str
    source: str
    verdict: Verdict
    score: float | None
    weight: float
    evidence: tuple[Evidence, ...]
    reason: str
    confidence: float | None = None
    certainty: float | None = None
    to_check: tuple[Evidence, ...] = ()
    second_opinion: SecondOpinion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TensionPoint:
    """The tension of one turn of the customer: what its words and its voice say, and both together, 0..1.

    ``voice_z`` is the mean of the turn's voice scores, ``None`` where it has too little voice.
    """

    __pydantic_config__ = CLOSED

    t_s: float
    level: float
    turn: int | None = None
    words: float | None = None
    voice_z: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TensionSpan:
    __pydantic_config__ = CLOSED

    start_s: float
    end_s: float
    peak: float
    agent_response: dict[str, str | float | None]
    outcome: Literal["fell", "held", "rose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tension:
    __pydantic_config__ = CLOSED

    curve: tuple[TensionPoint, ...]
    spans: tuple[TensionSpan, ...]
    not_scored: str | None
    peak: float | None = None
    start_level: float | None = None
    end_level: float | None = None
    trend_per_min: float | None = None
    """Theil-Sen slope of the level; ``None`` with too few turns. The two below are its 95% interval."""
    trend_low_per_min: float | None = None
    trend_high_per_min: float | None = None
    recovery_s: float | None = None
    """From the tensest turn to the first calm one after it; ``None`` if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortSignal:
    __pydantic_config__ = CLOSED

    id: str
    weight: float
    count: int
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    __pydantic_config__ = CLOSED

    estimate: float | None
    signals: tuple[EffortSignal, ...]
    not_scored: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Something that somebody commits to do.

    ``when`` is a date or a time, ISO 8601, if the call's own start is known and the words name one; else
    the words themselves, which are always in ``said_when``.
    """

    __pydantic_config__ = CLOSED

    who: Role
    what: str
    when: str | None
    start_s: float
    quote: str
    said_when: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LdalScores:
    __pydantic_config__ = CLOSED

    listen: float | None
    diffuse: float | None
    act: float | None
    impression: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSum:
    """How a score came about: 100 x ``points`` / ``weight``, summed over the checks that are counted."""

    __pydantic_config__ = CLOSED

    id: str
    points: float
    weight: float
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LdalMoment:
    """Where in the call a part of LDAL shows."""

    __pydantic_config__ = CLOSED

    part: Literal["listen", "diffuse", "act", "impression"]
    check: str
    start_s: float
    end_s: float
    kept: bool
    """Whether the check was met here; ``False`` where it was not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Scores 0..100; ``None`` where nothing under it could be scored."""

    __pydantic_config__ = CLOSED

    overall: float | None
    how_said: float | None
    what_said: float | None
    ldal: LdalScores
    not_scored: tuple[str, ...]
    sums: tuple[ScoreSum, ...] = ()
    ldal_moments: tuple[LdalMoment, ...] = ()
    act_before_listen_s: float | None = None
    """When Act began, if that was before the customer's account was finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoachingPoint:
    __pydantic_config__ = CLOSED

    title: str
    why: str
    source: str
    start_s: float
    end_s: float
    quote: str
    try_this: str
    check: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coaching:
    __pydantic_config__ = CLOSED

    summary: str
    keep: tuple[CoachingPoint, ...]
    change: tuple[CoachingPoint, ...]


Outcome = Literal["solved", "promised", "transferred", "not_solved", "unclear"]
"""What came of a call; ``unclear`` where nothing that was surely said tells it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlineEvidence:
    __pydantic_config__ = CLOSED

    about: tuple[Evidence, ...] = ()
    outcome: tuple[Evidence, ...] = ()
    contacts_before: tuple[Evidence, ...] = ()
    say_to_agent: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The call in ten seconds; what nobody surely said is ``None``.

    ``about`` is in the customer's words. ``contacts_before`` is how often the customer says to have been in
    contact; it is ``None`` with evidence where they say that they were, not how often.
    """

    __pydantic_config__ = CLOSED

    about: str | None = None
    outcome: Outcome = "unclear"
    contacts_before: int | None = None
    say_to_agent: str | None = None
    evidence: HeadlineEvidence = HeadlineEvidence()


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """Something taken out: words of a turn, and the sound from ``start_s`` to ``end_s``."""

    __pydantic_config__ = CLOSED

    kind: SecretKind
    start_s: float
    end_s: float
    turn: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUsed:
    __pydantic_config__ = CLOSED

    role: str
    name: str
    sha256: str | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """A judgment that is younger than the measures: when, and by which version and settings."""

    __pydantic_config__ = CLOSED

    at: str
    product_version: str
    config_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    __pydantic_config__ = CLOSED

    product_version: str
    config_sha256: str
    models: tuple[ModelUsed, ...]
    stage_seconds: dict[str, float]
    created_at: str
    guidance_version: str | None = None
    guidance_sha256: str | None = None
    """Identity of the files in ``configs/`` that what was said is judged by."""
    speech_acts_sha256: str | None = None
    """Of the files that speech acts were recognized by; ``None`` where the language has none."""
    rescored: Rescored | None = None
    original_dir: str | None = None
    """Absolute: the folder in which words and sound were also kept as they were, if they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A setting that a figure was judged by, as it was for this call."""

    __pydantic_config__ = CLOSED

    key: str
    value: float | int | str | bool | None
    unit: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What is no longer there: when the words and the sound of a call were removed, ISO 8601 in UTC.

    ``None`` is not removed. Without words, everything that repeats some is empty: texts, quotes, notes.
    """

    __pydantic_config__ = CLOSED

    audio_at: str | None = None
    transcript_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """A text as it stands in the document, and its key and values in the file of the report's language.

    A text that is filled into another is an object of its own ``key`` and ``values``.
    """

    text: str
    key: str
    values: dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """All that is known of one call: the content of ``analysis.json``."""

    __pydantic_config__ = CLOSED

    schema_version: Literal["1"] = SCHEMA_VERSION
    call: CallFacts
    separation: Separation
    quality: Quality
    transcript: Transcript
    speech: Speech
    measures: Measures
    interruptions: tuple[Event, ...]
    acts: tuple[Act, ...]
    tension: Tension
    guidance: tuple[Finding, ...]
    effort: Effort
    promises: tuple[Promise, ...]
    scores: Scores
    coaching: Coaching
    redactions: tuple[Redaction, ...]
    thresholds: tuple[Threshold, ...]
    provenance: Provenance
    cut_offs: tuple[CutOff, ...] = ()
    removed: Removed = Removed()
    headline: Headline = Headline()
    call_kind: CallKind | None = None
    """``None`` where nothing can be said of the words."""
    texts: tuple[Worded, ...] = ()
    """What the reasons, notes, messages and advice of this document were made from."""
