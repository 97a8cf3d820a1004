"""Everything that would ever connect to another machine: by which setting, when, and what it sends."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.settings import Settings, without_password
from pipeline.storage import is_remote


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way out of this machine. ``target`` is where it leads now, ``None`` while it is off."""

    name: str
    switch: str
    purpose: str
    target: str | None


def ways(settings: Settings, environment: Mapping[str, str] = os.environ) -> Iterator[Way]:
    """Every way out, those that are off too. ``--source`` and ``--out`` of a command are as the settings."""
    batch, notify = settings.batch, settings.notify
    database = settings.store.url or ""
    yield Way(
        name="judge",
        switch="judge.url",
        purpose="asked about each call while it is judged; gets the redacted transcript",
        target=without_password(settings.judge.url) if settings.judge.url else None,
    )
    yield Way(
        name="recordings",
        switch="batch.source",
        purpose="read by `callcoach nightly` from an object store (s3://, gs://, az://)",
        target=_remote(batch.source),
    )
    yield Way(
        name="reports",
        switch="batch.out",
        purpose="written by `callcoach nightly` to an object store",
        target=_remote(batch.out),
    )
    yield Way(
        name="store",
        switch="store.url",
        purpose="baselines of agents and the ledger, for each call; a file on this machine unless PostgreSQL",
        target=without_password(database) if database.startswith("postgresql") else None,
    )
    yield Way(
        name="dask",
        switch="batch.dask_address",
        purpose="a cluster that does the calls of a night; gets their addresses and the settings",
        target=without_password(batch.dask_address) if batch.dask_address else None,
    )
    yield Way(
        name="prefect",
        switch="PREFECT_API_URL",
        purpose="told of the runs of `callcoach nightly`: ids, counts, states; else a server on loopback",
        target=without_password(environment["PREFECT_API_URL"])
        if environment.get("PREFECT_API_URL")
        else None,
    )
    yield Way(
        name="webhook",
        switch="notify.webhook_url_file",
        purpose="told after a night: counts, ids of failed calls, kinds of errors",
        target=f"the address in {notify.webhook_url_file}" if notify.webhook_url_file else None,
    )
    yield Way(
        name="mail",
        switch="notify.email_to",
        purpose="the same by mail",
        target=f"{notify.smtp_host}:{notify.smtp_port}" if notify.email_to else None,
    )
    yield Way(
        name="hub",
        switch="`callcoach models fetch NAME`",
        purpose="downloads a model, when you run it and at no other time; sends the model's name",
        target=None,
    )


def _remote(uri: str) -> str | None:
    return without_password(uri) if is_remote(uri) else None
