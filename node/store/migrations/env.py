"""Alembic runs on the connection that it is given, inside that connection's transaction."""

from alembic import context

from node.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
