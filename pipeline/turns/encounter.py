"""One speaker coming in while the other holds the floor, in figures, and what is made of it."""

from dataclasses import dataclass

from pipeline.records import EventCues, EventKind, Role
from pipeline.settings import TurnsSettings

FULL_SNR_DB = 20.0


@dataclass(frozen=True, slots=True)
class Encounter:
    """The features of one onset of O while F holds the floor; all times in seconds."""

    by: Role
    of: Role
    start_s: float
    """t0: where O comes in."""
    overlap_s: float
    overlap_end_s: float
    duration_s: float
    """Length of O's whole vocalization."""
    quiet_before_s: float
    """How long O had been silent."""
    holder_elapsed_s: float
    """How long F's IPU had been going at t0."""
    remaining_s: float
    """What F still says after t0, without a pause."""
    holder_resumes_after_s: float | None
    """Silence of F after that, until F speaks again; ``None`` when F does not."""
    holder_goes_on_s: float
    """Speech of F within the time after O falls silent that shows who kept the floor."""
    holds_s: float
    """How long O goes on after F falls silent, before F speaks again."""
    acknowledgement: bool
    """Whether the words of O that were recognized with certainty are acknowledgements only."""
    wordless: bool
    """Whether no word of O was recognized with certainty: hums and laughter come out as guesses."""
    perhaps_acknowledgement: bool
    """Whether all words of O, the uncertain ones too, are acknowledgements, and there are any."""
    words_probability: float | None
    """How sure the recognizer was of O's words, in the mean: what noise makes up is unlikely."""
    holder_complete: bool
    holder_ends_sentence: bool
    """Whether F's last words carry the mark of the end of a sentence."""
    holder_log_odds: float | None
    """Logarithm of the odds that F's words up to where F falls silent are a finished sentence."""
    holder_words_probability: float | None
    """How sure the recognizer was of F's last words, in the mean."""
    last_word_s: float | None
    """Length of F's last word: the end of a sentence is drawn out."""
    last_word_probability: float | None
    """How sure the recognizer was of it: half a word is a guess."""
    asked: bool
    """Whether F's last words before t0 were a question."""
    quote: str
    in_pause: bool = False
    """Whether F was pausing at t0."""
    turn_elapsed_s: float = 0.0
    """How long F had been going on at t0, short pauses included."""
    echo: bool = False
    """Whether O says F's last words together with F, or finishes them."""
    under_loud_db: float | None = None
    """How far O is under the level of O's loud speech."""
    holder_said: str = ""
    """F's words up to t0, since F's last longer pause."""
    holder_rest: str = ""
    """F's words after t0, up to where F falls silent."""
    holder_next: str = ""
    """What F says next, where F takes it up again soon."""
    comer_before: str = ""
    """What O had said last, where that was not long ago."""
    cues: EventCues | None = None
    """What the sound tells; ``None`` where only times and words are known."""

    @property
    def noise(self) -> float:
        """How noisy the line is, from 0 (the speech is 20 dB over the noise or more) to 1 (10 dB or less)."""
        if self.cues is None or self.cues.snr_db is None:
            return 0.0
        return min(1.0, max(0.0, (FULL_SNR_DB - self.cues.snr_db) / 10))

    def falls_silent(self, settings: TurnsSettings) -> bool:
        """Whether F does not take it up again soon."""
        resumes_s = self.holder_resumes_after_s
        return resumes_s is None or resumes_s > settings.resume_within_s

    def yields(self, settings: TurnsSettings) -> bool:
        """Whether F falls silent soon and leaves O the floor."""
        return self.remaining_s <= settings.yield_within_s and self.holds_s >= settings.goes_on_s


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules make of an encounter; no ``kind`` is no event."""

    kind: EventKind | None
    yielded: bool
    confidence: float
    reason: str


NO_EVENT = Verdict(None, False, 0.0, "")
