"""Every rule that a diagnostic can break: code, name, meaning, and what `archdsl explain` says.

E0 files, E1 syntax, E2 words and names, E3 shapes, E4 claims; W5 lints, which warn of what can be
built but is hardly meant.
"""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.diagnostics.diagnostic import Rule, Severity
from archdsl.diagnostics.suggest import nearest

UNREADABLE_FILE = Rule(
    "E001",
    "unreadable-file",
    "There is no such file, or it may not be read.",
    fatal=True,
    text="archdsl was told to read a file and could not; the message has the system's reason. "
    "Nothing can be said of a spec that was not read, so the exit code is 2 and not 1.",
    why="A script that checks specs must be able to tell a wrong network from one that it has "
    "not looked at.",
    remedy="Give the path of a .arch file, of a folder that holds some, or - for standard input.",
)
NOT_TEXT = Rule(
    "E002",
    "not-text",
    "The file is not UTF-8 text.",
    fatal=True,
    text="The bytes of the file are not UTF-8. The message names the first that cannot be: an é "
    "saved as Latin-1 is the single byte 0xe9. A byte order mark and Windows line ends are fine.",
    why="A guessed encoding would show names and comments that nobody wrote.",
    remedy="Save it as UTF-8: iconv -f latin1 -t utf-8 old.arch > new.arch",
)
NO_ARCH = Rule(
    "E003",
    "no-arch",
    "The file defines no network.",
    text="There is nothing in the file but comments and blank lines. A file of blocks and lets "
    "for other files to use is no error; a file of nothing is.",
    why="It is more often a wrong path, or a file that was never saved, than a wish.",
    example="# AlexNet, to be written",
    mended="""
    # AlexNet, begun
    arch AlexNet {
      input 3x227x227
    }
    """,
    remedy="Write an arch, or name the file that you meant.",
)

SYNTAX = Rule(
    "E101",
    "syntax",
    "The text is not a statement of the language.",
    text="Everything is written in one form: [label:] word argument… [{ block }]… [-> shape]. A "
    "statement ends with its line or at a ;. Arithmetic and tuples stand in parentheses, paths "
    "in double quotes. The message says what stands where nothing of the kind can.",
    why="What cannot be read is not guessed at. The other lines are read and checked all the "
    "same, so all mistakes are told at once.",
    example="""
    arch Net {
      input 3x64x64
      conv 2*32 3x3
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv (2*32) 3x3
    }
    """,
    remedy="Mend the line that is marked; archdsl words lists the words and how they are written.",
)
NESTING = Rule(
    "E102",
    "nesting",
    "Blocks or parentheses nest deeper than any network needs.",
    text="Blocks, branches and repeats stand in one another more than 60 deep, braces or "
    "parentheses in the text more than docs/tour.md says, or files use each other, or variants "
    "vary each other, in a longer chain.",
    why="GoogLeNet nests two deep. What goes far beyond is a generator that has run away, and is "
    "refused before it takes the machine with it.",
    remedy="Write the inner part flat, or move it to a block of its own.",
)
NUMBER = Rule(
    "E103",
    "number",
    "A number is beyond what any network has.",
    text="The number, or what the arithmetic comes to, is beyond 10^15, or is written with more "
    "digits than a float holds.",
    why="Figures are exact here. One that could only be rounded, or that fits no machine, would "
    "spoil every count below it.",
    example="""
    arch Net {
      input 3x64x64
      linear 1e300
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      linear 1000
    }
    """,
    remedy="Look for a slipped digit or suffix: 10k, 10M and 10G are 10^4, 10^7 and 10^10.",
)

