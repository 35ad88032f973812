"""What an application does with pylibmc, which is libmemcached. Arguments: the port, `text` or `binary`, user and password if any. Prints `ok`.

The key `from-outside` was stored by another client, without flags: it is bytes to pylibmc; `from-python` is left for it.
"""

import sys
import time

import pylibmc


def main(port, protocol, user=None, password=None):
    binary = protocol == "binary"
    client = pylibmc.Client(
        [f"127.0.0.1:{port}"],
        binary=binary,
        username=user,
        password=password,
        behaviors={"tcp_nodelay": True, "cas": True},
    )
    assert client.get("from-outside") == b"stored outside", client.get("from-outside")
    client.delete("added")
    # Text and bytes differ in their flags.
    for value in ("text", b"bytes \x00\r\n\xff", 7, True, {"a": [1, 2, None]}, 2.5):
        assert client.set("k", value) is True
        assert client.get("k") == value, value
    assert client.get("none") is None
    assert client.add("k", "w") is False
    assert client.add("added", "w") is True
    assert client.replace("k", "w") is True
    assert client.append("k", ">") is True
    assert client.prepend("k", "<") is True
    assert client.get("k") == "<w>"
    assert client.delete("k") is True
    assert client.delete("k") is False

    many = {f"key:{i}": f"value {i}" for i in range(500)}
    assert client.set_multi(many) == []
    assert client.get_multi([*many, "none"]) == many
    assert client.delete_multi(many.keys()) is True

    client.set("n", 10)
    assert client.incr("n", 5) == 15
    assert client.decr("n", 20) == 0
    try:
        client.incr("none")
        raise AssertionError("a counter that is not there was counted")
    except pylibmc.NotFound:
        pass

    client.set("k", "v")
    value, cas = client.gets("k")
    assert value == "v"
    assert client.cas("k", "w", cas) is True
    assert client.cas("k", "x", cas) is False
    assert client.get("k") == "w"

    large = "x" * 1_000_000
    assert client.set("large", large) is True
    assert client.get("large") == large
    compressed = "compress me " * 10_000
    assert client.set("compressed", compressed, min_compress_len=1000) is True
    assert client.get("compressed") == compressed

    client.set("short", "v", time=1)
    client.set("touched", "v")
    assert client.touch("touched", 1) is True
    deadline = time.monotonic() + 5
    while client.get("short") is not None or client.get("touched") is not None:
        assert time.monotonic() < deadline, "values do not expire"
        time.sleep(0.05)

    [(_, stats)] = client.get_stats()
    assert int(stats["curr_items"]) > 0
    client.set("from-python", "stored by python")
    print("ok")


main(*sys.argv[1:])
