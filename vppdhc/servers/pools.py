"""Pools in the book of leases come and go with what is served."""

from collections.abc import Collection, Mapping

from vppdhc.leases.book import Book
from vppdhc.leases.ranges import Ranges, SpaceT
from vppdhc.leases.table import RecordT


def replace_pools(
    book: Book[RecordT, SpaceT], before: Collection[Ranges[SpaceT]], after: Mapping[Ranges[SpaceT], int]
) -> None:
    """Have other pools in the book than before; empty ones are in none.

    before: those that are not needed any longer, unless they are in after.
    after: those that are needed, with the percentage of each that may be in use.
    """
    for pool in before:
        if pool.size and pool not in after:
            book.remove_pool(pool)
    for pool, percent in after.items():
        if pool.size:
            if pool not in before:
                book.add_pool(pool)
            book.set_threshold(pool, percent)