UNKNOWN_WORD = Rule(
    "E201",
    "unknown-word",
    "No layer, declaration or setting has this name.",
    text="The statement begins with a word that is none of the language, and no block of this "
    "file or of one that it uses has the name.",
    why="An unknown layer is never taken for one that does nothing: every shape and every count "
    "after it would be of another network.",
    example="""
    arch Net {
      input 3x64x64
      cnov 16 3x3
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv 16 3x3
    }
    """,
    remedy="Take the word that the help names, look through archdsl words, or define a block of "
    "that name.",
)
UNKNOWN_ARGUMENT = Rule(
    "E202",
    "unknown-argument",
    "The word has no such argument.",
    text="A key=value names an argument that the word does not take.",
    why="An argument that was passed over in silence would be one that its author believes in: "
    "a stride that is never taken.",
    example="""
    arch Net {
      input 3x64x64
      conv 16 3x3 padding=1
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv 16 3x3 pad=1
    }
    """,
    remedy="archdsl words conv shows what conv takes, and so for every word.",
)
REPEATED_ARGUMENT = Rule(
    "E203",
    "repeated-argument",
    "An argument is given twice.",
    text="One statement gives an argument two values, by its key twice or by its key and its "
    "position: the second number of conv is its kernel.",
    why="Only one of the two can count, and which one its author means cannot be known.",
    example="""
    arch Net {
      input 3x64x64
      conv 16 3x3 kernel=5x5
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv 16 5x5
    }
    """,
    remedy="Remove one of them.",
)
BAD_ARGUMENT = Rule(
    "E204",
    "bad-argument",
    "An argument has the wrong type or is out of range.",
    text="The value cannot be what the argument needs: a name where a number stands, a rate of "
    "1.5, a fraction of a filter, one argument too many.",
    why="Frameworks often take such a value and fail later, or train something else.",
    example="""
    arch Net {
      input 3x64x64
      dropout 50
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      dropout 0.5
    }
    """,
    remedy="The message says what fits; archdsl words dropout shows it with an example.",
)
MISSING_ARGUMENT = Rule(
    "E205",
    "missing-argument",
    "An argument that has no default is missing.",
    text="The word needs an argument, a block or a name that the statement does not give. An "
    "arch without an input is missing one, too.",
    why="A default that nobody would agree on, as that of a kernel, is left to the author.",
    example="""
    arch Net {
      input 3x64x64
      conv 16
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv 16 3x3
    }
    """,
    remedy="Write what the help shows.",
)
UNKNOWN_NAME = Rule(
    "E206",
    "unknown-name",
    "A name stands for no parameter, stage or layer.",
    text="A bare name where a number belongs is a parameter of the arch or block, or a let of the "
    "file; in expect, init and scale it is a stage. This one is none of them.",
    why="A claim of a stage that is not there would be true of nothing, and an init would be lost.",
    example="""
    arch Net(width=16) {
      input 3x64x64
      conv width 3x3
      conv widht 3x3
    }
    """,
    mended="""
    arch Net(width=16) {
      input 3x64x64
      conv width 3x3
      conv width 3x3
    }
    """,
    remedy="Mend the name, or declare it: arch Net(width=16), or let width=16 in the file.",
)
MISPLACED = Rule(
    "E207",
    "misplaced",
    "The statement does not belong where it stands.",
    text="The word is one of the language, but of another place: a layer outside of an arch, a "
    "setting outside of train, an edit in what is no variant, a layer before the input.",
    why="Where a statement stands is what it is about. Elsewhere it would be about nothing.",
    example="""
    arch Net {
      input 3x64x64
      linear 10
      batch 128
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      linear 10
      train { batch 128 }
    }
    """,
    remedy="Move it to where the message says that it belongs.",
)
REPEATED = Rule(
    "E208",
    "repeated",
    "Something that may stand once is given twice.",
    text="Two stages of a body have one label, two blocks one name, or an arch has two inputs. "
    "The first is marked as well.",
    why="Stages are called by their labels, in claims, in edits and in stored weights.",
    example="""
    arch Net {
      input 3x64x64
      conv1: conv 16 3x3
      conv1: conv 16 3x3
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv1: conv 16 3x3
      conv2: conv 16 3x3
    }
    """,
    remedy="Rename one of them, or remove it.",
)
BAD_LABEL = Rule(
    "E209",
    "bad-label",
    "The name cannot be used as a label.",
    text="A label, or a block's name, is a word of the language, a quantity that expect counts, "
    "or ends in _ and digits.",
    why="The second relu of conv1 is called conv1.relu_2. A stage of such a name, or one called "
    "relu, could not be told from a layer.",
    example="""
    arch Net {
      input 3x64x64
      conv: conv 16 3x3
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv1: conv 16 3x3
    }
    """,
    remedy="Take another name: conv1, stem, fc6.",
)
UNEXPECTED_PART = Rule(
    "E210",
    "unexpected-part",
    "A label, block or claim where its word takes none.",
    text="Labels and shape claims are of layers, repeats and blocks' uses; blocks are of words "
    "that arrange others: repeat, concat, add, train and a few more.",
    why="A claim on what gives no output could never be judged.",
    example="""
    arch Net {
      data: input 3x64x64
      conv 16 3x3
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv 16 3x3
    }
    """,
    remedy="Remove the part that is marked.",
)
BAD_OVERRIDE = Rule(
    "E211",
    "bad-override",
    "A value given by --set fits no parameter.",
    fatal=True,
    text="--set NAME=VALUE gives a parameter of an arch another value. Here it is written in "
    "another form, or no arch that is read has a parameter of that name: archdsl check net.arch "
    "--set clases=10.",
    why="Otherwise the figures would be those of the file, and be taken for those of the setting.",
    remedy="Write --set classes=10, with a parameter that stands in the header: arch "
    "Net(classes=1000).",
)

