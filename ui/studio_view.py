"""What a page says of the studio while it waits for it: that it starts, that it answers somebody else, how far it is."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from engine.core.errors import EngineError
from engine.core.progress import Phase
from engine.services import inference_client
from ui import budget, words
from ui.i18n import _

_PREPARATION = (Phase.PREPARING, Phase.COMPARING)


def wait_until_ready() -> None:
    """Waits until the studio is there, and says that it is starting.

    Raises:
        EngineError: it did not start.
    """
    inference_client.ensure()
    if inference_client.phase() == "ready":
        return
    started = time.monotonic()
    with st.status(_("The studio is starting: it loads TensorFlow, about 10 s on a laptop."), expanded=False) as status:
        try:
            inference_client.wait_until_ready()
        except EngineError:
            status.update(label=_("The studio did not start."), state="error")
            raise
        seconds = time.monotonic() - started
        status.update(label=_("The studio is ready after {time}.", time=words.duration(seconds)), state="complete")


def busy() -> str:
    """What is said while the studio works for another request."""
    return _("The studio is answering somebody else: this waits for its turn.")


def measuring(message: dict[str, Any]) -> str:
    """How far a measurement is, or the preparation of its articles."""
    if message["phase"] in _PREPARATION:
        return _("preparing the articles: {n} so far", n=words.grouped(message["articles"]))
    return _("measuring: {done} of {total} windows", done=message["done"], total=message["total"])


def run_request(
    request: dict[str, Any],
    say: Callable[[str, float], object],
    work: str,
    progress: Callable[[dict[str, Any]], str] = measuring,
) -> list[dict[str, Any]]:
    """Runs a request in the studio, started where it is not there, and collects its messages; the last one is its result.

    Args:
        say: is told what is waited for, `work`, another request, or how far it is, and the share of it that is done.
        progress: how far it is, in words, of such a message.

    Raises:
        EngineError: no studio, it died while it worked, what it says is against the request, or the request goes beyond a visitor's budget.
    """
    budget.check_request(request)
    say(work, 0.0)
    received = []
    # Closed however this ends: a rerun, which Cancel and leaving the page cause, hangs up, and so the studio stops.
    with contextlib.closing(inference_client.answers(request)) as messages:
        for message in messages:
            if message["kind"] == "waiting":
                say(busy(), 0.0)
            elif message["kind"] == "progress":
                # The preparation comes before what is measured and is the smaller part: the bar is not its own.
                counts = message["total"] and message["phase"] not in _PREPARATION
                say(progress(message), message["done"] / message["total"] if counts else 0.0)
            else:
                say(work, 0.0)
            received.append(message)
    return received
