"""The language rules of CONTRIBUTING.md that a pattern can find. One row is one pattern.

Each row has an example that it finds and a near miss that it accepts; rules_test.py checks both.
Patterns match without regard to case, in text whose `code spans` and "quotes" are hidden.
"""
import dataclasses
import re

from passages import HEADING, hide_code


@dataclasses.dataclass
class Rule:
    name: str
    pattern: str
    fix: str
    bad: str
    good: str
    allowed_in_questions: bool = False
    allowed_in_headings: bool = False


_AUX = r'(?:is|are|was|were|does|do|did|has|have|had|can|may|must|will)'
_START = r'(?:^|(?<=[.;:!?] )|(?<=[.;:!?]\) ))'


def _not_after(words):
    """Returns a pattern that holds unless one of `words` comes before."""
    return ''.join(rf'(?<!\b{word} )' for word in words.split())


_PEOPLE = _not_after('you we I people readers operators person')
_PARTITIVE = _not_after('each all both some most none first last')
_PERSON_VERB = (r'\b(?:hears?|heard|tells?|told|says?|said|knows?|knew|wish(?:es|ed)?|wants?|'
                r'doubts?(?<!\bin doubt)(?<!\bno doubt)|doubted)\b')
_ARCHAIC = (r'\b(?:anew|mend(?:s|ed|ing)?|ill|whoever|in force|so long afterwards|afresh|kin|lest|'
            r'whence|thence|thereof|whereof|aught|naught|betimes)\b')

RULES = [
    Rule('what-clause', r'\bwhat(?:ever)?\b',
         'name the noun instead of "what …" (rule 3)',
         'Returns what the store holds.',
         'What happens if the store is full?',
         allowed_in_questions=True, allowed_in_headings=True),
    Rule('what-clause', r'\bwhom\b|\bthat which\b|'
         r'\bthose (?:of|who|whom|whose|which|that|before|after)\b',
         'name the noun instead of "whom", "that which" or "those …" (rule 3)',
         'Drops those who wait too long.',
         'Drops the waiters that wait too long; those two are done.'),
    Rule('who-clause', _START + r'who(?:ever)?\b(?! is who\b)|'
         r'\b(?:of|by|to|for|with|from|than|and|says?|tells?|knows?|shows?|names?) who\b',
         'name the person or the component instead of "who …" (rule 3)',
         'Who does not wait is refused.',
         'A caller who does not wait is refused. Who may call?',
         allowed_in_questions=True, allowed_in_headings=True),
    Rule('person-verb', _PEOPLE + _PERSON_VERB,
         'machines receive, notify, return, log, report, cache, request (rule 4)',
         'The engine tells the hub.',
         'The engine notifies the hub; you know the name. The id is not known. If in doubt, read it again.'),
    Rule('no-noun', r'(?<!\bthere )\b(?:is|are|was|were|be|been|being) no '
         r'(?!longer\b|more\b|less\b|fewer\b|later\b|earlier\b|different\b|better\b|worse\b|larger\b|'
         r'smaller\b|newer\b|older\b|one else\b)[a-z]\w*',
         'write "is not a valid X" instead of "is no X" (rule 5)',
         'standard input is no terminal',
         'stdin is not a terminal; there is no session; the value is no longer than 64 bytes'),
    Rule('hanging-relative',
         _PARTITIVE + r'\b(?:of|as|than) (?:which|whom|whose)\b|\bthan that\b(?! of\b)',
         'write two sentences instead of "of which", "as which" or "than that" (rule 6)',
         'A version of which every session was to end.',
         'Three words, the last of which is short; it is older than the limit, which ends at noon.'),
    Rule('inversion', r'\bthere (?:is|are|was|were) not\b(?=[.,;:]|$)|'
         + _START + r'(?:not|only then|nowhere|gone) ' + _AUX + r'\b|'
         r', (?:so|as) (?:is|are|was|were|does|do|did|has|have) '
         r'(?:a|an|the|it|its|each|every|any|this|that)\b|'
         + _START + r'(?:were|had|should) (?:it|they|the|a|an|this|that|one)\b',
         'subject, verb, object; a condition starts with "if" or "when" (rule 7)',
         'Plain TCP there is not.',
         'There is not enough memory. Never has an owner. Neither does the log. Should the caller retry?',
         allowed_in_questions=True),
    Rule('archaic', _ARCHAIC,
         'use the plain word: again, repair, unavailable, in effect (rule 8)',
         'the files stay in force until they are mended',
         'the files stay in use until they are fixed; recommend an illness'),
    Rule('archaic', r'\bneither(?=\s*(?:[.;:!)]|$))',
         'write "… is not … either", or name both (rule 8)',
         'Plain TCP is not supported, on this machine neither.',
         'Neither the name nor the id is logged.'),
    Rule('one-pronoun',
         r'\b(?:as far as|if|when|where|before|until|while|unless) '
         r'one (?:knows|can|may|looks|wants|sees|asks)\b|'
         r'\bthat one (?:may|can|must|is|waits|asks|does)\b',
         'name the noun instead of "one" (rule 9)',
         'Live as far as one knows.',
         'There is one. The first one may be used; one is enough.'),
]

_COMPILED = [(rule, re.compile(rule.pattern, re.I)) for rule in RULES]
_SENTENCE_END = re.compile(r'[.?!:](?:\s|$)')


def _in_question(text, offset):
    end = _SENTENCE_END.search(text, offset)
    return bool(end) and end[0][0] == '?'


def check(passage):
    """Yields (line, rule name, matched words, fix) for each finding in `passage`."""
    text = hide_code(passage.text)
    for rule, pattern in _COMPILED:
        if rule.allowed_in_headings and passage.kind == HEADING:
            continue
        for match in pattern.finditer(text):
            if rule.allowed_in_questions and _in_question(text, match.end()):
                continue
            yield passage.line_at(match.start()), rule.name, match[0].strip(), rule.fix
