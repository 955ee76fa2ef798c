"""Escapers of untrusted text, one for each output format.

Names of methods, labels, classes, data sets and paths, and reasons of failures, may come from a
plugin, a folder or a pack made elsewhere. Ordinary names come out of each function unchanged.
"""

import re
import unicodedata
from html import escape
from typing import Any

NAME = r"[^\W_][\w.+-]{0,59}"  # of a method, a data set, a noise kind: it becomes the name of a folder too
NAME_WORDS = "a letter or digit, then at most 59 letters, digits, and signs of . + - _"
# Signs that fonts draw as nothing although Python counts them as printable.
BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
FORMULA = tuple("=+-@\t\r＝＋－＠")  # a spreadsheet takes text that begins with one for a formula
LONGEST = 300  # characters of one piece of text in a figure; a longer one would not fit any

# Signs that Markdown reads, each with what must follow for it to mean anything.
MARKDOWN = re.compile(
    r"[`*~$|]"
    r"|\\(?=[!-/:-@\[-`{-~]|$)"  # escapes what follows
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis begins and ends beside a word, not within
    r"|<(?=[A-Za-z/!?])"  # a tag
    r"|&(?=#?\w+;)"  # an entity
    r"|(?<=\w):(?=//)|(?<=\bwww)\."  # an address becomes a link
    r"|^[#>=+-](?![\d.])"  # a heading, a quotation, a list
)
BRACKETS = re.compile(r"[\[\]]")


def is_printable(text: str) -> bool:
    """Return whether each character of a text is seen; of blanks only the plain space counts."""
    return text.isprintable() and not re.search(f"[{BLANKS}]", text)


def printable(text: object) -> str:
    r"""Return a text on one line, for terminals and comments: what cannot be seen is spelled out.

    Controls, escape sequences, invisible and bidirectional marks and lone surrogates are such.

    >>> print(printable("a\nb\x1b[2J\u202e"))
    a\nb\x1b[2J\u202e
    """
    said = str(text)
    return said if is_printable(said) else "".join(map(_spelled, said))


def _spelled(sign: str) -> str:
    return sign if is_printable(sign) else sign.encode("unicode_escape").decode()


def markdown(text: object) -> str:
    r"""Return a text as Markdown that shows it, in a cell of a table too.

    >>> print(markdown("a|b <script> deep_ensemble *x*"))
    a\|b \<script> deep_ensemble \*x\*
    """
    said = MARKDOWN.sub(r"\\\g<0>", printable(text))
    return said if _are_no_link(said) else BRACKETS.sub(r"\\\g<0>", said)


def _are_no_link(text: str) -> bool:
    """Return whether the square brackets of a text are pairs, with nothing that makes a link."""
    depth = 0
    for sign in BRACKETS.findall(text):
        depth += 1 if sign == "[" else -1
        if depth < 0:
            return False
    return depth == 0 and not re.search(r"\][(\[:]", text)


def csv_cell(value: Any) -> Any:
    """Return a value for a CSV file: text on one line that no spreadsheet takes for a formula.

    What is no text stays as it is, and so does text that spells a number.

    >>> csv_cell("=1+1"), csv_cell("-0.5"), csv_cell(-0.5)
    ("'=1+1", '-0.5', -0.5)
    """
    if not isinstance(value, str):
        return value
    is_formula = value.lstrip().startswith(FORMULA) or value.startswith(FORMULA)
    return f"'{printable(value)}" if is_formula and not _is_number(value) else printable(value)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)", text) is not None


def figure_text(text: object) -> str:
    r"""Return a text that matplotlib draws as it is: no `$` begins mathematics.

    A leading underscore would hide a line of a legend, so a space comes before it.

    >>> print(figure_text("a$b_$c"))
    a\$b_\$c
    """
    said = printable(text)
    cut = said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
    return f"{' ' * cut.startswith('_')}{cut}".replace("$", r"\$")


def html(text: object) -> str:
    """Return a text for an element or an attribute of HTML.

    >>> html('<script>"&')
    '&lt;script&gt;&quot;&amp;'
    """
    return escape(printable(text))


# What a LaTeX document of any encoding and font prints for a sign. `[` and `*` would mean something
# at the start of a table's row.
LATEX_SIGNS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "`": r"\textasciigrave{}", '"': r"{\ttfamily\char34}", "[": "{[}", "*": "{*}",
    "±": r"$\pm$", "−": "$-$", "–": "--", "—": "---", "×": r"$\times$", "²": "$^2$", "³": "$^3$",
    "†": r"$^\dagger$", "…": r"\dots{}", "·": r"$\cdot$", "≤": r"$\leq$", "≥": r"$\geq$", "’": "'",
    "“": "``", "”": "''", "ß": r"\ss{}",
}  # fmt: skip
APART = "\0"  # keeps two hyphens from becoming a dash; no printable text holds it
ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u030a": "r", "\u0327": "c"}
GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi "
    "psi omega"
)
GREEK = dict(zip("αβγδεζηθικλμνξπρστυφχψω", GREEK_NAMES.split(), strict=True))


def latex(text: object) -> str:
    r"""Return a text that LaTeX prints as it is, whatever engine and fonts it has.

    A sign that not every document can print, such as an emoji, is spelled out.

    >>> print(latex("a_b & 50 % ± é 猫"))
    a\_b \& 50 \% $\pm$ \'{e} \textbackslash{}u732b
    """
    return "".join(map(_in_latex, re.sub("-(?=-)", f"-{APART}", printable(text))))


def _in_latex(sign: str) -> str:
    if sign in LATEX_SIGNS:
        return LATEX_SIGNS[sign]
    if sign == APART:
        return "{}"
    if sign in GREEK:
        return rf"$\{GREEK[sign]}$"
    if sign.isascii():
        return sign
    base, *marks = list(unicodedata.normalize("NFD", sign))
    if base.isascii() and base.isalpha() and len(marks) == 1 and marks[0] in ACCENTS:
        return rf"\{ACCENTS[marks[0]]}{{{base}}}"
    return latex(sign.encode("unicode_escape").decode())