UNKNOWN_FILE = Rule(
    "E212",
    "unknown-file",
    "A file that is named by use cannot be read.",
    text="use names a file by its path relative to the file that says so, wherever archdsl is "
    "run. There is none there, or it cannot be read.",
    why="What the file would define is not known. Names that may be its own are not complained "
    "of, so this is one mistake and not twenty.",
    example="""
    use "no_such_blocks.arch"
    arch Net {
      input 3x64x64
      squeeze 16
    }
    """,
    mended="""
    block squeeze(filters) { conv filters 1x1 }
    arch Net {
      input 3x64x64
      squeeze 16
    }
    """,
    remedy="Mend the path, or define the names here.",
)
USE_CYCLE = Rule(
    "E213",
    "use-cycle",
    "Files use each other in a circle.",
    text="a.arch uses b.arch, and b.arch, perhaps by way of others, a.arch. The example is called "
    "net.arch, and uses itself.",
    why="A let of the one file may be computed from a let of the other, and neither comes first.",
    example="""
    use "net.arch"
    arch Net {
      input 3x64x64
      conv 16 3x3
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv 16 3x3
    }
    """,
    remedy="Move what they share to a file that uses none of them.",
)
RECURSION = Rule(
    "E214",
    "recursion",
    "A block uses itself, or an arch varies itself.",
    text="A block's use stands for its layers. One that uses itself, perhaps by way of other "
    "blocks, stands for layers without end; a variant of itself has no layers to begin with.",
    why="Nothing in the language ends such a circle: there are no conditions.",
    example="""
    block tower(width) {
      conv width 3x3 pad=1
      tower width
    }
    arch Net {
      input 3x64x64
      tower 16
    }
    """,
    mended="""
    block tower(width) {
      repeat 4 { conv width 3x3 pad=1 }
    }
    arch Net {
      input 3x64x64
      tower 16
    }
    """,
    remedy="Write repeat n { … } for layers that come several times.",
)
NO_MATCH = Rule(
    "E215",
    "no-match",
    "An edit of a variant is of what is not there.",
    text="set, replace, remove and insert name a stage, a layer by its path, or a word. Edits are "
    "made in order, so one above may have removed what this one is of.",
    why="A variant whose edit was passed over would be its base, and an ablation of nothing.",
    example="""
    arch Net {
      input 3x64x64
      conv1: conv 16 3x3
             relu
    }
    arch Shallow from Net { remove conv2 }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv1: conv 16 3x3
             relu
    }
    arch Shallow from Net { remove conv1 }
    """,
    remedy="archdsl check lists the base's stages; inside of a stage a layer is STAGE.LAYER.",
)

