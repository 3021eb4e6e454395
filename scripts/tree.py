"""The tree in docs/architecture.md, a line a file: the first sentence of each module.

python scripts/tree.py    writes it anew
"""

import ast
import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENT = PROJECT / "docs" / "architecture.md"
_BETWEEN = re.compile(r"(<!-- tree: .*? -->\n```text\n).*?(```\n<!-- end of tree -->)", re.DOTALL)
_COLUMN = 24


def sentence(path: Path) -> str:
    """The first sentence of a module, or of its first paragraph where that is no sentence."""
    paragraph = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    first = re.split(r"(?<=\.)\s+(?=[A-Z`])", " ".join(paragraph.split()))[0]
    return first.removesuffix(".")


def lines(package: Path, order: tuple[str, ...] = (), depth: int = 0) -> list[str]:
    """A package's files and below them its packages, in the order given, else by name."""
    found = []
    for file in sorted(package.glob("*.py")):
        if file.name != "__init__.py":
            found.append(f"{'  ' * depth + file.stem:{_COLUMN}} {sentence(file)}")
    folders = [p for p in package.iterdir() if (p / "__init__.py").is_file()]
    for folder in sorted(folders, key=lambda p: (order.index(p.name) if p.name in order else len(order), p.name)):
        found += [
            f"{'  ' * depth + folder.name + '/':{_COLUMN}} {sentence(folder / '__init__.py')}",
            *lines(folder, (), depth + 1),
        ]
    return found


def tree(order: tuple[str, ...]) -> str:
    """The engine's packages in their order, what pages share, and the pages."""
    parts = [["engine/", *lines(PROJECT / "engine", order, 1)], ["ui/", *lines(PROJECT / "ui", (), 1)]]
    parts.append(["pages/", *lines(PROJECT / "pages", (), 1)])
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def with_tree(document: str, order: tuple[str, ...]) -> str:
    """Writes the tree as it is now into the document."""
    return _BETWEEN.sub(lambda match: match.group(1) + tree(order) + match.group(2), document)


def packages(document: str) -> tuple[str, ...]:
    """The order of the packages, which the document names in its line “core → …”."""
    return tuple(re.search(r"^`(core → .*)`$", document, re.MULTILINE).group(1).split(" → "))


if __name__ == "__main__":
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(with_tree(text, packages(text)), encoding="utf-8", newline="\n")
