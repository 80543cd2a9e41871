"""The inbox, its consumers and the archive.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    # Transactions as they came: committed before they are answered, sorted into the inbox right after that.
    """
    CREATE TABLE intake (
        id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        body bytea NOT NULL
    )
    """,
    "ALTER TABLE intake ALTER COLUMN body SET STORAGE EXTERNAL",  # gone in a moment, not worth compressing
    # Every event received, in order of arrival; the only source of the archive. `raw` is the JSON as it came
    # (bytea: PostgreSQL's text and jsonb take neither NUL nor lone surrogates). Erasing a removed message replaces
    # `raw` by the event as the redaction algorithm of the Matrix specification leaves it.
    """
    CREATE TABLE inbox (
        seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind        text NOT NULL CHECK (kind IN ('event', 'ephemeral', 'decrypted')),
        key         text NOT NULL,          -- event id, or sha256:HEX of raw where there is none
        room_id     text,
        type        text,
        before_seq  bigint,                 -- history: the event stands before this live one in its room ...
        before_sub  bigint,                 -- ... at this place counted backwards (-1, -2, ...)
        received_at timestamptz NOT NULL DEFAULT now(),
        erased_at   timestamptz,
        raw         bytea NOT NULL,
        UNIQUE (key, kind)
    )
    """,
    # Appending is serial, so that `seq` grows in the order of commits: a consumer that has seen number n never finds a
    # smaller one later. Each append wakes the consumers. In triggers, so that no writer can forget it, and a bare COPY
    # is one trip to the server.
    """
    CREATE FUNCTION inbox_before() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock(x'504B0001'::int); RETURN NULL; END $$
    """,
    """
    CREATE FUNCTION inbox_after() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_notify('postkamer_inbox', ''); RETURN NULL; END $$
    """,
    "CREATE TRIGGER before BEFORE INSERT ON inbox FOR EACH STATEMENT EXECUTE FUNCTION inbox_before()",
    "CREATE TRIGGER after AFTER INSERT ON inbox FOR EACH STATEMENT EXECUTE FUNCTION inbox_after()",
    """
    CREATE TABLE consumer (
        name       text PRIMARY KEY,
        position   bigint NOT NULL,         -- the last seq of the inbox that was handled
        updated_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    # What could not be handled. `raw` only where the inbox does not hold it (another content under a known event id).
    """
    CREATE TABLE set_aside (
        id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        consumer   text NOT NULL,
        seq        bigint NOT NULL,
        digest     bytea NOT NULL DEFAULT '',
        room_id    text,
        attempts   integer NOT NULL,
        reason     text NOT NULL,
        first_at   timestamptz NOT NULL DEFAULT now(),
        last_at    timestamptz NOT NULL DEFAULT now(),
        raw        bytea,
        UNIQUE (consumer, seq, digest)
    )
    """,
    # --- the recorder's tables: all of them can be emptied and made again from the inbox ---------------------------
    """
    CREATE TABLE event (
        event_id  text PRIMARY KEY,
        seq       bigint NOT NULL UNIQUE,   -- its row in the inbox
        ord       bigint NOT NULL,          -- (ord, sub): the order in its room
        sub       bigint NOT NULL,
        room_id   text NOT NULL,
        sender    text NOT NULL,
        type      text NOT NULL,            -- of an encrypted event that was read: the type inside
        state_key text,
        sent_at   timestamptz NOT NULL,     -- origin_server_ts
        rel_type  text,
        target_id text,                     -- of a relation or a redaction
        encrypted boolean NOT NULL,
        decrypted boolean NOT NULL
    )
    """,
    "CREATE INDEX event_room ON event (room_id, ord, sub)",
    "CREATE INDEX event_target ON event (target_id) WHERE target_id IS NOT NULL",
    """
    CREATE TABLE message (
        event_id       text PRIMARY KEY,
        room_id        text NOT NULL,
        ord            bigint NOT NULL,
        sub            bigint NOT NULL,
        sender         text NOT NULL,
        sent_at        timestamptz NOT NULL,
        type           text NOT NULL,       -- m.room.message, m.sticker, m.poll.start, m.room.encrypted
        msgtype        text,
        body           text,
        formatted_body text,
        reply_to       text,
        thread_id      text,
        detail         json                 -- location, poll, voice: what the body does not say
    )
    """,
    "CREATE INDEX message_room ON message (room_id, ord, sub)",
    "CREATE INDEX message_thread ON message (thread_id) WHERE thread_id IS NOT NULL",
    """
    CREATE TABLE revision (
        event_id       text PRIMARY KEY,    -- the edit
        target_id      text NOT NULL,
        room_id        text NOT NULL,
        ord            bigint NOT NULL,
        sub            bigint NOT NULL,
        sender         text NOT NULL,
        sent_at        timestamptz NOT NULL,
        type           text NOT NULL,
        msgtype        text,
        body           text,
        formatted_body text,
        detail         json
    )
    """,
    "CREATE INDEX revision_target ON revision (target_id)",
    """
    CREATE TABLE reaction (
        event_id  text PRIMARY KEY,
        target_id text NOT NULL,
        room_id   text NOT NULL,
        sender    text NOT NULL,
        key       text NOT NULL,
        sent_at   timestamptz NOT NULL
    )
    """,
    "CREATE INDEX reaction_target ON reaction (target_id)",
    """
    CREATE TABLE redaction (
        event_id    text PRIMARY KEY,
        target_id   text NOT NULL,
        room_id     text NOT NULL,
        sender      text NOT NULL,
        reason      text,
        sent_at     timestamptz NOT NULL,
        received_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX redaction_target ON redaction (target_id)",
    "CREATE INDEX redaction_received ON redaction (received_at, event_id)",
    """
    CREATE TABLE poll_vote (
        event_id  text PRIMARY KEY,
        target_id text NOT NULL,
        room_id   text NOT NULL,
        sender    text NOT NULL,
        answers   text[] NOT NULL,
        sent_at   timestamptz NOT NULL
    )
    """,
    "CREATE INDEX poll_vote_target ON poll_vote (target_id)",
    """
    CREATE TABLE poll_end (
        event_id  text PRIMARY KEY,
        target_id text NOT NULL,
        room_id   text NOT NULL,
        sender    text NOT NULL,
        sent_at   timestamptz NOT NULL
    )
    """,
    "CREATE INDEX poll_end_target ON poll_end (target_id)",
    """
    CREATE TABLE attachment (
        event_id      text NOT NULL,
        n             integer NOT NULL,
        room_id       text NOT NULL,
        media_id      text NOT NULL,        -- see media
        kind          text NOT NULL CHECK (kind IN ('file', 'image', 'video', 'audio', 'voice', 'sticker')),
        name          text NOT NULL,
        mimetype      text,                 -- as the sender's client said
        declared_size bigint,
        PRIMARY KEY (event_id, n)
    )
    """,
    "CREATE INDEX attachment_media ON attachment (media_id)",
    "CREATE INDEX attachment_room ON attachment (room_id)",
    """
    CREATE TABLE room_state (
        room_id   text NOT NULL,
        type      text NOT NULL,
        state_key text NOT NULL,
        event_id  text NOT NULL,
        sender    text NOT NULL,
        ord       bigint NOT NULL,
        sub       bigint NOT NULL,
        sent_at   timestamptz NOT NULL,
        content   json NOT NULL,
        PRIMARY KEY (room_id, type, state_key)
    )
    """,
    # Made from room_state, so that the common questions are one row.
    """
    CREATE TABLE room (
        room_id            text PRIMARY KEY,
        type               text,            -- m.space, ...
        version            text,
        creator            text,
        name               text,
        topic              text,
        canonical_alias    text,
        alt_aliases        text[] NOT NULL DEFAULT '{}',
        avatar_url         text,
        encryption         text,            -- the algorithm
        history_visibility text,
        join_rule          text,
        predecessor        text,            -- room upgrades
        successor          text,
        parents            text[] NOT NULL DEFAULT '{}',  -- spaces that the room itself names (m.space.parent)
        children           text[] NOT NULL DEFAULT '{}'   -- of a space (m.space.child)
    )
    """,
    # A person's membership of a room over time: each row holds from its event up to the next one.
    """
    CREATE TABLE membership (
        room_id      text NOT NULL,
        user_id      text NOT NULL,
        ord          bigint NOT NULL,
        sub          bigint NOT NULL,
        event_id     text NOT NULL,
        membership   text NOT NULL,
        sender       text NOT NULL,
        display_name text,
        avatar_url   text,
        reason       text,
        from_at      timestamptz NOT NULL,
        to_at        timestamptz,
        to_ord       bigint,
        to_sub       bigint,
        PRIMARY KEY (room_id, user_id, ord, sub, event_id)
    )
    """,
    "CREATE INDEX membership_user ON membership (user_id, room_id)",
    """
    CREATE TABLE receipt (
        room_id   text NOT NULL,
        user_id   text NOT NULL,
        thread_id text NOT NULL,            -- '' for the unthreaded receipt
        event_id  text NOT NULL,
        read_at   timestamptz NOT NULL,
        PRIMARY KEY (room_id, user_id, thread_id)
    )
    """,
    # --- attachments: fetched by the media worker ------------------------------------------------------------------
    """
    CREATE TABLE media (
        media_id   text PRIMARY KEY,        -- the mxc URI; of an encrypted file with '#' and a digest of its key
        mxc        text NOT NULL,
        room_id    text,
        event_id   text,
        file       json,                    -- EncryptedFile
        size_hint  bigint,                  -- what the event says
        state      text NOT NULL DEFAULT 'pending'
                   CHECK (state IN ('pending', 'stored', 'too_large', 'failed', 'erased')),
        attempts   integer NOT NULL DEFAULT 0,
        next_at    timestamptz NOT NULL DEFAULT now(),
        reason     text,
        sha256     text,                    -- of what is stored, that is decrypted; hexadecimal
        size       bigint,
        mimetype   text,                    -- as the homeserver said
        stored_at  timestamptz
    )
    """,
    "CREATE INDEX media_due ON media (next_at) WHERE state = 'pending'",
    "CREATE INDEX media_sha256 ON media (sha256) WHERE sha256 IS NOT NULL",
    # --- encrypted rooms --------------------------------------------------------------------------------------------
    """
    CREATE TABLE undecrypted (
        event_id   text PRIMARY KEY,
        seq        bigint NOT NULL,
        room_id    text NOT NULL,
        session_id text NOT NULL,
        due        boolean NOT NULL DEFAULT true,   -- to be tried now
        reason     text,
        since      timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX undecrypted_session ON undecrypted (session_id)",
    "CREATE INDEX undecrypted_due ON undecrypted (seq) WHERE due",
    """
    CREATE TABLE invite (
        room_id  text NOT NULL,
        user_id  text NOT NULL,             -- the bot
        seq      bigint NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        next_at  timestamptz NOT NULL DEFAULT now(),
        reason   text,
        PRIMARY KEY (room_id, user_id)
    )
    """,
    """
    CREATE TABLE bot_device (
        user_id      text PRIMARY KEY,
        device_id    text NOT NULL,
        next_batch   text,
        recovery_key bytea                  -- encrypted with the pickle key
    )
    """,
    # --- history from before us -------------------------------------------------------------------------------------
    """
    CREATE TABLE backfill (
        room_id     text PRIMARY KEY,
        before_seq  bigint NOT NULL,
        before_sub  bigint NOT NULL,
        next_token  text,                   -- where to go on; NULL: at the newest event
        seen        bigint NOT NULL DEFAULT 0,
        added       bigint NOT NULL DEFAULT 0,
        started_at  timestamptz NOT NULL DEFAULT now(),
        reading     boolean NOT NULL DEFAULT true,
        head_seq    bigint,                 -- what is read now stands before this place
        until_seq   bigint,                 -- read down to what was checked before; NULL: to the beginning
        checked_seq bigint,                 -- all that the homeserver had before this place is held ...
        checked_at  timestamptz,            -- ... as it was found by a reading that began then
        finished_at timestamptz,            -- when the last reading was complete
        reason      text                    -- why it stopped
    )
    """,
    # When a check of all rooms began that was completed; one row at the most.
    "CREATE TABLE checked (one boolean PRIMARY KEY DEFAULT true CHECK (one), at timestamptz NOT NULL)",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a backup is the way back")
