"""The runbooks as HTML: the few forms of Markdown that they use, and nothing else.

A wheel has them beside the pages; in a checkout and in the image they lie in ``docs/runbooks``. Without them an alert's page
gives the address alone. Everything is escaped before a tag is put around it; a link leads to another page only by ``http``.
"""

import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from markupsafe import Markup, escape

__all__ = ["render", "runbook"]

_CHECKOUT = Path(__file__).parents[3] / "docs" / "runbooks"
_NAME = re.compile(r"[A-Za-z]{1,64}")
_CODE_OR_LINK = re.compile(r"`(?P<code>[^`]+)`|\[(?P<text>(?:[^\]`]|`[^`]+`)+)\]\((?P<target>[^)\s]+)\)")
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_ITEM = re.compile(r"(?:(\d+)\.|[-*]) +(.*)")


def runbook(name: str) -> Markup | None:
    """The runbook of an alert; None where there is none here."""
    return _read(name) if _NAME.fullmatch(name) else None


@cache
def _read(name: str) -> Markup | None:
    if name not in _names():
        return None
    return render((_folder() / f"{name}.md").read_text("utf-8"))


@cache
def _names() -> frozenset[str]:
    """The runbooks there are, so that no name of an alert can ask for another file, or fill the cache."""
    found = _folder()
    names = (each.name for each in found.iterdir()) if found.is_dir() else ()
    return frozenset(name.removesuffix(".md") for name in names if name.endswith(".md"))


def _folder() -> Traversable:
    packaged = files("app.web") / "runbooks"
    return packaged if packaged.is_dir() else _CHECKOUT


def render(text: str) -> Markup:
    r"""Headings (one level lower, without the title), paragraphs, lists, fenced code.

    >>> render("# T\n\n## Look\nAt `a<b`,\nnow.\n\n1. one\n   more\n2. two")
    Markup('<h3>Look</h3>\n<p>At <code>a&lt;b</code>, now.</p>\n<ol><li>one more</li><li>two</li></ol>')
    """
    return Markup("\n".join(_block(lines) for lines in _blocks(text)))  # noqa: S704  each block is escaped where it is made


def _blocks(text: str) -> list[list[str]]:
    """Lines that belong together: a heading, a fenced piece of code, a list, a paragraph."""
    blocks: list[list[str]] = [[]]
    fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
            blocks.append(["```"]) if fenced else blocks.append([])
        elif fenced:
            blocks[-1].append(line)
        elif line.startswith("#"):
            blocks += [[line], []]
        elif not line.strip():
            blocks.append([])
        elif _ITEM.match(line) and blocks[-1] and not _ITEM.match(blocks[-1][0]):
            blocks.append([line])
        else:
            blocks[-1].append(line)
    return [block for block in blocks if block and not block[0].startswith("# ")]


def _block(lines: list[str]) -> str:
    first = lines[0]
    if first == "```":
        return f"<pre><code>{escape(chr(10).join(lines[1:]))}</code></pre>"
    if first.startswith("#"):
        return f"<h3>{_inline(first.lstrip('# '))}</h3>"
    if found := _ITEM.match(first):
        tag = "ol" if found[1] else "ul"
        return f"<{tag}>{''.join(f'<li>{_inline(item)}</li>' for item in _items(lines))}</{tag}>"
    return f"<p>{_inline(' '.join(lines))}</p>"


def _items(lines: list[str]) -> list[str]:
    items: list[str] = []
    for line in lines:
        if found := _ITEM.match(line):
            items.append(found[2])
        else:
            items[-1] += f" {line.strip()}"
    return items


def _inline(text: str) -> str:
    """Code and links, the text of a link by the same rule; what is between is escaped."""
    parts, at = [], 0
    for found in _CODE_OR_LINK.finditer(text):
        parts.append(_words(text[at : found.start()]))
        if found["code"]:
            parts.append(f"<code>{escape(found['code'])}</code>")
        else:
            said, target = _inline(found["text"]), found["target"]
            parts.append(f'<a href="{escape(target)}">{said}</a>' if target.startswith(("http://", "https://")) else said)
        at = found.end()
    return "".join([*parts, _words(text[at:])])


def _words(text: str) -> str:
    return _BOLD.sub(r"<strong>\1</strong>", str(escape(text)))
