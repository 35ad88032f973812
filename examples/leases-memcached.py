"""Leases by Memcached's meta commands: threads need a value at once, and it is made once. docs/leases.md explains it.

    python3 examples/leases-memcached.py [port]
"""

import socket
import sys
import threading
import time


class Meta:
    """As much of a client as meta commands take."""

    def __init__(self, port):
        self.file = socket.create_connection(("127.0.0.1", port)).makefile("rwb")

    def command(self, line, data=None):
        """Sends a command; returns its status, its flags by their letters, and the value, if any."""
        self.file.write(line.encode() + b"\r\n" + (b"" if data is None else data + b"\r\n"))
        self.file.flush()
        status, *flags = self.file.readline().decode().split()
        value = None
        if status == "VA":
            value = self.file.read(int(flags.pop(0)) + 2)[:-2]
        return status, {flag[0]: flag[1:] for flag in flags}, value


def get_or_load(meta, key, ttl, load):
    """The value of a key; made by `load` if nobody else makes it. A maker has ten seconds."""
    pause = 0.005
    while True:
        status, flags, value = meta.command(f"mg {key} N10 c v")
        if "W" in flags:  # won: it is ours to make
            made = load()
            meta.command(f"ms {key} {len(made)} C{flags['c']} T{ttl}", made)
            return made
        if value or "Z" not in flags:  # a good one, or an old one while somebody makes another
            return value
        time.sleep(pause)
        pause = min(0.1, 2 * pause)


def main(port):
    loads = []

    def load():
        loads.append(1)
        time.sleep(0.5)
        return b"the page as of load %d" % len(loads)

    pages = []
    threads = [
        threading.Thread(target=lambda: pages.append(get_or_load(Meta(port), "page", 60, load))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{len(pages)} requests, {len(set(pages))} page, {len(loads)} load")

    # The page has changed: until there is a new one, the old one is served, for thirty seconds at most.
    meta = Meta(port)
    meta.command("md page I T30")
    maker = threading.Thread(target=get_or_load, args=(Meta(port), "page", 60, load))
    maker.start()
    while len(loads) < 2:
        time.sleep(0.005)
    print("meanwhile others get:", get_or_load(meta, "page", 60, load).decode())
    maker.join()
    print("and then:            ", get_or_load(meta, "page", 60, load).decode())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11211)
