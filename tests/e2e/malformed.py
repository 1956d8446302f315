"""Requests that no client should send, and what a server made of them."""
import collections
import copy
import dataclasses
import json
import random
import socket
import threading
import time
import urllib.parse

TIMEOUT = 20.0  # for one request: longer is a hang

TEXT = {"prompt": "a b c", "max_tokens": 1}
CHAT = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
MESSAGES = {"model": "claude", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
BODIES = {
    "/v1/completions": TEXT, "/v1/chat/completions": CHAT, "/v1/completions/render": TEXT,
    "/v1/chat/completions/render": CHAT, "/tokenize": {"prompt": "a"}, "/detokenize": {"tokens": [1, 2]},
    "/abort_requests": {"request_ids": ["none"]}, "/v1/messages": MESSAGES, "/v1/messages/count_tokens": MESSAGES,
    "/v1/responses": {"input": "Hi", "max_output_tokens": 1, "store": False},
    "/api/chat": {"model": "m", "messages": CHAT["messages"], "stream": False, "options": {"num_predict": 1}},
    "/api/generate": {"model": "m", "prompt": "a", "stream": False, "options": {"num_predict": 1}},
    "/completion": {"prompt": "a", "n_predict": 1}, "/infill": {"input_prefix": "a", "input_suffix": "b", "n_predict": 1},
    "/apply-template": {"messages": CHAT["messages"]}, "/api/show": {"model": "m"}, "/v1/batches": {"input_file_id": "x"},
}
MORE_FIELDS = {
    "temperature": 0.5, "top_p": 0.9, "top_k": 4, "min_p": 0.1, "n": 1, "seed": 1, "stop": ["x"], "logprobs": 1,
    "logit_bias": {"5": 1}, "stream": False, "stream_options": {"include_usage": True}, "echo": True, "tools": [],
    "tool_choice": "auto", "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
    "structured_outputs": {"regex": "a+"}, "min_tokens": 0, "bad_words": ["x"], "stop_token_ids": [1],
    "prompt_logprobs": 1, "presence_penalty": 0.1, "cache_salt": "s", "model": None, "grammar": "root ::= \"a\"",
    "chat_template_kwargs": {"a": 1}, "truncate_prompt_tokens": 5, "priority": 0, "request_id": "r", "user": "u",
}
ODD_VALUES = [
    None, True, False, 0, -1, 1, 1.5, 1e308, -1e308, 2**31, 2**63, 2**64, -(2**63) - 1, "", "x", "\u0000", "\ud83d\ude00" * 50,
    "9" * 400, "a" * 5000, [], [[]], [None], [1, "a", {}], {}, {"a": {"b": {"c": []}}}, [1e9] * 50, "NaN", "\u2028", [[[[[]]]]],
]
ODD_JSON = [
    b"", b" ", b"null", b"true", b"1", b'"x"', b"[]", b"{", b"}", b"{}", b'{"', b'{"a"', b'{"a":', b"{'a':1}", b"{a:1}", b'{"a":1,}',
    b'{"a":01}', b'{"a":.5}', b'{"a":+1}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1e999999}', b'{"a":"\xff\xfe"}', b'{"a":"\xed\xa0\x80"}',
    b'{"a":"\\ud800"}', b'{"a":"\\u00"}', b'{"a":"\n"}', b'{"a":1}{"b":2}', b'{"a":1}x', b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"/*c*/{}",
    b'{"prompt":' + b"[" * 5000, b'{"messages":' + b'{"a":' * 3000, b"[" * 200000, b'{"prompt":' + b"[" * 120 + b"]" * 120 + b"}",
    b'{"prompt":"a","prompt":1,"prompt":[]}', b'{"' + b"k" * 70000 + b'":1}', b"\x00" * 64, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
]


@dataclasses.dataclass
class Probe:
    data: bytes
    whole: bool = True  # an answer is due although the connection stays open


def head(method: str, target: str, fields: list[tuple[str, str]], version: str = "HTTP/1.1") -> bytes:
    lines = [f"{method} {target} {version}"] + [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def post(path: str, body: bytes, *fields: tuple[str, str]) -> Probe:
    base = [("Host", "h"), ("Content-Type", "application/json"), ("Content-Length", str(len(body))), *fields]
    return Probe(head("POST", path, base) + body)


class Generator:
    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.kinds = [self.broken_json, self.odd_json, self.wrong_types, self.wrong_types, self.wrong_types, self.odd_depth,
                      self.broken_http, self.broken_http, self.broken_head, self.broken_chunks, self.cut_off, self.odd_target,
                      self.odd_sizes]

    def next(self) -> Probe:
        return self.random.choice(self.kinds)()

    def some_body(self) -> tuple[str, dict]:
        path, body = self.random.choice(list(BODIES.items()))
        return path, json.loads(json.dumps(body))

    def broken_json(self) -> Probe:
        path, body = self.some_body()
        data = bytearray(json.dumps({**body, **self.more()}).encode())
        for _ in range(self.random.randint(1, 4)):
            at = self.random.randrange(len(data)) if data else 0
            action = self.random.randrange(4)
            if action == 0 and data:
                data[at] = self.random.randrange(256)
            elif action == 1:
                del data[at:]
            elif action == 2:
                data.insert(at, self.random.choice(b'{}[],:"\\\x00\xff'))
            elif data:
                del data[at]
        return post(path, bytes(data))

    def odd_json(self) -> Probe:
        return post(self.some_body()[0], self.random.choice(ODD_JSON))

    def more(self) -> dict:
        names = self.random.sample(list(MORE_FIELDS), self.random.randint(0, 4))
        return {name: copy.deepcopy(MORE_FIELDS[name]) for name in names}

    def wrong_types(self) -> Probe:
        path, body = self.some_body()
        body = {**body, **self.more()}
        for _ in range(self.random.randint(1, 3)):
            self.spoil(body)
        return post(path, json.dumps(body).encode())

    def spoil(self, node: dict | list) -> None:
        """Puts an odd value somewhere into the body."""
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                return
            key = self.random.choice(keys)
            if isinstance(node[key], (dict, list)) and node[key] and self.random.random() < 0.6:
                node = node[key]
                continue
            node[key] = copy.deepcopy(self.random.choice(ODD_VALUES))
            if key in ("max_tokens", "n", "n_predict", "num_predict", "max_output_tokens") and isinstance(node[key], (int, float)):
                node[key] = self.random.choice([-1, 0, "1", 2**63, 1.5])  # never a long answer
            return

    def odd_depth(self) -> Probe:
        depth = self.random.choice([10, 120, 127, 128, 129, 1000, 20000])
        key = self.random.choice(["messages", "prompt", "tools", "input", "chat_template_kwargs", "response_format"])
        opening, closing = self.random.choice([("[", "]"), ('{"a":', "}")])
        return post(self.some_body()[0], f'{{"{key}":{opening * depth}1{closing * depth}}}'.encode())

    def broken_http(self) -> Probe:
        return Probe(self.random.choice([
            b"\r\n" * 50, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"/ GET HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", b"GET / HTTP/1.1\nHost: h\n\n", b"G\x00T / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", b"POST /tokenize HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            b"POST /tokenize HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST /tokenize HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", b"POST /tokenize HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
            b"POST /tokenize HTTP/1.1\r\nHost: h\r\nContent-Length: 0x10\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(100),
            b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", b"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET http://evil/health HTTP/1.1\r\nHost: h\r\n\r\n", bytes(self.random.randrange(256) for _ in range(self.random.randint(1, 300))),
            b"POST /v1/completions HTTP/1.1\r\nHost: h\r\nExpect: 200-maybe\r\nContent-Length: 2\r\n\r\n{}",
        ]), whole=False)

    def broken_head(self) -> Probe:
        odd = self.random.choice([
            ("X", "a\x00b"), ("X\x01", "a"), ("", "a"), ("X Y", "a"), ("X", "a" * 20000), ("Connection", "close, upgrade, keep-alive"),
            ("Upgrade", "websocket"), ("Authorization", "Bearer " + "k" * 5000), ("X-Request-Id", "../../etc\x7f"), ("Range", "bytes=0-"),
            ("Content-Encoding", "gzip"), ("Content-Type", "text/plain; charset=\xff"), ("Accept", "*/*;q=x"), ("Cookie", "a=b;" * 500),
            ("Last-Event-ID", "-5"), ("Idempotency-Key", "k" * 300), ("traceparent", "00-zz-zz-01"), ("Host", "evil")])
        count = self.random.choice([1, 1, 1, 50, 400])
        path, body = self.some_body()
        data = json.dumps(body).encode()
        return Probe(head("POST", path, [("Host", "h"), *[odd] * count, ("Content-Length", str(len(data)))]) + data, whole=False)

    def broken_chunks(self) -> Probe:
        begin = head("POST", "/v1/completions", [("Host", "h"), ("Transfer-Encoding", "chunked")])
        return Probe(begin + self.random.choice([
            b"zz\r\n{}\r\n0\r\n\r\n", b"ffffffffffffffff\r\n{}", b"-1\r\n{}\r\n0\r\n\r\n", b"2\r\n{}0\r\n\r\n", b"2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n",
            b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", b"5\r\n{}\r\n0\r\n\r\n", b"\r\n\r\n", b"0\r\n\r\n", b"0\r\n" + b"T: v\r\n" * 3000 + b"\r\n"]), whole=False)

    def cut_off(self) -> Probe:
        path, body = self.some_body()
        data = post(path, json.dumps(body).encode()).data
        return Probe(data[:self.random.randrange(1, len(data))], whole=False)

    def odd_target(self) -> Probe:
        target = self.random.choice([
            "/%", "/%zz", "/%00", "//", "/../../etc/passwd", "/v1/models/" + "a" * 3000, "/v1/models/%2e%2e%2f", "/v1/models/%ff", "*", "/ui/../x",
            "/ui/%2e%2e/%2e%2e/etc/passwd", "/v1/chat/completions/", "/V1/MODELS", "/v1/models?%zz=%zz&&&=", "/" + "a/" * 4000, "/pause?mode=%00",
            "/sleep?level=99999999999999999999", "/v1/files/../../x", "/v1/responses/%2F%2F", "/v1/batches/" + "b" * 500, "/slots?fail_on_no_slot=zz",
            urllib.parse.quote("".join(chr(self.random.randrange(1, 0x2000)) for _ in range(20)))])
        method = self.random.choice(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW", "get", "G" * 300])
        return Probe(head(method, target, [("Host", "h"), ("Content-Length", "0")]), whole=False)

    def odd_sizes(self) -> Probe:
        size = self.random.choice([8 << 20, 9 << 20, 1 << 40])
        begin = head("POST", self.some_body()[0], [("Host", "h"), ("Content-Length", str(size))])
        return Probe(begin + b"{" + b" " * self.random.choice([0, 100, 70000]), whole=False)


class Failure(Exception):
    pass


def ask(address: tuple[str, int], probe: Probe) -> str:
    """The status of the answer, or "closed"."""
    with socket.create_connection(address, timeout=TIMEOUT) as connection:
        try:
            connection.sendall(probe.data)
            if not probe.whole:
                connection.shutdown(socket.SHUT_WR)
            answer = read_answer(connection, until_closed=not probe.whole)
        except (ConnectionResetError, BrokenPipeError):
            return "closed"
        except TimeoutError as error:
            raise Failure(f"no answer in {TIMEOUT} s to {probe.data[:300]!r}") from error
    if not answer:
        return "closed"
    status = answer.split(b" ", 2)[1:2]
    if not answer.startswith(b"HTTP/1.1 ") or not status[0].isdigit():
        raise Failure(f"{answer[:100]!r} answers {probe.data[:300]!r}")
    if status[0] in (b"500", b"502"):
        raise Failure(f"{answer[-400:]!r} answers {probe.data[:600]!r}")
    return status[0].decode()


def read_answer(connection: socket.socket, until_closed: bool) -> bytes:
    data = b""
    while True:
        if not until_closed and b"\r\n\r\n" in data:
            begin, _, body = data.partition(b"\r\n\r\n")
            fields = begin.lower().split(b"\r\n")
            length = next((int(f.split(b":")[1]) for f in fields if f.startswith(b"content-length:")), None)
            if length is not None and len(body) >= length or length is None and body.endswith(b"0\r\n\r\n"):
                return data
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece


def flood(url: str, count: int, seed: int = 1, threads: int = 4, on_progress=None) -> collections.Counter:
    """Sends `count` malformed requests; how often each status came. Raises for a wrong answer or a hang."""
    parts = urllib.parse.urlsplit(url)
    address = (parts.hostname, parts.port)
    results, failures, lock = collections.Counter(), [], threading.Lock()

    def work(index: int) -> None:
        generator = Generator(seed * 1000 + index)
        for done in range(count // threads):
            if failures:
                return
            try:
                status = ask(address, generator.next())
            except Exception as failure:
                failures.append(failure)
                return
            with lock:
                results[status] += 1
            if on_progress and index == 0 and done % 500 == 0:
                on_progress(done * threads)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        raise failures[0]
    return results


if __name__ == "__main__":
    import sys
    begin = time.monotonic()
    print(dict(flood(sys.argv[1], int(sys.argv[2]), on_progress=lambda n: print(n, flush=True))))
    print(f"{time.monotonic() - begin:.0f} s")
