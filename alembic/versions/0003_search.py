"""The text index, and what search remembers.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = (
    # `detail` of a message has whom it mentions from now on: the recorder reads the inbox again, from an empty archive
    # (why so: see 0002).
    """
    TRUNCATE event, message, revision, reaction, redaction, poll_vote, poll_end, attachment, room_state, room,
             membership, history_visibility, receipt
    """,
    "DELETE FROM set_aside WHERE consumer = 'recorder'",
    "UPDATE consumer SET position = 0 WHERE name = 'recorder'",
    # --- the indexer -------------------------------------------------------------------------------------------------
    # Messages that changed by something else than a new row of the inbox: what is in their files was read, they were
    # erased, they were recorded at last.
    """
    CREATE TABLE index_due (
        id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_id text NOT NULL
    )
    """,
    # What the indexer says of its work; one row. Its position is in `consumer`.
    """
    CREATE TABLE index_state (
        one       boolean PRIMARY KEY DEFAULT true CHECK (one),
        rebuild   boolean NOT NULL DEFAULT false,  -- somebody asks for another one
        ready     boolean NOT NULL DEFAULT false,  -- there is one that can be searched
        documents bigint NOT NULL DEFAULT 0,
        built     bigint,                          -- another one is being made: the last row of the inbox that it
        until     bigint,                          -- holds, and the one that it must hold; NULL: none is
        erased_at timestamptz,                     -- since it was made something was erased that its files still hold
        alive_at  timestamptz
    )
    """,
    "INSERT INTO index_state DEFAULT VALUES",
    # The indexer follows the recorder and `index_due`, and is woken by both.
    """
    CREATE FUNCTION index_news() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_notify('postkamer_index', ''); RETURN NULL; END $$
    """,
    """
    CREATE TRIGGER recorded AFTER UPDATE ON consumer FOR EACH ROW WHEN (NEW.name = 'recorder')
    EXECUTE FUNCTION index_news()
    """,
    "CREATE TRIGGER due AFTER INSERT ON index_due FOR EACH STATEMENT EXECUTE FUNCTION index_news()",
    "CREATE TRIGGER asked AFTER UPDATE OF rebuild ON index_state FOR EACH ROW EXECUTE FUNCTION index_news()",
    # --- the text of attachments -------------------------------------------------------------------------------------
    # One row for each content that is stored, by its SHA-256 (hexadecimal), made with it and gone with the last message
    # that has it. While a content is read again, its older text stays.
    """
    CREATE TABLE extracted (
        sha256   text PRIMARY KEY,
        state    text NOT NULL DEFAULT 'due'
                 CHECK (state IN ('due', 'done', 'no_text', 'locked', 'failed', 'too_large', 'no_ocr')),
        version  integer NOT NULL DEFAULT 0,           -- of what read it
        attempts integer NOT NULL DEFAULT 0,
        next_at  timestamptz NOT NULL DEFAULT now(),
        reason   text,                                 -- why there is no text, or not all of it
        pages    integer,                              -- also sheets or slides
        text     text
    )
    """,
    "CREATE INDEX extracted_due ON extracted (next_at) WHERE state = 'due'",
    """
    CREATE INDEX extracted_lacking ON extracted (state) WHERE state IN ('locked', 'failed', 'too_large', 'no_ocr')
    """,
    """
    INSERT INTO extracted (sha256, next_at)
    SELECT sha256, coalesce(max(stored_at), now()) FROM media
    WHERE state = 'stored' AND sha256 IS NOT NULL GROUP BY sha256
    """,
    # --- who asks for what -------------------------------------------------------------------------------------------
    # In which threads somebody has written (`with:`).
    "CREATE INDEX message_sender ON message (sender, thread_id)",
    # Which reactions somebody may read who may not read all of a room.
    "CREATE INDEX reaction_room ON reaction (room_id)",
    # --- what people search ------------------------------------------------------------------------------------------
    # For saying what was not searched.
    "CREATE INDEX undecrypted_room ON undecrypted (room_id)",
    # Searches that somebody has given a name.
    """
    CREATE TABLE saved_search (
        user_id text NOT NULL,
        key     text NOT NULL,                         -- the name, folded
        name    text NOT NULL,
        line    text NOT NULL,
        PRIMARY KEY (user_id, key)
    )
    """,
    # Searches that tell somebody of each new message that they find.
    """
    CREATE TABLE search_alert (
        id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        cause      text NOT NULL UNIQUE,               -- the question that made it: the same again makes no other
        user_id    text NOT NULL,
        line       text NOT NULL,
        timezone   text NOT NULL,                      -- in which days and times in the line are meant
        since      bigint NOT NULL,                    -- the inbox row after which messages are new
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX search_alert_user ON search_alert (user_id)",
    # What they found, until the person was told: each message once, whatever alert found it.
    """
    CREATE TABLE search_alerted (
        user_id  text NOT NULL,
        event_id text NOT NULL,
        seq      bigint NOT NULL,                      -- of the event
        alert_id bigint NOT NULL REFERENCES search_alert (id) ON DELETE CASCADE,
        told_by  text,                                 -- the cause of the message that told it; NULL: not yet
        told_at  timestamptz,
        PRIMARY KEY (user_id, event_id)
    )
    """,
    "CREATE INDEX search_alerted_due ON search_alerted (user_id) WHERE told_by IS NULL",
    # Up to where the inbox was looked through for them, once it was in the index.
    "CREATE TABLE search_watch (one boolean PRIMARY KEY DEFAULT true CHECK (one), position bigint NOT NULL DEFAULT 0)",
    "INSERT INTO search_watch DEFAULT VALUES",
    # Messages that the index has made anew for another reason than the inbox: what is in their files was read.
    "CREATE TABLE search_again (event_id text PRIMARY KEY)",
    """
    CREATE FUNCTION search_again() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO search_again
        SELECT DISTINCT g.event_id FROM gone g JOIN event e ON e.event_id = g.event_id
        WHERE e.sent_at > now() - interval '7 days' AND EXISTS (SELECT FROM search_alert)
        ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER indexed AFTER DELETE ON index_due REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
    EXECUTE FUNCTION search_again()
    """,
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a backup is the way back")
