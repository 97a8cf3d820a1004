"""The guidance itself: checks with their weights and limits, from ``configs/guidance.yaml``."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from pipeline.errors import SettingsError
from pipeline.records import SecretKind, Verdict
from pipeline.settings import CONFIG_DIR, Section, setting

Source = Literal["A", "B", "C", "D", "E"]
Kind = Literal["do", "dont", "credit", "roll_up"]
Part = Literal["how_said", "what_said"]
Occasion = Literal[
    "always", "problem", "tension", "abuse", "promise", "solution", "message", "supervisor", "secret"
]
LdalPart = Literal["listen", "diffuse", "act", "impression"]

PROBLEM, OTHER, VOICEMAIL = "problem", "other", "voicemail"
"""Kinds of call that mean something to the checks."""

GUIDANCE_FILE = CONFIG_DIR / "guidance.yaml"


class Check(Section):
    source: Source = setting("letter of the source")
    step: str = setting("where it stands in the source")
    kind: Kind = setting("a do, a don't, a credit that is never missed, or a roll-up of other checks")
    part: Part = setting("which of the two scores it counts in")
    occasion: Occasion = setting("what must have arisen for the check to be due")
    weight: float = setting("weight in the scores", ge=0)


class Limits(Section):
    interruption_violation_confidence: float = setting(
        "confidence that one interruption needs before the rule is violated", ge=0, le=1
    )
    missing_confidence: float = setting("how sure it is that something unheard was not said", ge=0, le=1)
    words_coverage: float = setting(
        "share of the agent's speech that must have words before anything is missed", ge=0, le=1
    )
    interruptions_score_zero: int = setting("interruptions from which the score is 0", ge=1)
    long_customer_turn_s: float = setting(
        "turns of the customer that want signs of listening", unit="s", gt=0
    )
    response_within_s: float = setting("paraphrase or question after such a turn", unit="s", gt=0)
    restate_within_share: float = setting("part of the call in which the concern is restated", gt=0, le=1)
    restate_after_account_s: float = setting(
        "time for it after the account, where that ends late", unit="s", ge=0
    )
    restate_shared_words: int = setting("content words that a restatement shares with the customer's", ge=1)
    restate_unmarked_shared_words: int = setting(
        "the same where no speech act shows that something is restated", ge=1
    )
    name_within_s: float = setting("time in which the agent gives the own name", unit="s", gt=0)
    remedy_quickly_s: float = setting("first remedy after the account: quick", unit="s", gt=0)
    remedy_slowly_s: float = setting("first remedy after the account: too late", unit="s", gt=0)
    explained_sentences: int = setting(
        "sentences about a fix, steps or the cause from which it is asked whether all is clear", ge=1
    )
    told_account_s: float = setting(
        "account of the problem that is long enough to be cut off", unit="s", ge=0
    )
    message_words: int = setting("words of a message that says what it is about", ge=1)
    sign_confidence: float = setting("acts of the customer under it are no sign of effort", ge=0, le=1)
    long_cause_s: float = setting("turn about the cause that is long", unit="s", gt=0)
    hold_after_tense_s: float = setting(
        "holds and transfers so soon after a tense span count", unit="s", ge=0
    )
    ending_s: float = setting("the end of the call, in which an open issue shows", unit="s", gt=0)
    partly_score: float = setting("score of what is partly met", ge=0, le=1)
    plain_apology_score: float = setting("score of an apology that names nothing specific", ge=0, le=1)
    mostly: float = setting("mean score of parts from which a check is met", gt=0, le=1)
    somewhat: float = setting("mean score of parts from which a check is partly met", gt=0, le=1)
    overall_checks: int = setting("checks with a score that an overall score, and those of LDAL, need", ge=1)
    part_checks: int = setting("checks with a score that the score of how, or of what, was said needs", ge=1)


class CallKindRule(Section):
    occasions: tuple[Occasion, ...] = setting("occasions that such a call can have")
    acts: tuple[str, ...] = setting("speech acts that show it", default=())
    most_turns: int | None = setting("turns over which it is no kind of its own", default=None, ge=1)
    alone: bool = setting("the other side says no more than a greeting", default=False)


class KindLimits(Section):
    phrase: float = setting("certainty that one phrase gives", gt=0, lt=1)
    opening_turns: int = setting("first turns of the customer that say what the call is about", ge=1)
    about_turns: int = setting("first turns of the customer that say why they call", ge=1)
    later_share: float = setting("share of its certainty that an act has after them", gt=0, le=1)
    other_odds: float = setting("odds of a kind that nothing shows", gt=0)
    sure: float = setting("certainty from which one kind decides what is due", gt=0, le=1)
    possible: float = setting("certainty from which a kind is possible", gt=0, le=1)


class TensionLimits(Section):
    words: dict[str, float] = setting("how tense each act of the customer is, 0..1")
    calming: dict[str, float] = setting("share of the level that each act of the customer takes away")
    strong_words: float = setting("level from which words alone are tense", gt=0, le=1)
    rising_words: float = setting(
        "level from which turns right before those that words make tense belong to them", gt=0, le=1
    )
    negative_words: float = setting("level from which words support the voice", gt=0, le=1)
    voice_share: float = setting("level that the highest voice score gives by itself", ge=0, le=1)
    largest_z: float = setting("voice score that counts as the highest", gt=0)
    voice_z_with_words: float = setting("voice score that is tense with negative words", gt=0)
    voice_z_alone: float = setting("voice score that is tense if it comes repeatedly", gt=0)
    voice_alone_turns: int = setting("turns that must have it", ge=1)
    voice_alone_of_turns: int = setting("among so many turns running", ge=1)
    voice_alone_max_s: float = setting("longest span that voice alone makes", unit="s", gt=0)
    join_turns: int = setting("turns of the customer between two tense ones that join them", ge=0)
    response_s: float = setting("time in which the agent's response is looked at", unit="s", gt=0)
    outcome_change: float = setting("change of the level that is called one", gt=0, le=1)
    calm_level: float = setting("level under which a turn is calm", gt=0, le=1)
    calm_z: float = setting("voice score under which a turn is calm", gt=0)
    trend_min_turns: int = setting("turns of the customer that a trend needs", ge=3)


class EffortSign(Section):
    weight: float = setting("what one sign adds to the estimate", ge=0)
    most: int = setting("how often it may count", ge=1)


class CoachingLimits(Section):
    points: int = setting("most points of each kind", ge=0, le=5)
    severity: dict[Verdict, float] = setting("how much a verdict calls for change")
    tense_factor: float = setting("how much more a moment counts while the customer is tense", ge=1)
    repeated_factor: float = setting("how much less a point counts that the agent got last time", ge=0, le=1)
    least_effect: float = setting("effect under which nothing is said", ge=0)
    least_confidence: float = setting("acts and events under it are no moment to show", ge=0, le=1)
    gravest: tuple[str, ...] = setting("violated checks that come before all others, in this order")
    belongs: dict[str, tuple[str, ...]] = setting("checks that are not praised where the one is violated")
    settled: dict[str, tuple[str, ...]] = setting(
        "checks that make up for the one: where they are met, it is no advice"
    )


class Guidance(Section):
    """The whole file. ``sha256`` is of its bytes."""

    version: str = setting("named in reports")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    checks: dict[str, Check] = setting("by id, in the order of the report")
    call_kinds: dict[str, CallKindRule] = setting("kinds of call by id")
    kind_limits: KindLimits
    secrets: tuple[SecretKind, ...] = setting("kinds of redacted data that the agent should not read out")
    roll_ups: dict[str, tuple[str, ...]] = setting("checks that a roll-up sums up")
    ldal: dict[LdalPart, tuple[str, ...]] = setting("checks of each part")
    limits: Limits
    tension: TensionLimits
    effort: dict[str, EffortSign] = setting("signs of effort by id")
    coaching: CoachingLimits

    @model_validator(mode="after")
    def _known_checks(self) -> Self:
        used = {check for group in (*self.roll_ups.values(), *self.ldal.values()) for check in group}
        if unknown := sorted(used - set(self.checks)):
            raise ValueError(f"roll_ups and ldal name unknown checks: {', '.join(unknown)}")
        named = {*self.coaching.gravest, *self.coaching.belongs, *self.coaching.settled}
        named |= {each for group in self.coaching.belongs.values() for each in group}
        named |= {each for group in self.coaching.settled.values() for each in group}
        if unknown := sorted(named - set(self.checks)):
            raise ValueError(f"coaching names unknown checks: {', '.join(unknown)}")
        kinds = {name for name, check in self.checks.items() if check.kind == "roll_up"}
        if kinds != set(self.roll_ups):
            raise ValueError("every roll_up check needs a list under roll_ups, and no other has one")
        if self.limits.remedy_quickly_s > self.limits.remedy_slowly_s:
            raise ValueError("limits.remedy_quickly_s must not be over limits.remedy_slowly_s")
        if self.limits.somewhat > self.limits.mostly:
            raise ValueError("limits.somewhat must not be over limits.mostly")
        if {PROBLEM, OTHER} - set(self.call_kinds):
            raise ValueError(f"call_kinds must have {PROBLEM} and {OTHER}")
        return self

    @property
    def problem_acts(self) -> tuple[str, ...]:
        """Acts of the customer that make a problem or complaint."""
        return self.call_kinds[PROBLEM].acts


@cache
def load_guidance(path: Path = GUIDANCE_FILE) -> Guidance:
    """The guidance in a file.

    Raises:
        SettingsError: the file cannot be read, or a key in it is unknown, missing or out of range.
    """
    try:
        content = path.read_bytes()
        tree: Any = yaml.safe_load(content)
    except OSError as error:
        raise SettingsError(f"{path.name}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name}: is not YAML: {error}") from error
    if not isinstance(tree, dict):
        raise SettingsError(f"{path.name}: expected sections with keys")
    try:
        return Guidance(**tree, sha256=hashlib.sha256(content).hexdigest())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SettingsError(f"{path.name}: {where}: {first['msg']}") from error
