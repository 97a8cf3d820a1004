"""What kind of call it is, told from its words: that decides which checks are due.

Every kind has odds: from the speech acts that show it (``configs/guidance.yaml``) and the phrases for it
(``configs/call_kinds.<language>.yaml``), each counted as an independent sign; ``other`` has odds of its own.
The certainty of a kind is its share of all odds.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import prod

from pydantic import BaseModel, ConfigDict

from pipeline.guidance.config import OTHER, CallKindRule, Guidance, Occasion
from pipeline.guidance.patterns import compile_pattern, searchable
from pipeline.language_files import read_language_file
from pipeline.records import Act, CallKind, Evidence, Role, Turn
from pipeline.texts import Text

SENTENCE = re.compile(r"[^.?!]+[.?!]*")
MOST_CERTAIN = 0.99
EVIDENCE = 3
ROLES: tuple[Role, ...] = ("customer", "agent")


class KindPhrases(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    customer: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()


class KindsFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    groups: dict[str, tuple[str, ...]]
    kinds: dict[str, KindPhrases]


@dataclass(frozen=True, slots=True)
class _Sign:
    certainty: float
    evidence: Evidence


def kind_of(turns: Sequence[Turn], acts: Sequence[Act], language: str, guidance: Guidance) -> CallKind:
    """The likeliest kind, how sure it is, and which others are possible."""
    held = [turn for turn in turns if not turn.backchannel and turn.text]
    signs = {
        name: _signs(name, rule, held, acts, language, guidance)
        for name, rule in guidance.call_kinds.items()
        if name != OTHER and _fits(rule, held)
    }
    odds = {OTHER: guidance.kind_limits.other_odds}
    for name, found in signs.items():
        if found:
            sure = min(MOST_CERTAIN, 1 - prod(1 - sign.certainty for sign in found))
            odds[name] = sure / (1 - sure)
    total = sum(odds.values())
    shares = {name: each / total for name, each in odds.items()}
    likeliest = max(shares, key=lambda name: shares[name])
    limits = guidance.kind_limits
    possible = tuple(name for name in guidance.call_kinds if shares.get(name, 0.0) >= limits.possible)
    best = sorted(signs.get(likeliest, []), key=lambda sign: -sign.certainty)[:EVIDENCE]
    return CallKind(
        kind=likeliest,
        certainty=shares[likeliest] if likeliest != OTHER else 0.0,
        possible=(likeliest,) if shares[likeliest] >= limits.sure else possible,
        evidence=tuple(sorted((sign.evidence for sign in best), key=lambda one: one.start_s)),
    )


def due_in(kind: CallKind, guidance: Guidance) -> frozenset[Occasion]:
    """The occasions that every possible kind of the call can have."""
    allowed = [frozenset(guidance.call_kinds[name].occasions) for name in kind.possible]
    return frozenset.intersection(*allowed) if allowed else frozenset()


def _fits(rule: CallKindRule, held: Sequence[Turn]) -> bool:
    if rule.most_turns is not None and len(held) > rule.most_turns:
        return False
    return not rule.alone or sum(turn.speaker == "customer" for turn in held) <= 1


def _signs(
    name: str,
    rule: CallKindRule,
    held: Sequence[Turn],
    acts: Sequence[Act],
    language: str,
    guidance: Guidance,
) -> list[_Sign]:
    """What shows a kind: acts in the opening, sure ones partly after it, and phrases; one a turn."""
    limits = guidance.kind_limits
    own = [turn.turn for turn in held if turn.speaker == "customer"][: limits.opening_turns]
    last = own[-1] if own else -1
    found: dict[int, _Sign] = {}

    def note(turn: int, sign: _Sign) -> None:
        if turn not in found or found[turn].certainty < sign.certainty:
            found[turn] = sign

    for act in acts:
        opening = act.turn <= last
        if act.id in rule.acts and (act.sure or opening):
            certainty = act.confidence * (1.0 if opening else limits.later_share)
            said = Evidence(
                turn=act.turn,
                start_s=act.start_s,
                end_s=act.end_s,
                quote=act.quote,
                note=Text("note.tells_kind"),
            )
            note(act.turn, _Sign(certainty, said))
    patterns = _patterns(language).get(name, {})
    for turn in held:
        if turn.speaker == "customer" and turn.turn > last:
            continue
        for sentence in SENTENCE.findall(turn.text):
            if any(pattern.search(searchable(sentence)) for pattern in patterns.get(turn.speaker, ())):
                said = Evidence(
                    turn=turn.turn,
                    start_s=turn.start_s,
                    end_s=turn.end_s,
                    quote=sentence.strip(),
                    note=Text("note.tells_kind"),
                )
                note(turn.turn, _Sign(limits.phrase, said))
    return list(found.values())


@cache
def _patterns(language: str) -> Mapping[str, Mapping[str, tuple[re.Pattern[str], ...]]]:
    """Phrases by kind and speaker; none in a language that has no file."""
    file = read_language_file("call_kinds", language, KindsFile)
    if file is None:
        return {}
    return {
        name: {
            role: tuple(compile_pattern(phrase, file.groups) for phrase in getattr(phrases, role))
            for role in ROLES
        }
        for name, phrases in file.kinds.items()
    }