LOSSY_STRIDE = Rule(
    "E301",
    "lossy-stride",
    "Rounding down loses rows or columns of the input.",
    judgement=True,
    of_layers=True,
    text="A window of extent k that moves s at a time over n + 2·pad rows fits "
    "(n + 2·pad − k)/s + 1 times. Where that is no whole number it is rounded down, and the rows "
    "after the last window are read by nothing. That is an error where they outnumber what the "
    "layer skips between windows anyway: a 1x1 convolution of stride 2 may leave one out, an "
    "11x11 of stride 4 none.",
    why="The AlexNet paper says 224x224, and (224 − 11)/4 + 1 is 54.25. Its next sizes only come "
    "out at 55: the input was 227, or padded by 2, or rounded up as in cuda-convnet, on which it "
    "was trained. Every framework floors in silence, and so the typo has been copied for more "
    "than ten years. A size that does not divide is mostly a slip in one of the numbers.",
    example="""
    arch AlexNet {
      input 3x224x224
      conv1: conv 96 11x11 stride=4
    }
    """,
    mended="""
    arch AlexNet {
      input 3x227x227
      conv1: conv 96 11x11 stride=4     -> 96x55x55
    }
    """,
    remedy="Correct the size, the kernel, the stride or the padding, or write rounding=ceil. check "
    "tries such edits, lists those that also keep the claims, and --fix makes one. If the loss is "
    "meant, as of an odd size halved, the layer says so with allow=lossy_stride.",
)
WINDOW_TOO_LARGE = Rule(
    "E302",
    "window-too-large",
    "The window is larger than its padded input.",
    text="The kernel, with its dilation, is higher or wider than what comes in with its padding, "
    "so there is no place for even one window.",
    why="It is where a map has been halved once too often, or where an input is given as "
    "HxWxC: 227x227x3 is 227 channels of a map 3 wide.",
    example="""
    arch Net {
      input 3x32x32
      conv 16 5x5
      maxpool 4x4
      conv 16 8x8
    }
    """,
    mended="""
    arch Net {
      input 3x32x32
      conv 16 5x5
      maxpool 4x4
      conv 16 7x7
    }
    """,
    remedy="Use a smaller kernel, more padding, a larger input, or fewer strides before it.",
)
INDIVISIBLE = Rule(
    "E303",
    "indivisible",
    "Channels do not divide by the groups or the devices.",
    text="groups=g divides a convolution's input channels and its filters into g equal parts, and "
    "devices n divides every layer's channels. What does not divide has no equal parts.",
    why="Which channels each group or device would get is not defined, and frameworks refuse it "
    "when the network is built.",
    example="""
    arch Net {
      input 3x64x64
      conv 32 3x3
      conv 64 3x3 groups=3
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv 32 3x3
      conv 64 3x3 groups=4
    }
    """,
    remedy="Take groups that divide both, or filters that the groups and devices divide.",
)
WRONG_RANK = Rule(
    "E304",
    "wrong-rank",
    "The layer needs a CxHxW input and gets a vector.",
    text="Convolution, pooling and local response normalisation slide over height and width. "
    "After linear or flatten there is neither.",
    why="A vector could be taken for a map of 1x1, and the layer would do next to nothing.",
    example="""
    arch Net {
      input 3x64x64
      linear 100
      maxpool 2x2
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      maxpool 2x2
      linear 100
    }
    """,
    remedy="Put it before the first linear or flatten layer.",
)
TOO_LARGE = Rule(
    "E305",
    "too-large",
    "A tensor or a network is too large to be built.",
    text="A layer's output or weights have more than 10^12 numbers, 4 TB in float32, or a network "
    "is expanded to more than 100,000 layers.",
    why="Mostly it is a linear layer on a map that was never pooled, or one repeat inside another.",
    example="""
    arch Net {
      input 3x4096x4096
      conv 64 3x3 pad=1
      linear 4096
    }
    """,
    mended="""
    arch Net {
      input 3x4096x4096
      conv 64 3x3 pad=1
      globalavgpool
      linear 4096
    }
    """,
    remedy="Pool before the layer, or repeat less.",
)
BAD_WINDOW = Rule(
    "E306",
    "bad-window",
    "Kernel, stride and padding contradict each other.",
    text="pad=same keeps the size, which takes a stride of 1 and a window of odd size. A pool is "
    "padded by half its window at most, so that no window lies in the padding alone.",
    why="Frameworks differ in what they make of these: one pads on one side, one refuses.",
    example="""
    arch Net {
      input 3x64x64
      conv 16 3x3 stride=2 pad=same
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv 16 3x3 stride=2 pad=1
    }
    """,
    remedy="Write the padding as a number.",
)
JOIN_MISMATCH = Rule(
    "E307",
    "join-mismatch",
    "Branches that are joined have shapes that differ.",
    text="concat puts channels one after the other, so heights and widths must agree; add sums "
    "number by number, so everything must. Each branch is marked where it gets its shape.",
    why="A framework fails here only when the first image goes through.",
    example="""
    arch Net {
      input 64x32x32
      add { conv 64 3x3 } {}
    }
    """,
    mended="""
    arch Net {
      input 64x32x32
      add { conv 64 3x3 pad=1 } {}
    }
    """,
    remedy="Pad the convolutions of the one branch, or stride and project in the other: conv "
    "filters 1x1 stride=2.",
)

