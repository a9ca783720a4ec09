#!/usr/bin/env python3
"""Open pages, as far as the server sees them: `pages.py PORT COUNT` opens that many event streams and prints `open`.

A process of its own, and no more work for each message than to take it from its socket and look at the clock, so that what is
measured is the server. When its input ends it prints every message: page, source, and the time (CLOCK_MONOTONIC, in seconds).
"""

import re
import resource
import select
import socket
import sys
import time


def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    epoll, pages = select.epoll(), {}
    for _ in range(count):
        page = socket.create_connection(("127.0.0.1", port))
        page.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
        page.setblocking(False)
        epoll.register(page, select.EPOLLIN)
        pages[page.fileno()] = page
    end = sys.stdin.fileno()
    epoll.register(end, select.EPOLLIN)
    print("open", flush=True)
    received, clock, going = [], time.perf_counter, True
    while going:
        for place, _ in epoll.poll():
            if place == end:
                going = False
                continue
            text = pages[place].recv(65536)
            received.append((clock(), place, text))
            if not text:
                raise SystemExit("a stream ended")
    message = re.compile(rb'event: source\r?\ndata: \{[^\n]*"source":"([^"]+)"')
    rest = dict.fromkeys(pages, b"")
    for at, place, text in received:
        text, last = rest[place] + text, 0
        for found in message.finditer(text):
            print(place, found[1].decode(), at)
            last = found.end()
        # The end of a message may have come later than its beginning.
        rest[place] = text[max(last, len(text) - 200) :]


if __name__ == "__main__":
    main()
