"""What all tables of a node's store share: the metadata, and the type of numbered ids.

The tables are SQLAlchemy Core metadata, in a module for each group. Times are ms since 1970 UTC; ids and hashes are raw
bytes.
"""

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()

Id = BigInteger().with_variant(Integer, "sqlite")
