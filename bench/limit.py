"""Measures the limit: reads the objects, or writes objects of the same sizes, with the fastest client and nothing else.

``python limit.py read|write LIST THREADS``: the list is JSON, ``[[URL or key, size], ...]``; for ``write`` the environment
names the bucket. It hashes, stores and compares nothing; it only counts bytes.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

Entry = tuple[str, int]
BUFFER_BYTES = 512 * 1024


def main(what: str, list_file: str, threads: int) -> None:
    """Transfers all objects; prints as JSON the times from the first request on, without the start of this process."""
    entries = [(name, size) for name, size in json.loads(Path(list_file).read_text())]
    work = _reader() if what == "read" else _writer(max(size for _, size in entries))
    began, began_cpu = time.monotonic(), time.process_time()
    moved = _in_threads(work, entries, threads)
    took = {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - began_cpu}
    expected = sum(size for _, size in entries)
    if moved != expected:
        sys.exit(f"{moved} bytes moved, {expected} expected")
    sys.stdout.write(json.dumps(took))


def _in_threads(work: Callable[[Iterator[Entry]], int], entries: Sequence[Entry], threads: int) -> int:
    shared = iter(entries)  # next() on a list's iterator is atomic
    moved: list[int] = []
    started = [threading.Thread(target=lambda: moved.append(work(shared))) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return sum(moved)


def _reader() -> Callable[[Iterator[Entry]], int]:
    import pycurl

    def read(shared: Iterator[Entry]) -> int:
        total = 0

        def take(chunk: bytes) -> None:
            nonlocal total
            total += len(chunk)

        curl = pycurl.Curl()
        for option, value in (
            (pycurl.WRITEFUNCTION, take),
            (pycurl.BUFFERSIZE, BUFFER_BYTES),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.FAILONERROR, 1),
            (pycurl.NOSIGNAL, 1),
            (pycurl.PROXY, ""),
        ):
            curl.setopt(option, value)
        for url, _ in shared:
            curl.setopt(pycurl.URL, url)
            curl.perform()
        curl.close()
        return total

    return read


def _writer(most_bytes: int) -> Callable[[Iterator[Entry]], int]:
    import obstore
    from obstore.store import S3Store

    store = S3Store(
        os.environ["BUCKET"],
        endpoint=os.environ["S3_ENDPOINT"],
        access_key_id=os.environ["S3_ACCESS_KEY"],
        secret_access_key=os.environ["S3_SECRET_KEY"],
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    source = memoryview(os.urandom(most_bytes))

    def write(shared: Iterator[Entry]) -> int:
        total = 0
        for key, size in shared:
            obstore.put(store, key, source[:size], use_multipart=False)
            total += size
        return total

    return write


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
