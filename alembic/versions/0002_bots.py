"""Who may read what over time, and all that bots remember.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = (
    # Bodies are compressed (zstd) from now on: `size` is what they had before; NULL: from an older program, as it came.
    "ALTER TABLE intake ADD COLUMN size integer",
    # --- the recorder's: what the access rule needs beside `membership` ---------------------------------------------
    # m.room.history_visibility over time: each row holds from its event up to the next one. The default holds from the
    # lowest of all places, once m.room.create is held: before that nobody knows what the archive has missed.
    """
    CREATE TABLE history_visibility (
        room_id    text NOT NULL,
        ord        bigint NOT NULL,
        sub        bigint NOT NULL,
        event_id   text NOT NULL,
        visibility text NOT NULL,
        to_ord     bigint,
        to_sub     bigint,
        PRIMARY KEY (room_id, ord, sub, event_id)
    )
    """,
    "CREATE INDEX history_visibility_world ON history_visibility (room_id) WHERE visibility = 'world_readable'",
    # The recorder reads the inbox again, from an empty archive: what somebody may read must never be decided by a
    # setting of history when a later one has still to be read.
    """
    TRUNCATE event, message, revision, reaction, redaction, poll_vote, poll_end, attachment, room_state, room,
             membership, receipt
    """,
    "DELETE FROM set_aside WHERE consumer = 'recorder'",
    "UPDATE consumer SET position = 0 WHERE name = 'recorder'",
    # For reading a room from a time on.
    "CREATE INDEX message_sent ON message (room_id, sent_at)",
    # What `status` of a room asks.
    "CREATE INDEX event_unread ON event (room_id) WHERE encrypted AND NOT decrypted",
    "CREATE INDEX media_lacking ON media (state) WHERE state IN ('pending', 'failed', 'too_large')",
    # --- bots --------------------------------------------------------------------------------------------------------
    # What we have shown of the bot last: whoever changes it by hand on the homeserver is not fought with.
    "ALTER TABLE bot_device ADD COLUMN displayname text, ADD COLUMN avatar_sha256 bytea",
    # Rooms in which a bot of ours is, was, or was asked to be.
    """
    CREATE TABLE bot_room (
        room_id    text NOT NULL,
        user_id    text NOT NULL,           -- the bot
        membership text NOT NULL,
        seq        bigint NOT NULL,         -- the inbox row that said so
        direct     boolean NOT NULL DEFAULT false,  -- it was invited to a direct chat
        PRIMARY KEY (room_id, user_id)
    )
    """,
    # What somebody asked of a bot (a command, a press of a button, an answer to a question, its joining a room): done
    # once, in the transaction that writes the answer to the outbox.
    """
    CREATE TABLE ask (
        id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        cause    text NOT NULL,             -- what makes it one: an event id, mostly
        seq      bigint NOT NULL,           -- its row in the inbox
        user_id  text NOT NULL,             -- the bot that is asked
        room_id  text NOT NULL,
        sender   text NOT NULL,
        kind     text NOT NULL CHECK (kind IN ('message', 'edit', 'press', 'join', 'left')),
        payload  json NOT NULL,             -- emptied when it is done
        asked_at timestamptz NOT NULL,      -- origin_server_ts
        state    text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'done', 'failed')),
        attempts integer NOT NULL DEFAULT 0,
        reason   text,
        done_at  timestamptz,
        UNIQUE (cause, user_id)
    )
    """,
    "CREATE INDEX ask_open ON ask (state, id) WHERE state <> 'done'",
    # Everything that bots send, until it is certainly sent and after that as long as its buttons live.
    """
    CREATE TABLE outbox (
        id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        txn_id     text NOT NULL UNIQUE,    -- made from the cause: the same cause sends once
        cause      text NOT NULL,
        user_id    text NOT NULL,           -- the bot that sends
        room_id    text,                    -- NULL: the direct chat with `person`, found or made when it is sent
        person     text,
        sealed     boolean NOT NULL DEFAULT false,  -- only into an encrypted room
        type       text NOT NULL,
        content    json NOT NULL,           -- emptied when it is sent
        file       json,                    -- a file of ours to upload first: path, name, mimetype, size
        relates_to bigint REFERENCES outbox (id) ON DELETE CASCADE,  -- its event id goes into m.relates_to
        action     json,                    -- what buttons and answers to this message do
        created_at timestamptz NOT NULL DEFAULT now(),
        state      text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'sent', 'failed')),
        attempts   integer NOT NULL DEFAULT 0,
        reason     text,
        event_id   text,
        sent_at    timestamptz
    )
    """,
    "CREATE INDEX outbox_open ON outbox (state, user_id, id) WHERE state <> 'sent'",
    "CREATE INDEX outbox_room ON outbox (room_id, id) WHERE action IS NOT NULL",
    "CREATE INDEX outbox_event ON outbox (event_id) WHERE event_id IS NOT NULL",
    "CREATE INDEX outbox_cause ON outbox (cause)",
    "CREATE INDEX outbox_relates_to ON outbox (relates_to) WHERE relates_to IS NOT NULL",
    # The direct chats that bots write in. While `room_id` is NULL one is being made; `token` is in its create event, so
    # that it is found again after a crash.
    """
    CREATE TABLE direct_chat (
        user_id   text NOT NULL,            -- the bot
        person    text NOT NULL,
        encrypted boolean NOT NULL,
        token     text NOT NULL,
        room_id   text,
        PRIMARY KEY (user_id, person, encrypted)
    )
    """,
    """
    CREATE TABLE job (
        id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        bot      text NOT NULL,
        action   text NOT NULL,
        key      text NOT NULL,             -- the same key again replaces the job
        args     json NOT NULL,
        schedule text,                      -- 'every SECONDS' or 'cron EXPRESSION'; NULL: once
        room_id  text,
        person   text,
        due_at   timestamptz NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        next_at  timestamptz NOT NULL,      -- due_at, or when it is tried again
        reason   text,
        UNIQUE (bot, action, key)
    )
    """,
    "CREATE INDEX job_next ON job (next_at)",
    """
    CREATE TABLE setting (
        bot     text NOT NULL,
        scope   text NOT NULL CHECK (scope IN ('room', 'person')),
        subject text NOT NULL,              -- room id or Matrix id
        name    text NOT NULL,
        value   json NOT NULL,
        PRIMARY KEY (bot, scope, subject, name)
    )
    """,
    """
    CREATE TABLE webhook (
        id           text PRIMARY KEY,
        room_id      text NOT NULL,
        user_id      text NOT NULL,         -- the bot that posts
        name         text NOT NULL,
        token_sha256 bytea NOT NULL,        -- of the secret in its URL
        signing_key  bytea,                 -- for HMAC-SHA256, encrypted; NULL: no signature is asked for
        created_by   text NOT NULL,
        created_at   timestamptz NOT NULL DEFAULT now(),
        used_at      timestamptz,
        uses         bigint NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX webhook_room ON webhook (room_id)",
    # Who looked into what, and what for.
    """
    CREATE TABLE audit (
        id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at      timestamptz NOT NULL DEFAULT now(),
        who     text NOT NULL,
        what    text NOT NULL,
        purpose text,
        detail  json NOT NULL
    )
    """,
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a backup is the way back")
