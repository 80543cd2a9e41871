"""What people are called or were called, each name once, so that a search by a name does not read all memberships.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = (
    # Each name of each person in any room; '' when they had none. `login` and `folded` are what names are compared by
    # (`storage.directory.folded`).
    r"""
    CREATE TABLE person_name (
        user_id text NOT NULL,
        name    text NOT NULL,
        login   text NOT NULL GENERATED ALWAYS AS (coalesce(lower(substring(user_id FROM '^@([^:]*)')), '')) STORED,
        folded  text NOT NULL GENERATED ALWAYS AS (
            CASE WHEN octet_length(name) = length(name) THEN lower(name)
            ELSE regexp_replace(normalize(lower(name), NFKD), '[\u0300-\u036f]', '', 'g') END
        ) STORED
    )
    """,
    "CREATE UNIQUE INDEX person_name_one ON person_name (user_id, md5(name))",
    """
    INSERT INTO person_name (user_id, name) SELECT DISTINCT user_id, coalesce(display_name, '') FROM membership
    """,
    # In triggers, so that no writer can forget it. A name that nobody has any more goes: it was removed.
    """
    CREATE FUNCTION membership_named() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO person_name (user_id, name) SELECT DISTINCT user_id, coalesce(display_name, '') FROM fresh
        ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION membership_unnamed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM person_name p USING (SELECT DISTINCT user_id, coalesce(display_name, '') AS name FROM stale) s
        WHERE p.user_id = s.user_id AND md5(p.name) = md5(s.name) AND NOT EXISTS (
            SELECT FROM membership m WHERE m.user_id = s.user_id AND coalesce(m.display_name, '') = s.name
        );
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION membership_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO person_name (user_id, name)
        SELECT user_id, coalesce(display_name, '') FROM fresh EXCEPT SELECT user_id, coalesce(display_name, '') FROM stale
        ON CONFLICT DO NOTHING;
        DELETE FROM person_name p USING (
            SELECT user_id, coalesce(display_name, '') AS name FROM stale
            EXCEPT SELECT user_id, coalesce(display_name, '') FROM fresh
        ) s
        WHERE p.user_id = s.user_id AND md5(p.name) = md5(s.name) AND NOT EXISTS (
            SELECT FROM membership m WHERE m.user_id = s.user_id AND coalesce(m.display_name, '') = s.name
        );
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION membership_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN DELETE FROM person_name; RETURN NULL; END $$
    """,
    """
    CREATE TRIGGER named AFTER INSERT ON membership REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION membership_named()
    """,
    """
    CREATE TRIGGER renamed AFTER UPDATE ON membership REFERENCING OLD TABLE AS stale NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION membership_renamed()
    """,
    """
    CREATE TRIGGER unnamed AFTER DELETE ON membership REFERENCING OLD TABLE AS stale
    FOR EACH STATEMENT EXECUTE FUNCTION membership_unnamed()
    """,
    "CREATE TRIGGER emptied AFTER TRUNCATE ON membership FOR EACH STATEMENT EXECUTE FUNCTION membership_emptied()",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a backup is the way back")
