"""The words of the report, and links to them from where each is first used."""

from __future__ import annotations

import re

TERMS: dict[str, tuple[str, str]] = {
    "exit": (
        r"(?:early )?exits?|exit heads?",
        "A small classifier on the way through the network, also called exit head. An image that it is sure about leaves there "
        "and skips the rest. Exits count from 0; the last one is the network’s own classifier.",
    ),
    "threshold": (
        r"thresholds?",
        "How sure an exit must be: an image leaves at the first exit whose largest softmax probability exceeds it. 1 sends "
        "every image to the classifier, 0 none beyond exit 0.",
    ),
    "MACs": (
        r"MACs",
        "Multiply-accumulates per image, the count of the work (1 MAC = 2 FLOPs). Weights that are zero are left out.",
    ),
    "MACs done": (
        r"MACs done",
        "What ordinary (dense) kernels really compute: they multiply by zeros too; sparse kernels do not.",
    ),
    "sparsity": (r"sparsity", "Share of the prunable weights that are zero."),
    "recipe": (
        r"recipes?",
        "All settings of one way to prune: in which order, by which criterion, how much. A study compares recipes.",
    ),
    "order": (
        r"orders?",
        "Which group of weights each round prunes and trains. Joint: everything at once. Sequential: first the base network, "
        "then the exits.",
    ),
    "group": (r"groups?", "Weights that are pruned together: of the base network, of the exits, or all."),
    "round": (r"rounds?", "One step of pruning: zero some weights, then train the others for a while (fine-tuning)."),
    "level": (r"levels?", "The network as saved after a round. Level 0 is the unpruned one."),
    "state": (
        r"states?",
        "When a network is looked at: unpruned, after the last round (final), or after recovery (recovered).",
    ),
    "recovery": (
        r"recovery",
        "Training after the last round: zeros stay zero and the weights that are left go on learning.",
    ),
    "operating point": (
        r"operating points?",
        "A threshold that a rule chose on validation images, with the accuracy and the cost that it gives on test images.",
    ),
    "unit": (r"units?", "What is pruned as one: a single weight, a whole filter, or a block (granularity)."),
    "scope": (
        r"scope",
        "Among which weights the least important are sought: the whole network at once, or each layer by itself.",
    ),
    "stem": (r"stem", "The first convolution of the network, before its blocks."),
    "block": (
        r"b\d+\.(?:c1|c2|sc)|residual blocks?",
        "A residual block: two convolutions and a shortcut around them. b10.c1 and b10.c2 are the convolutions of block 10, "
        "b10.sc its shortcut where that has weights.",
    ),
    "emptied": (
        r"emptied",
        "A filter, channel or branch without any weight left. Taking these out changes no result and does save time.",
    ),
    "eager": (r"eager", "PyTorch as it is, one operation after the other, without compiling the network first."),
    "seed": (
        r"seeds?",
        "The number that fixes all chance in a run. Several seeds show how much of a difference is luck.",
    ),
    "interval": (
        r"intervals?",
        "Of a difference, paired by seed: where the true one may lie, given how seeds and test images scatter. A difference is "
        "told if its interval leaves 0 out.",
    ),
}
"""By the word: how it is written in prose (a regular expression), and what it means."""

_TOKEN = re.compile(r"(<[^>]+>)")
_UNLINKED = {
    "a",
    "h1",
    "h2",
    "h3",
    "code",
    "pre",
    "table",
    "script",
    "style",
    "title",
    "dl",
    "button",
    "select",
    "label",
    "nav",
}
"""Elements in which nothing is linked."""


def anchor(word: str) -> str:
    """The id of a word's entry."""
    return "word-" + word.lower().replace(" ", "-")


def link_first_uses(page: str) -> str:
    """The page with the first use in prose of every word linked to its entry.

    Args:
        page: HTML whose attributes hold no ">"; autoescaped ones do not.
    """
    left = dict(sorted(TERMS.items(), key=lambda item: -len(item[0])))  # "MACs done" before "MACs"
    parts, closed_to_links = [], 0
    for token in _TOKEN.split(page):
        tag = re.match(r"<(/?)([a-z0-9]+)", token)
        if tag is not None:
            if tag[2] in _UNLINKED:
                closed_to_links += -1 if tag[1] else 1
        elif not closed_to_links and token.strip():
            token = _linked(token, left)
        parts.append(token)
    return "".join(parts)


def _linked(text: str, left: dict[str, tuple[str, str]]) -> str:
    """Text with links; the words linked are taken from those left."""
    links: list[str] = []
    for word, (pattern, _) in list(left.items()):

        def replace(found: re.Match[str], word: str = word) -> str:
            links.append(f'<a class="word" href="#{anchor(word)}">{found[0]}</a>')
            return f"\x00{len(links) - 1}\x00"

        text, num = re.subn(rf"(?<![\w“])(?:{pattern})(?!\w|\.\w|\x00)", replace, text, count=1)
        if num:
            del left[word]
    return re.sub("\x00(\\d+)\x00", lambda found: links[int(found[1])], text)


def entries() -> list[dict[str, str]]:
    """The glossary, by the alphabet."""
    return [
        {"word": word, "id": anchor(word), "meaning": meaning}
        for word, (_, meaning) in sorted(TERMS.items(), key=lambda item: item[0].lower())
    ]
