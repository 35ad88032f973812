"""What an application does with pymemcache (the text protocol). Argument: the port. Prints `ok`, or ends with a traceback.

The key `from-outside` was stored by another client; `from-python` is left for it.
"""

import sys
import time

from pymemcache.client.base import Client
from pymemcache import serde


def main(port):
    client = Client(("127.0.0.1", port), default_noreply=False, timeout=5)
    assert client.get("from-outside") == b"stored outside"
    assert client.set("k", "v") is True
    assert client.get("k") == b"v"
    assert client.get("none", "default") == "default"
    assert client.add("k", "w") is False
    assert client.replace("k", "w") is True
    assert client.replace("none", "w") is False
    assert client.append("k", ">") is True
    assert client.prepend("k", "<") is True
    assert client.get("k") == b"<w>"
    assert client.delete("k") is True
    assert client.delete("k") is False

    many = {f"key:{i}": f"value {i}" for i in range(500)}
    assert client.set_many(many) == []
    assert client.get_many([*many, "none"]) == {key: value.encode() for key, value in many.items()}
    assert client.delete_many(many) is True

    client.set("n", "10")
    assert client.incr("n", 5) == 15
    assert client.decr("n", 20) == 0
    assert client.incr("none", 1) is None
    client.set("n", str(2**64 - 1))
    assert client.incr("n", 2) == 1

    client.set("k", "v")
    value, cas = client.gets("k")
    assert value == b"v"
    assert client.cas("k", "w", cas) is True
    assert client.cas("k", "x", cas) is False
    assert client.cas("none", "x", cas) is None
    assert client.gets_many(["k", "n"])["k"][0] == b"w"

    flagged = Client(("127.0.0.1", port), serde=serde.pickle_serde, default_noreply=False, timeout=5)
    for value in ("text", 7, b"\x00\r\n\xff", {"a": [1, 2, None]}):
        flagged.set("flagged", value)
        assert flagged.get("flagged") == value, value

    quiet = Client(("127.0.0.1", port), default_noreply=True, timeout=5)
    quiet.set("quiet", "v")
    quiet.append("quiet", "w")
    quiet.delete("n")
    assert quiet.get("quiet") == b"vw"
    assert quiet.get("n") is None

    large = b"x" * 1_000_000
    assert client.set("large", large) is True
    assert client.get("large") == large

    client.set("short", "v", expire=1)
    client.set("touched", "v")
    assert client.touch("touched", 1) is True
    assert client.touch("none", 1) is False
    deadline = time.monotonic() + 5
    while client.get("short") is not None or client.get("touched") is not None:
        assert time.monotonic() < deadline, "values do not expire"
        time.sleep(0.05)

    stats = client.stats()
    assert int(stats[b"curr_items"]) > 0
    assert client.version()
    client.set("from-python", "stored by python")
    print("ok")


main(int(sys.argv[1]))
