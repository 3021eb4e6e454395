"""Parquet: one article a row, read by pyarrow a batch at a time. The hub's `ccdv/pubmed-summarization` is in this form."""

from collections.abc import Iterator
from typing import Any, BinaryIO, TypeAlias

from engine.articles import names as names_of
from engine.articles import records, table
from engine.articles.article import Article
from engine.articles.member import DAMAGED, Member
from engine.articles.options import SECTIONS, Options, Place
from engine.core.errors import ArticlesError

ParquetFile: TypeAlias = Any  # of pyarrow, which has no types
RecordBatch: TypeAlias = Any

_BATCH_ROWS = 32
# What the rows may hold: a page of a dictionary names a long text again and again for next to nothing.
_MOST_RATIO = 100  # of their bytes to the file's, above _RATIO_BYTES
_RATIO_BYTES = 100 << 20
_ROW_BYTES = 64  # that a row counts for, however empty
_MOST_GROUP_BYTES = 2 << 30  # uncompressed, of one row group's columns that are read


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each row behind the first `start` rows: the article, or what is wrong with it.

    Raises:
        ArticlesError: no whole Parquet file, or no column that holds the text.
    """
    import pyarrow

    done = start[0] if start else 0
    with member.open() as stream:
        file = _open(member, stream)
        stored = file.schema_arrow.names
        names = table.distinct(stored)
        chosen = table.columns(member.name, names, options, lambda: preview(member, table.SAMPLE_ROWS)[1])
        wanted = _wanted(names, chosen)
        stored_names = list(dict.fromkeys(of for of, name in zip(stored, names, strict=True) if name in wanted))
        read_names = [name for of, name in zip(stored, names, strict=True) if of in stored_names]
        number = held = 0
        unread = 0 if start else table.left_out(names, chosen)
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if number + rows <= done:
                number += rows
                continue
            try:
                for batch in file.iter_batches(
                    _BATCH_ROWS, row_groups=[group], columns=stored_names, use_threads=False
                ):
                    for row in _renamed(batch, read_names).to_pylist():
                        number += 1
                        held += _ROW_BYTES + sum(map(_size, row.values()))
                        if held > _RATIO_BYTES and held > _MOST_RATIO * member.size:
                            raise ArticlesError(
                                "{path} holds more than a hundred times its size, as a bomb does; it was not read on.",
                                path=member.name,
                            )
                        if number > done:
                            item = records.of_fields(row, chosen, member, number, in_rows=True, is_table=True)
                            yield (number,), table.with_columns(item, unread)
                            unread = 0 if isinstance(item, Article) else unread
            except (pyarrow.ArrowException, *DAMAGED) as error:
                yield (number + 1,), member.damaged(error)
                return


def preview(member: Member, count: int = 5) -> tuple[list[str], list[list[str]]]:
    """The names of the columns and the first rows, cut to 200 characters a field.

    Raises:
        ArticlesError: no whole Parquet file.
    """
    import pyarrow

    with member.open() as stream:
        file = _open(member, stream)
        try:
            batch = next(iter(file.iter_batches(count, use_threads=False)), None)
        except (pyarrow.ArrowException, *DAMAGED) as error:
            raise member.damaged(error) from error
        names = table.distinct(file.schema_arrow.names)
        rows = _renamed(batch, names).to_pylist() if batch is not None else []
        return names, [[str(row[name])[:200] for name in names] for row in rows]


def _open(member: Member, stream: BinaryIO) -> ParquetFile:
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(
            stream, memory_map=False, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True
        )
    except (pyarrow.ArrowException, *DAMAGED) as error:
        raise member.damaged(error) from error
    for group in range(file.num_row_groups):
        if file.metadata.row_group(group).total_byte_size > _MOST_GROUP_BYTES:
            raise ArticlesError("{path} has a row group of more than 2 GB: write it in smaller ones.", path=member.name)
    return file


def _wanted(names: list[str], chosen: Options) -> set[str]:
    mine = {chosen.text_column, chosen.abstract_column, chosen.id_column, chosen.title_column}
    if chosen.text_column == SECTIONS:
        mine |= set(names_of.sections_of(tuple(names)))
    if not chosen.text_column:  # the release's own columns
        mine |= {
            "section_names",
            "sections",
            "article_text",
            "article",
            "text",
            *names_of.ID_COLUMNS,
            *names_of.TITLE_COLUMNS,
        }
    return mine


def _renamed(batch: RecordBatch, names: list[str]) -> RecordBatch:
    """Rows whose columns are called as a person sees them, where the file has several of one name."""
    return batch if batch.schema.names == names else batch.rename_columns(names)


def _size(value: object) -> int:
    """The characters of a field, of all that a list holds too."""
    return len(value) if isinstance(value, str | bytes) else sum(map(_size, value)) if isinstance(value, list) else 0
