"""The morning's message by webhook or mail, where settings name one: counts and call ids."""

import json
import smtplib
import ssl
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from pipeline.nightly import Night
from pipeline.settings import NotifySettings, Settings
from pipeline.texts import load_texts


def tell(night: Night, settings: Settings) -> list[str]:
    """Send the message wherever it is wanted; what could not be sent is returned, a line each."""
    wanted = settings.notify
    if wanted.when == "problems" and not night.failures and night.ledger_error is None:
        return []
    ways: list[tuple[str, Callable[[], None]]] = []
    if wanted.webhook_url_file is not None:
        ways.append(("webhook", lambda: _post(night, settings)))
    if wanted.email_to is not None:
        ways.append(("mail", lambda: _mail(night, settings)))
    problems = []
    for name, send in ways:
        try:
            send()
        except (OSError, ValueError, smtplib.SMTPException) as error:
            # a webhook's address is a secret, and some errors hold it
            problems.append(f"the {name} could not be sent ({type(error).__name__})")
    return problems


def document(night: Night) -> dict[str, Any]:
    """The message for programs."""
    return {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(night.seconds, 1),
        "counts": night.counts,
        "failed": [{"call_id": bad.call_id, "error_kind": bad.error_kind} for bad in night.failures],
        "quarantined": list(night.quarantined),
        "ledger_available": night.ledger_error is None,
    }


def message(night: Night, settings: Settings) -> tuple[str, str]:
    """The message for people: a line, and the rest."""
    text = load_texts(settings.output.language)
    subject = text("night.subject", analyzed=night.counts["analyzed"], failed=night.counts["failed"])
    lines = [f"{text(f'night.{what}')}: {count}" for what, count in night.counts.items()]
    lines += [f"{text('night.took', minutes=f'{night.seconds / 60:.1f}')}"]
    if night.ledger_error is not None:
        lines.append(text("night.ledger_missing"))
    if night.failures:
        lines += [
            "",
            text("night.failures"),
            *(f"{bad.call_id} ({bad.error_kind})" for bad in night.failures),
        ]
    if night.quarantined:
        lines += ["", text("night.quarantined"), *night.quarantined]
    return subject, "\n".join(lines) + "\n"


def _post(night: Night, settings: Settings) -> None:
    wanted = settings.notify
    url = _secret(str(wanted.webhook_url_file))
    if not url.startswith(("http://", "https://")):
        raise ValueError("not an address of the web")
    subject, rest = message(night, settings)
    content = json.dumps({"text": f"{subject}\n{rest}"} | document(night)).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=wanted.timeout_s):  # noqa: S310  # http(s) only, see above
        pass


def _mail(night: Night, settings: Settings) -> None:
    wanted = settings.notify
    mail = EmailMessage()
    mail["Subject"], rest = message(night, settings)
    mail["From"], mail["To"] = wanted.email_from, wanted.email_to
    mail.set_content(rest)
    with _server(wanted) as server:
        if wanted.smtp_user is not None:
            server.login(wanted.smtp_user, _secret(str(wanted.smtp_password_file)))
        server.send_message(mail)


def _server(wanted: NotifySettings) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if wanted.smtp_security == "tls":
        return smtplib.SMTP_SSL(wanted.smtp_host, wanted.smtp_port, timeout=wanted.timeout_s, context=context)
    server = smtplib.SMTP(wanted.smtp_host, wanted.smtp_port, timeout=wanted.timeout_s)
    if wanted.smtp_security == "starttls":
        server.starttls(context=context)
    return server


def _secret(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip()
