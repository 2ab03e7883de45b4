"""Every rule that a diagnostic can break: code, name, meaning.

E0 files, E1 syntax, E2 words and names, E3 shapes, E4 claims.
"""

from __future__ import annotations

from archdsl.diagnostics.diagnostic import Rule

UNREADABLE_FILE = Rule(
    "E001",
    "unreadable-file",
    "The file does not exist, is a folder, or may not be read.",
    fatal=True,
)
NOT_TEXT = Rule("E002", "not-text", "The file is not UTF-8 text.", fatal=True)
NO_ARCH = Rule("E003", "no-arch", "The file defines no network.")

SYNTAX = Rule("E101", "syntax", "The text is not a statement of the language.")
NESTING = Rule("E102", "nesting", "Blocks or parentheses are nested deeper than any network needs.")
NUMBER = Rule("E103", "number", "A number has too many digits, or is out of any network's range.")

UNKNOWN_WORD = Rule("E201", "unknown-word", "No layer, declaration or setting has this name.")
UNKNOWN_ARGUMENT = Rule("E202", "unknown-argument", "The word has no such argument.")
REPEATED_ARGUMENT = Rule("E203", "repeated-argument", "An argument is given twice.")
BAD_ARGUMENT = Rule("E204", "bad-argument", "An argument has the wrong type or is out of range.")
MISSING_ARGUMENT = Rule("E205", "missing-argument", "An argument that has no default is missing.")
UNKNOWN_NAME = Rule("E206", "unknown-name", "A name stands for no parameter, stage or layer.")
MISPLACED = Rule("E207", "misplaced", "The statement does not belong where it stands.")
REPEATED = Rule("E208", "repeated", "Something that may stand once is given twice.")
BAD_LABEL = Rule("E209", "bad-label", "The name cannot be used as a label.")
UNEXPECTED_PART = Rule(
    "E210",
    "unexpected-part",
    "A statement has a label, a block or a claim that its word cannot have.",
)
BAD_OVERRIDE = Rule("E211", "bad-override", "A value given by --set fits no parameter.", fatal=True)

UNKNOWN_FILE = Rule("E212", "unknown-file", "A file that is named by use cannot be read.")
USE_CYCLE = Rule("E213", "use-cycle", "A file uses itself, or files use each other in a circle.")
RECURSION = Rule("E214", "recursion", "A block uses itself, or an arch is a variant of itself.")
NO_MATCH = Rule("E215", "no-match", "An edit of a variant is of something that is not there.")

LOSSY_STRIDE = Rule(
    "E301",
    "lossy-stride",
    "The size does not divide, so rounding down drops rows or columns that no window ever sees.",
)
WINDOW_TOO_LARGE = Rule("E302", "window-too-large", "The window is larger than its padded input.")
INDIVISIBLE = Rule("E303", "indivisible", "Channels do not divide by the groups or the devices.")
WRONG_RANK = Rule("E304", "wrong-rank", "The layer needs a CxHxW input and gets a vector.")
TOO_LARGE = Rule("E305", "too-large", "A tensor, or a network, is larger than any that is built.")
JOIN_MISMATCH = Rule("E307", "join-mismatch", "Branches that are joined have shapes that differ.")
BAD_WINDOW = Rule(
    "E306", "bad-window", "Kernel, stride, padding and dilation contradict each other."
)

WRONG_SHAPE = Rule("E401", "wrong-shape", "A layer's output is not the shape claimed for it.")
WRONG_CLAIM = Rule("E402", "wrong-claim", "A figure of the network is not what is claimed.")

RULES: tuple[Rule, ...] = tuple(value for value in globals().values() if isinstance(value, Rule))
