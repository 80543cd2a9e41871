"""The bot that makes incoming webhooks: other programs post into a room."""

from __future__ import annotations

from bots.webhook.bot import WebhookBot

__all__ = ["WebhookBot"]
