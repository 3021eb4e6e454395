"""The sentences of pages and errors ↔ the catalogues in `ui/locale/`.

    python scripts/translations.py update    adds new sentences to the .po files, drops those that are gone
    python scripts/translations.py compile   makes the .mo files that the pages read
    python scripts/translations.py missing   prints what has no translation; exit status 1 if there is any

Needs `pip install -r requirements-dev.txt` for update and compile (Babel).
"""

import ast
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from engine.core.languages import spaced  # noqa: E402

LOCALE = PROJECT / "ui" / "locale"
DOMAIN = "atelier"
# Calls whose first literal argument is a sentence that a person reads, beside the errors; `_n` has two: one and many.
MARKERS = {"_", "_n", "bad", "sentence", "wording.say"}


def _error_classes(trees: list[ast.Module]) -> set[str]:
    """EngineError and every class that comes from it, whatever its name."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"EngineError"}
    while more := {name for name, of in bases.items() if of & found} - found:
        found |= more
    return found


def _name(function: ast.expr) -> str:
    """What a call calls: `_`, or `wording.say` of an object's method."""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{function.value.id}.{function.attr}"
    return function.id if isinstance(function, ast.Name) else ""


def sentences() -> dict[str, str | None]:
    """Every sentence of the source by its English text; its value is the plural, where it has one."""
    found: dict[str, str | None] = {}
    files = [*PROJECT.glob("*.py"), *(f for d in ("engine", "pages", "ui") for f in (PROJECT / d).rglob("*.py"))]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(files)]
    markers = MARKERS | _error_classes(trees)
    for tree in trees:
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or (name := _name(node.func)) not in markers:
                continue
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if texts and isinstance(node.args[0], ast.Constant):
                found[texts[0]] = texts[1] if name == "_n" else found.get(texts[0])
    return found


def _catalogues():
    from babel.messages.pofile import read_po

    for path in sorted(LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
        with path.open("rb") as file:
            yield path, read_po(file, locale=path.parts[-3], domain=DOMAIN)


def update() -> None:
    """Writes the sentences of the source into every .po file, keeping the translations there are."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import write_po

    for path, old in _catalogues():
        fresh = Catalog(locale=path.parts[-3], domain=DOMAIN, project="Atelier", fuzzy=False)
        fresh.creation_date = fresh.revision_date = old.creation_date
        for one, many in sorted(sentences().items()):
            key = (one, many) if many else one
            former = old.get(one)
            fresh.add(key, former.string if former and bool(many) == isinstance(former.id, tuple) else None)
        with path.open("wb") as file:
            write_po(file, fresh, width=110, omit_header=False)


def compile_all() -> None:
    """Writes the .mo file beside every .po file, in French with its no-break spaces."""
    from babel.messages.mofile import write_mo

    for path, catalogue in _catalogues():
        for message in list(catalogue):
            if isinstance(message.id, tuple) and not all(message.string):
                catalogue.delete(message.id)  # else the English would be written as its translation, and not be missing
            elif path.parts[-3] == "fr" and message.id:
                several = isinstance(message.string, tuple | list)
                message.string = tuple(map(spaced, message.string)) if several else spaced(message.string)
        with path.with_suffix(".mo").open("wb") as file:
            write_mo(file, catalogue)


def missing(language: str) -> list[str]:
    """The sentences that the compiled catalogue of a language does not have."""
    import gettext

    catalogue = gettext.translation(DOMAIN, LOCALE, [language])
    return [one for one in sentences() if not _translated(catalogue, one)]


def _translated(catalogue, one: str) -> bool:
    entries = catalogue._catalog  # what gettext read: there is no public way to tell a missing entry from an equal one
    return bool(entries.get(one) or entries.get((one, 0)))


def main() -> int:
    """One of the three commands."""
    command = sys.argv[1] if len(sys.argv) > 1 else "missing"
    if command == "update":
        update()
    elif command == "compile":
        compile_all()
    else:
        lacking = [line for path in LOCALE.iterdir() for line in missing(path.name)]
        print("\n".join(lacking) or "Every sentence is translated.")
        return int(bool(lacking))
    return 0


if __name__ == "__main__":
    sys.exit(main())
