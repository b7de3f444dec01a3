"""Unlabelled texts for a student: example sentences of WordNet, each also once damaged.

    apt-get install wordnet-base && python wordnet-texts.py > texts.txt

Of the quoted examples of three to sixteen words, those that begin as sentences do. One in two acceptable texts is
followed by a copy with a function word exchanged or dropped, a word moved, dropped, replaced or inflected: a teacher of
acceptability has something to say of it.
"""

import random
import re
import sys

folder = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/wordnet"
count = 22000
openings = r"(he|she|they|we|i|the|this|his|her|it|you|a|an|my|there|that|these)\b"
# Function words, and what is put in their place.
exchanged = {
    **{"is": "are", "are": "is", "was": "were", "were": "was", "has": "have", "have": "has", "do": "does"},
    **{"does": "do", "he": "him", "him": "he", "she": "her", "they": "them", "them": "they", "who": "whom"},
    **{"I": "me", "me": "I", "his": "himself", "himself": "themselves", "that": "which", "many": "much"},
    **{"much": "many", "in": "on", "on": "in", "to": "for", "the": "", "a": "", "an": "", "of": "", "for": ""},
    **{"by": "", "with": "", "will": "", "not": "", "can": ""},
}


def examples() -> list[str]:
    """The examples of all glosses, in the order of the files, none twice."""
    found = []
    for part in ("adj", "adv", "noun", "verb"):
        for line in open(f"{folder}/data.{part}", encoding="latin1"):
            gloss = "" if line.startswith("  ") else line.split("|", 1)[-1]
            found += [text.strip().rstrip(";,") for text in re.findall(r'"([^"]+)"', gloss)]
    return list(dict.fromkeys(text for text in found if 3 <= len(text.split()) <= 16))


def sentences() -> list[str]:
    chosen = [text for text in examples() if text[0].isupper() or re.match(openings, text)]
    written = [text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".") for text in chosen]
    return list(dict.fromkeys(written))


def damaged(text: str, words: list[str], chance: random.Random) -> str:
    parts, mark = text[:-1].split(), text[-1]
    draw = chance.random()
    places = [i for i, word in enumerate(parts) if word in exchanged]
    if draw < 0.45 and places:
        i = chance.choice(places)
        parts[i] = exchanged[parts[i]]
    elif draw < 0.6:
        i = chance.randrange(len(parts) - 1)
        parts[i], parts[i + 1] = parts[i + 1], parts[i]
    elif draw < 0.72:
        del parts[chance.randrange(len(parts))]
    elif draw < 0.82:
        parts[chance.randrange(len(parts))] = chance.choice(words)
    elif draw < 0.92:
        i = chance.randrange(len(parts))
        word = parts[i]
        parts[i] = word[:-1] if word.endswith("s") else word + "s" if word.isalpha() else word
    else:
        word = parts.pop(chance.randrange(len(parts)))
        parts.insert(chance.randrange(len(parts)), word)
    return " ".join(word for word in parts if word) + mark


chance = random.Random(2)
texts = sentences()
random.Random(1).shuffle(texts)
words = [word for text in texts for word in text[:-1].split()]
pairs = [text for whole in texts[:count] for text in (whole, damaged(whole, words, chance))]
print("\n".join(dict.fromkeys(pairs)))
