"""Which dead letters are kept as examples. Pure."""

from collections import Counter

from app.read_model.documents import LetterExample

__all__ = ["kept"]


def kept(examples: list[LetterExample], most: int) -> list[LetterExample]:
    """At most so many, the newest first; the oldest of the topic and reason that has most goes: a flood hides no other."""
    if len(examples) <= most:
        return examples
    same = [at for at, each in enumerate(examples) if each.reason == examples[0].reason and each.topic == examples[0].topic]
    if 2 * len(same) > len(examples):  # the flood: no other can have more
        del examples[same[-1]]
        return examples
    having = Counter((each.topic, each.reason) for each in examples)
    fullest = max(having.values())
    oldest = next(at for at in reversed(range(len(examples))) if having[examples[at].topic, examples[at].reason] == fullest)
    del examples[oldest]
    return examples