WRONG_SHAPE = Rule(
    "E401",
    "wrong-shape",
    "A layer's output is not the shape claimed for it.",
    text="-> 96x55x55 claims what a layer, repeat, join or block gives. The layer gives something "
    "else. A claim is checked and never used to infer.",
    why="The claim is what the source says, a paper's figure or table. Either the source or the "
    "spec is wrong, and finding that out is what specs are written for.",
    example="""
    arch Net {
      input 3x64x64
      conv1: conv 16 5x5     -> 16x64x64
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv1: conv 16 5x5     -> 16x60x60
    }
    """,
    remedy="Mend the layer, or the claim. check looks for small edits that make it true.",
)
WRONG_CLAIM = Rule(
    "E402",
    "wrong-claim",
    "A figure of the network is not what is claimed.",
    text="expect claims a figure of the network or of a stage. A whole number must be met "
    "exactly, 62.37M as rounded, ~60M within 5 %, <= 61M as a bound. It is not.",
    why="A count that agrees with the paper's is the best sign that the network is the paper's; "
    "one that does not says how far off it is.",
    example="""
    arch Net {
      input 3x64x64
      fc: linear 10
      expect params 122_880
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      fc: linear 10
      expect params 122_890
    }
    """,
    remedy="Mend the layers, or the figure: sources forget biases, or count another quantity.",
)

