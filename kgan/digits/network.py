"""Whether there is a network, found out in a few seconds."""

import functools
import http.client
import os
import threading
import urllib.error
import urllib.parse
import urllib.request

SECONDS = 3


def is_forbidden():
    """Whether the environment forbids downloads."""
    return os.environ.get("KGAN_OFFLINE", "0") not in ("", "0")


def unreachable(url):
    """Why an address cannot be reached, in a few words; None if it can.

    A process asks once for an address, through the proxies that the environment names, and waits
    3 seconds at most. With `KGAN_OFFLINE=1` in the environment nothing is asked.
    """
    if is_forbidden():
        return "KGAN_OFFLINE is set"
    return _asked(url)


@functools.cache
def _asked(url):
    host = urllib.parse.urlsplit(url).hostname
    answers = []
    # In a thread, for neither the look-up of a name nor a slow trickle heeds a socket's timeout.
    thread = threading.Thread(target=lambda: answers.append(_failure(url)), daemon=True)
    thread.start()
    thread.join(SECONDS)
    failure = answers[0] if answers else f"no answer within {SECONDS} s"
    return f"{host}: {failure}" if failure else None


def _failure(url):
    try:
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310 (the table's own addresses)
        # An opener of our own, for urlopen's keeps the proxies of its first call.
        with urllib.request.build_opener().open(request, timeout=SECONDS):
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return str(error)
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
