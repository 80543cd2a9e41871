"""The Prometheus metrics of one process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest


class Metrics:
    """All metrics, in a registry of their own so that two programs can run in one process (tests do)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.transactions = Counter("postkamer_transactions", "Transactions that were stored.", registry=self.registry)
        self.refused = Counter(
            "postkamer_refused_requests", "Requests without the right token.", registry=self.registry
        )
        self.ready = Gauge("postkamer_ready", "1 when a part works.", ["part"], registry=self.registry)
        self.unsorted = Gauge(
            "postkamer_intake_transactions",
            "Transactions that are not in the inbox yet.",
            registry=self.registry,
        )
        self.behind = Gauge(
            "postkamer_consumer_behind", "Rows of the inbox that a consumer has still to handle.", ["consumer"],
            registry=self.registry,
        )  # fmt: skip
        self.set_aside = Gauge(
            "postkamer_set_aside", "What could not be handled and waits for `postkamer retry`.", ["consumer"],
            registry=self.registry,
        )  # fmt: skip
        self.media = Gauge("postkamer_media", "Attachments by state.", ["state"], registry=self.registry)
        self.documents = Gauge("postkamer_search_documents", "Documents in the search index.", registry=self.registry)
        self.undecrypted = Gauge(
            "postkamer_undecrypted", "Encrypted events that cannot be read yet.", registry=self.registry
        )
        self.asks = Gauge(
            "postkamer_asks", "What bots were asked and have not answered, by state.", ["state"],
            registry=self.registry,
        )  # fmt: skip
        self.outbox = Gauge(
            "postkamer_outbox", "What bots have to send and have not sent, by state.", ["state"],
            registry=self.registry,
        )  # fmt: skip
        self.jobs = Gauge("postkamer_jobs", "What bots are to do, by state.", ["state"], registry=self.registry)

    def text(self) -> bytes:
        """In the text format of Prometheus."""
        return generate_latest(self.registry)
