"""How a name becomes a key. The same rules as crates/vigie/src/gazetteer/fold.rs, whose tests
compare every key written here with its own."""

import re
import unicodedata

# Letters that decomposition leaves alone.
LETTERS = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i",
    "ħ": "h", "ŋ": "n", "ə": "e",
}  # fmt: skip

# Words that are written short or in full.
WORDS = {"st": "saint", "ste": "sainte"}


def fold(name: str) -> str:
    """`name` without case, accents, spaces, hyphens, apostrophes and other signs."""
    text = []
    for letter in unicodedata.normalize("NFKD", name):
        for lower in letter.lower():
            if unicodedata.category(lower) == "Mn" or "\u02b0" <= lower <= "\u02ff":
                continue
            text.append(LETTERS.get(lower, lower))
    words = re.split(r"[\W_]+", "".join(text))
    return "".join(WORDS.get(word, word) for word in words)


def is_key(key: str) -> bool:
    """Whether `key` can be typed on a Latin keyboard: only such names are kept."""
    return bool(re.fullmatch(r"[a-z0-9]+", key))
