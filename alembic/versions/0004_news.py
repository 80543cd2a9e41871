"""News: the notification of the inbox says how far it goes; which keys are missing is looked up often.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Who has seen that number does not look again.
_AFTER = """
CREATE OR REPLACE FUNCTION inbox_after() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('postkamer_inbox', (SELECT max(seq) FROM inbox)::text); RETURN NULL; END $$
"""


def upgrade() -> None:
    op.execute(_AFTER)
    op.execute("CREATE INDEX undecrypted_since ON undecrypted (since) WHERE NOT due")


def downgrade() -> None:
    raise NotImplementedError("a backup is the way back")