FINAL_ACTIVATION = Rule(
    "W501",
    "final-activation",
    "The loss reads an activation, not logits.",
    Severity.WARNING,
    judgement=True,
    of_layers=True,
    text="Cross entropy, the loss of every recipe, takes the softmax of what the network gives. "
    "The network's last layer is a softmax, or, where it has a train block, another activation, "
    "with at most dropout or a reshaping after it.",
    why="Softmax of softmax is nearly flat: over 1000 classes the surest answer gets a "
    "probability of 0.0027, the loss cannot fall below 5.9, and gradients all but vanish. After a "
    "relu no class can be thought less likely than zero.",
    example="""
    arch Net {
      input 3x64x64
      fc: linear 10
          softmax
      train { epochs 5 }
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      fc: linear 10
      train { epochs 5 }
    }
    """,
    remedy="Remove the activation: the logits are what the loss wants.",
)
TWO_ACTIVATIONS = Rule(
    "W502",
    "two-activations",
    "An activation comes right after another.",
    Severity.WARNING,
    judgement=True,
    of_layers=True,
    text="Between the two there is at most dropout, identity and flatten. It is found over ends "
    "of stages, in and out of blocks, branches and repeats; after a concat, if all its branches "
    "end in an activation. A pool, an add or a normalisation between the two makes them "
    "different things.",
    why="relu of relu is relu. Two that differ have the range of both, which is seldom meant. "
    "Mostly the one is left over from an edit, or a block brings its own.",
    example="""
    block unit(width) {
      conv width 3x3 pad=1
      relu
    }
    arch Net {
      input 3x64x64
      unit 16
      relu
      unit 16
    }
    """,
    mended="""
    block unit(width) {
      conv width 3x3 pad=1
      relu
    }
    arch Net {
      input 3x64x64
      unit 16
      unit 16
    }
    """,
    remedy="Remove one of the two.",
)
DROPOUT_BEFORE_BATCHNORM = Rule(
    "W503",
    "dropout-before-batchnorm",
    "A dropout stands before a batchnorm.",
    Severity.WARNING,
    judgement=True,
    of_layers=True,
    text="What a dropout gives reaches a batchnorm through any layers but another normalisation or "
    "a join, which both change what it has done.",
    why="While training, dropout makes the variance of what it keeps larger; at test time it does "
    "nothing. batchnorm has learned the variance of training and divides by it at test time as "
    "well: the variance shift of Li et al. (2018), which costs accuracy in most networks that "
    "they tried.",
    example="""
    arch Net {
      input 3x64x64
      conv1: conv 16 3x3
             relu
             dropout 0.5
      conv2: conv 32 3x3 bias=no
             batchnorm
             relu
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv1: conv 16 3x3
             relu
      conv2: conv 32 3x3 bias=no
             batchnorm
             relu
             dropout 0.5
    }
    """,
    remedy="Put the dropout after the last batchnorm, or leave it out.",
)
BIAS_BEFORE_BATCHNORM = Rule(
    "W504",
    "bias-before-batchnorm",
    "A batchnorm takes a learned bias away again.",
    Severity.WARNING,
    judgement=True,
    of_layers=True,
    text="The output of a conv or linear layer is read by batchnorms alone. They subtract the "
    "mean of each channel, and the bias is part of the mean.",
    why="It has no effect and no gradient, yet it counts as a parameter, and is decayed and "
    "stored. The shift of the batchnorm does what the bias would (Ioffe and Szegedy 2015, "
    "section 3.2).",
    example="""
    arch Net {
      input 3x64x64
      conv1: conv 16 3x3
             batchnorm
             relu
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv1: conv 16 3x3 bias=no
             batchnorm
             relu
    }
    """,
    remedy="Write bias=no. A spec that copies a source with these biases, and claims its count of "
    "parameters, keeps them with allow=bias_before_batchnorm.",
)
CHANNELS_LAST = Rule(
    "W505",
    "channels-last",
    "The input looks like HxWxC; sizes are CxHxW.",
    Severity.WARNING,
    judgement=True,
    text="The first two sizes are equal and 8 or more, the last is 1, 3 or 4: an image as "
    "TensorFlow and picture files have it. Here it is read as so many channels of a map that is "
    "1, 3 or 4 wide.",
    why="A network of 3x3 convolutions with padding checks either way, with other counts.",
    example="""
    arch Net {
      input 64x64x3
      conv 16 3x3 pad=1
    }
    """,
    mended="""
    arch Net {
      input 3x64x64
      conv 16 3x3 pad=1
    }
    """,
    remedy="Put the channels first.",
)
UNUSED_NAME = Rule(
    "W506",
    "unused-name",
    "A block, a let or a parameter is not used.",
    Severity.WARNING,
    judgement=True,
    text="The file defines a block or a let that nothing in it uses, or an arch or block has a "
    "parameter that its statements do not name. A file without an arch is for other files to "
    "use, and is not asked.",
    why="--set classes=10 on a network that does not use classes changes nothing, and nobody "
    "would notice.",
    example="""
    arch Net(classes=10) {
      input 3x64x64
      fc: linear 1000
    }
    """,
    mended="""
    arch Net(classes=1000) {
      input 3x64x64
      fc: linear classes
    }
    """,
    remedy="Use it or remove it. A name that begins with _ is taken to be meant.",
)
UNUSED_ALLOW = Rule(
    "W507",
    "unused-allow",
    "An allow= allows what is not found there.",
    Severity.WARNING,
    judgement=True,
    text="A layer says allow=NAME, and no network of the file has that finding at the layer. "
    "Where sizes are not known, or a parameter is overridden, it is not judged.",
    why="It was needed once, or it is a guess. Left standing it would hide the next mistake.",
    example="""
    arch Net {
      input 3x227x227
      conv 96 11x11 stride=4 allow=lossy_stride
    }
    """,
    mended="""
    arch Net {
      input 3x227x227
      conv 96 11x11 stride=4
    }
    """,
    remedy="Remove it.",
)

RULES: tuple[Rule, ...] = tuple(value for value in globals().values() if isinstance(value, Rule))

JUDGEMENTS = tuple(rule for rule in RULES if rule.judgement)
"""Those whose level can be chosen."""

OF_LAYERS = tuple(rule for rule in RULES if rule.of_layers)
"""Those that a layer can allow."""


def find(name: str) -> Rule | None:
    """The rule of a code or name, in any case: `E301`, `lossy-stride`, `lossy_stride`."""
    asked = name.lower().replace("_", "-")
    return next((rule for rule in RULES if asked in (rule.code.lower(), rule.name)), None)


def unknown(name: str, rules: Iterable[Rule] = RULES) -> str:
    """What to tell someone who asks for a rule that there is not, and may mean one of `rules`."""
    near = nearest(name.replace("_", "-"), (rule.name for rule in rules))
    help = f"did you mean '{near}'?" if near else "archdsl explain lists them all"
    return f"'{name}' is no rule: {help}"
