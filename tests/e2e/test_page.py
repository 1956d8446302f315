"""The web page in headless Chromium, with a real server and real weights behind it. Where the text matters and
a small model cannot be relied on (tools, reasoning, hostile markdown), the answer is scripted in the browser."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time

import httpx
import pytest

playwright = pytest.importorskip("playwright.sync_api")

WEB = pathlib.Path(__file__).resolve().parents[2] / "web"
MAX_PAGE_BYTES = 150_000
DONE = "!document.querySelector('article[aria-busy=true]')"


@pytest.fixture(scope="module")
def node_modules():
    """What the checks of web/ need, by its lock file."""
    lock = (WEB / "package-lock.json").read_bytes()
    stamp = WEB / "node_modules" / ".lock"
    if not stamp.exists() or stamp.read_bytes() != lock:
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=WEB, check=True)
        stamp.write_bytes(lock)
    return WEB / "node_modules"


@pytest.fixture(scope="module")
def browser():
    names = [os.environ.get("TRIVET_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    path = next(filter(None, (shutil.which(n) for n in names if n)), None)
    if path is None:
        pytest.skip("no Chromium; tools/setup --test installs it")
    with playwright.sync_playwright() as p:
        running = p.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


class Chat:
    """A browser window with the page, and what went wrong in it."""

    def __init__(self, browser, url: str, **options):
        self.url = url
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda e: self.problems.append(str(e)))
        self.page.on("console", lambda m: self.problems.append(m.text) if "Content Security Policy" in m.text else None)
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.goto(url)
        self.page.wait_for_selector(".model-pick option[value]:not([value=''])", state="attached")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.context.close()
        if kind is None:
            assert self.problems == []

    def until(self, expression: str, seconds: float = 30):
        """Waits until the expression is true (the page's security policy forbids Playwright's own way)."""
        deadline = time.monotonic() + seconds
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, f"never true: {expression}"
            time.sleep(0.03)

    def send(self, text: str, wait: bool = True):
        count = self.page.locator("article.assistant").count()
        self.page.fill("#composer-text", text)
        self.page.press("#composer-text", "Enter")
        self.until(f"document.querySelectorAll('article.assistant').length > {count}")
        if wait:
            self.done()

    def done(self):
        self.until(DONE)

    def button(self, name: str, inside: str = "body"):
        return self.page.locator(inside).get_by_role("button", name=name, exact=True)

    def answer(self) -> str:
        return self.page.locator("article.assistant .markdown").last.inner_text()

    def shown(self) -> list[str]:
        return self.page.locator("article.user .bubble").all_inner_texts()

    def settings(self, **params: str):
        """Opens the settings and fills number fields by their label."""
        if not self.page.locator("#settings").count():
            self.button("Settings", ".top-bar").click()
        for label, value in params.items():
            field = self.page.locator(f"#param-{label}")
            field.fill(value)
            field.press("Enter")

    def script(self, *answers: list[dict]):
        """Plays these answers, each a list of deltas; returns the list of request bodies, which fills."""
        bodies: list[dict] = []
        remaining = list(answers)

        def play(route):
            bodies.append(route.request.post_data_json)
            chunks = [{"model": "scripted", "choices": [{"index": 0, "delta": d}]} for d in remaining.pop(0)]
            chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            text = "".join(f"data: {json.dumps(c)}\n\n" for c in chunks) + "data: [DONE]\n\n"
            route.fulfill(status=200, content_type="text/event-stream", body=text)

        self.page.route("**/v1/chat/completions", play)
        return bodies

    def axe(self, view: str, modules: pathlib.Path) -> list[str]:
        if not self.page.evaluate("typeof axe === 'object'"):
            self.page.evaluate((modules / "axe-core" / "axe.min.js").read_text())
        found = self.page.evaluate(
            "async () => (await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}))"
            ".violations.map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 120)).join(' | '))")
        return [f"{view}: {f}" for f in found]


def test_types_and_units_of_the_page_are_right(node_modules):
    runs = [subprocess.Popen(["npm", "run", "--silent", script], cwd=WEB, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for script in ("check", "test")]
    for run in runs:
        output, _ = run.communicate()
        assert run.returncode == 0, output


def test_whole_page_is_small_and_comes_from_this_server_only(browser, server):
    sizes: dict[str, int] = {}
    with Chat(browser, server.url) as chat:
        chat.page.on("response", lambda r: sizes.__setitem__(r.url, int(r.headers.get("content-length", 0))))
        chat.page.goto(server.url + "/#/dashboard")
        chat.page.reload()
        chat.page.wait_for_selector(".plot canvas")
        assert all(url.startswith(server.url) for url in chat.requests)
        files = {url for url in chat.requests if "/v1/" not in url and "/metrics" not in url and "#" not in url}
    sizes = {url: int(httpx.head(url).headers["content-length"]) for url in files | {server.url + "/"}}
    assert len(sizes) >= 6
    assert sum(sizes.values()) < MAX_PAGE_BYTES, sizes


def test_unchanged_page_is_not_sent_again(server):
    first = httpx.get(server.url)
    assert first.headers["content-encoding"] == "gzip" and "<div id=\"app\">" in first.text
    again = httpx.get(server.url, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    script = re.search(r'src="(/ui/index-[^"]+)"', first.text).group(1)
    assert "immutable" in httpx.get(server.url + script).headers["cache-control"]


def test_message_is_streamed_stopped_edited_branched_and_kept(browser, server):
    with Chat(browser, server.url) as chat:
        chat.settings(temperature="0", max_tokens="800")
        chat.send("Write a very long story about the sea.", wait=False)
        chat.until("(document.querySelector('article.assistant .markdown')?.innerText.length ?? 0) > 80")
        chat.button("Stop").click()
        chat.done()
        assert "stopped" in chat.page.locator("article.assistant .facts").inner_text()
        partial = chat.answer()
        deadline = time.monotonic() + 10
        while server.metric("vllm:num_requests_running") > 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert server.metric("vllm:num_requests_running") == 0  # stopping frees the server
        chat.settings(max_tokens="12")

        chat.button("Edit", "article.user").click()
        chat.page.get_by_label("Edit the message").fill("Say hello.")
        chat.button("Send", "article.user").click()
        chat.until("document.querySelector('.bubble').innerText === 'Say hello.'")
        chat.done()
        hello = chat.answer()
        assert hello and hello != partial

        chat.button("Previous version", "article.user").click()
        assert chat.shown() == ["Write a very long story about the sea."] and chat.answer() == partial
        chat.button("Next version", "article.user").click()
        assert chat.shown() == ["Say hello."] and chat.answer() == hello

        chat.button("Regenerate", "article.assistant").click()
        chat.page.wait_for_selector("article.assistant .branches")
        chat.done()
        assert chat.page.locator("article.assistant .branches").inner_text() == "2/2"
        assert chat.answer() == hello  # temperature 0: the same text again

        chat.send("And now goodbye.")
        assert chat.shown() == ["Say hello.", "And now goodbye."]
        chat.page.reload()
        chat.page.wait_for_selector("article.assistant")
        assert chat.shown() == ["Say hello.", "And now goodbye."]
        assert chat.page.locator(".chat-entry").count() == 1


def test_history_is_renamed_deleted_restored_exported_and_imported(browser, server):
    with Chat(browser, server.url) as chat:
        chat.script([{"content": "One."}], [{"content": "Two."}])
        chat.send("First chat")
        chat.page.keyboard.press("Control+Shift+O")
        chat.send("Second chat")
        assert chat.page.locator(".chat-entry .title").all_inner_texts() == ["Second chat", "First chat"]
        chat.page.locator(".chat-entry", has_text="First chat").hover()
        chat.button("Rename “First chat”").click()
        chat.page.get_by_role("complementary").get_by_label("Name of the chat").fill("Renamed")
        chat.page.keyboard.press("Enter")
        with chat.page.expect_download() as download:
            chat.button("Export all chats").click()
        exported = json.loads(pathlib.Path(download.value.path()).read_text())
        assert sorted(c["title"] for c in exported["conversations"]) == ["Renamed", "Second chat"]
        assert "key" not in json.dumps(exported).lower().replace('"keyboard', "")
        chat.page.locator(".chat-entry", has_text="Renamed").hover()
        chat.button("Delete “Renamed”").click()
        chat.until("document.querySelectorAll('.chat-entry').length === 1")
        chat.button("Undo").click()
        chat.until("document.querySelectorAll('.chat-entry').length === 2")
        chat.page.locator(".chat-entry", has_text="Second chat").hover()
        chat.button("Delete “Second chat”").click()
        chat.page.set_input_files("input[aria-label='File of chats']", {"name": "c.json", "mimeType": "application/json", "buffer": json.dumps(exported).encode()})
        chat.until("document.querySelectorAll('.chat-entry').length === 2")
        chat.page.set_input_files("input[aria-label='File of chats']", {"name": "c.json", "mimeType": "application/json", "buffer": b"{}"})
        chat.until("document.querySelector('.notice')?.innerText.includes('Not imported')")


def test_schema_is_checked_sent_and_its_answer_laid_out(browser, server):
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    with Chat(browser, server.url) as chat:
        bodies = chat.script([{"content": '{"city":'}, {"content": ' "Oslo"}'}])
        chat.button("JSON settings").click()
        chat.page.get_by_label("Format").select_option("json_schema")
        editor = chat.page.get_by_label("JSON schema", exact=True)
        editor.fill('{"type": "object",\n "properties": }')
        assert chat.page.locator(".json-tools .problem").count() == 1
        chat.page.fill("#composer-text", "x")
        assert chat.button("Send", ".composer").is_disabled()
        editor.fill(json.dumps(schema))
        chat.send("Name a city.")
        assert bodies[0]["response_format"]["json_schema"]["schema"] == schema
        assert chat.page.locator(".json-answer").inner_text() == '{\n  "city": "Oslo"\n}'


def test_schema_gives_json_of_that_shape(browser, server):
    schema = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}, "big": {"type": "boolean"}},
              "required": ["city", "big"], "additionalProperties": False}
    with Chat(browser, server.url) as chat:
        chat.settings(temperature="0", max_tokens="100")
        chat.button("JSON settings").click()
        chat.page.get_by_label("Format").select_option("json_schema")
        chat.page.get_by_label("JSON schema", exact=True).fill(json.dumps(schema))
        chat.send("Name a city.")
        answer = json.loads(chat.page.locator(".json-answer").inner_text())
        assert set(answer) == {"city", "big"} and isinstance(answer["city"], str) and isinstance(answer["big"], bool)


def test_tokens_show_probabilities_and_lead_to_other_answers(browser, server):
    with Chat(browser, server.url) as chat:
        chat.settings(temperature="0", max_tokens="10")
        chat.button("Probabilities").click()
        chat.send("Name a colour.")
        first = chat.answer()
        chat.button("Token probabilities", "article.assistant").click()
        tokens = chat.page.locator(".tokens .token")
        assert "".join(tokens.all_inner_texts()).strip().startswith(first[:8])
        tokens.nth(2).hover()
        rows = chat.page.locator(".alternatives li")
        rows.first.wait_for()
        assert rows.count() >= 5
        shares = [float(re.search(r"([\d.]+) %", text).group(1)) for text in rows.all_inner_texts()]
        assert shares == sorted(shares, reverse=True) and sum(shares) <= 101
        kept = "".join(tokens.all_inner_texts()[:2])
        chat.page.locator(".alternatives").get_by_role("button", name="Go on with").first.click()
        chat.page.wait_for_selector("article.assistant .branches")
        chat.done()
        assert chat.answer() != first and chat.answer().startswith(kept.strip())


def test_tool_calls_take_typed_results_and_thinking_is_folded(browser, server):
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": ""}}
    with Chat(browser, server.url) as chat:
        bodies = chat.script(
            [{"role": "assistant", "content": ""}, {"reasoning": "Look outside."}, {"tool_calls": [call]},
             {"tool_calls": [{"index": 0, "function": {"arguments": '{"city": '}}]}, {"tool_calls": [{"index": 0, "function": {"arguments": '"Oslo"}'}}]}],
            [{"content": "It is **4 degrees**."}])
        chat.button("Tools settings").click()
        tools = chat.page.locator("#section-tools")
        tools.get_by_role("button", name="Example").click()
        tools.get_by_label("The model may call").check()
        chat.send("Weather in Oslo?")
        assert bodies[0]["tools"][0]["function"]["name"] == "get_weather" and bodies[0]["tool_choice"] == "auto"
        assert "Oslo" in chat.page.locator(".tool-call pre").inner_text()
        thoughts = chat.page.locator("details.reasoning")
        assert thoughts.get_attribute("open") is None and "Look outside." in thoughts.text_content()
        chat.page.get_by_label("Result of get_weather").fill('{"celsius": 4}')
        chat.button("Give the result").click()
        chat.page.wait_for_selector("article.assistant strong")
        sent = bodies[1]["messages"]
        assert [m["role"] for m in sent] == ["user", "assistant", "tool"]
        assert sent[1]["tool_calls"][0]["function"] == {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
        assert sent[2] == {"role": "tool", "content": '{"celsius": 4}', "tool_call_id": "c1"}


def test_columns_answer_side_by_side_with_their_own_settings(browser, server):
    with Chat(browser, server.url) as chat:
        chat.settings(temperature="0", max_tokens="5")
        chat.button("Add a column to compare").click()
        chat.button("Settings of column 2").click()
        chat.settings(max_tokens="9")
        chat.send("Count to twenty.")
        facts = chat.page.locator(".facts").all_inner_texts()
        assert facts[0].startswith("5 tokens") and facts[1].startswith("9 tokens")
        texts = [c.inner_text() for c in chat.page.locator("article.assistant .markdown").all()]
        assert texts[1].startswith(texts[0])
        chat.button("Remove column 2").click()
        assert chat.page.locator(".column").count() == 1


def test_key_is_asked_for_and_sent(browser, server):
    context = browser.new_context()
    page = context.new_page()

    def models(route):
        if route.request.headers.get("authorization") == "Bearer sesame":
            return route.fulfill(json={"data": [{"id": "guarded"}]})
        return route.fulfill(status=401, json={"error": {"message": "no valid API key"}})

    page.route("**/v1/models", models)
    page.goto(server.url)
    page.wait_for_selector(".problem-mark")
    page.get_by_role("button", name="Settings", exact=True).click()
    page.get_by_text("Server and key").click() if not page.get_by_label("API key").count() else None
    page.get_by_label("API key").fill("sesame")
    page.wait_for_selector("option[value=guarded]", state="attached")
    stored = page.evaluate("Object.entries(localStorage).flat().join()")
    assert "sesame" not in stored  # only where the user asks to remember it
    context.close()


HOSTILE = """<script>window.pwned=1</script><img src=x onerror="window.pwned=1"> [a](javascript:window.pwned=1) ![i](https://evil.example/p.png)
<svg onload=window.pwned=1> [b](data:text/html,x) <iframe src="https://evil.example"></iframe>

```html" onmouseover="window.pwned=1
<script>window.pwned=1</script>
```

| <img src=x onerror=window.pwned=1> | b |
|---|---|
| [x](https://a.example/"onclick="window.pwned=1) | `<b>` |

$\\href{javascript:window.pwned=1}{x}$ $\\frac{1}{2}$
"""

RICH = """# Heading

Text with **bold**, *italic*, `code`, [a link](https://example.org) and $x^2 + \\frac{1}{2}$.

1. one
2. two
   - nested
   - [x] done

> A quotation.

```python
def reverse(items):  # a comment
    return [*reversed(items)] + ["text", 42, None]
```

| a | b |
|:--|--:|
| 1 | 2 |

### Skipped a level

\\[ \\sum_{i=1}^{n} i = \\frac{n(n+1)}{2} \\]
"""


def test_hostile_answer_runs_nothing_and_fetches_nothing(browser, server):
    with Chat(browser, server.url) as chat:
        chat.script([{"content": HOSTILE}])
        chat.send("Attack!")
        links = chat.page.locator("article.assistant a").all()
        for link in links:
            assert re.match("https?:", link.get_attribute("href"))
        chat.page.locator("article.assistant pre").hover()
        chat.page.wait_for_timeout(200)
        assert chat.page.evaluate("window.pwned") is None
        assert chat.page.locator("article.assistant :is(img, script, iframe, style, object, embed)").count() == 0
        assert all(url.startswith(server.url) for url in chat.requests)


def load(url: str, seconds: float, streams: int = 3):
    """Keeps the server busy in threads that end by themselves."""
    end = time.monotonic() + seconds

    def work(index: int):
        while time.monotonic() < end:
            body = {"messages": [{"role": "user", "content": f"Count from {index}."}], "max_tokens": 40, "ignore_eos": True}
            httpx.post(url + "/v1/chat/completions", json=body, timeout=60)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(streams)]
    for thread in threads:
        thread.start()
    return threads


def test_dashboard_shows_the_load(browser, server):
    with Chat(browser, server.url) as chat:
        threads = load(server.url, 6)
        chat.page.keyboard.press("Control+Shift+D")
        chat.page.wait_for_selector(".plot canvas")
        value = "parseFloat(document.querySelector('[data-tile=\"{}\"]').innerText)"
        chat.until(f"{value.format('Running')} >= 1 && {value.format('Generating')} > 1")
        chat.until(f"{value.format('First token, p50')} > 0 && {value.format('Per token, p50')} > 0")
        chat.until("/generated [1-9]/.test(document.querySelector('.chart [role=img]').ariaLabel)")
        assert "resident" in chat.page.get_by_role("region", name="Memory").inner_text()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_is_accessible(browser, server, node_modules, scheme):
    found: list[str] = []
    with Chat(browser, server.url, color_scheme=scheme) as chat:
        page = chat.page
        logprobs = {"content": [{"token": t, "logprob": p, "bytes": list(t.encode()), "top_logprobs": [{"token": t, "logprob": p, "bytes": list(t.encode())}, {"token": "no", "logprob": -3}]}
                                for t, p in [("Yes", -0.1), (" it", -0.7), (" is", -1.5), (".", -4.0)]]}

        def play(route):
            chunk = {"model": "scripted", "choices": [{"index": 0, "delta": {"content": RICH, "reasoning": "Let me **think**.", "tool_calls": [
                {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{\"a\": [1, true, null]}"}}]}, "logprobs": logprobs, "finish_reason": "length"}]}
            route.fulfill(status=200, content_type="text/event-stream", body=f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n")

        page.route("**/v1/chat/completions", play)
        found += chat.axe("home", node_modules)
        chat.send("Show everything.")
        found += chat.axe("chat", node_modules)
        chat.button("Token probabilities").click()
        page.locator(".tokens .token").nth(1).hover()
        page.wait_for_selector(".alternatives")
        found += chat.axe("tokens", node_modules)
        chat.button("Edit", "article.user").click()
        page.wait_for_selector(".editor")
        found += chat.axe("editor", node_modules)
        page.keyboard.press("Escape")
        chat.settings()
        closed = page.locator("#settings details:not([open]) > summary")
        while closed.count():
            closed.first.click()
        page.get_by_label("Format").select_option("json_schema")
        found += chat.axe("settings", node_modules)
        page.get_by_label("Format").select_option("text")
        chat.button("Close the settings").click()
        chat.button("Add a column to compare").click()
        found += chat.axe("compare", node_modules)
        page.keyboard.press("Control+k")
        page.wait_for_selector("dialog.palette[open]")
        found += chat.axe("palette", node_modules)
        page.keyboard.press("Escape")
        page.locator("main").focus()
        page.keyboard.press("?")
        page.wait_for_selector("dialog.help[open]")
        found += chat.axe("help", node_modules)
        page.keyboard.press("Escape")
        page.keyboard.press("Control+Shift+D")
        page.wait_for_selector(".plot canvas")
        found += chat.axe("dashboard", node_modules)
        page.set_viewport_size({"width": 390, "height": 844})
        found += chat.axe("dashboard, phone", node_modules)
        page.keyboard.press("Control+Shift+D")
        page.wait_for_selector(".thread")
        found += chat.axe("chat, phone", node_modules)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        chat.button("Show the chat list").click()
        page.wait_for_selector("dialog.sidebar[open]")
        found += chat.axe("chat list, phone", node_modules)
        page.keyboard.press("Escape")
        chat.button("Settings", ".top-bar").click()
        page.wait_for_selector("dialog.settings[open]")
        found += chat.axe("settings, phone", node_modules)
        assert page.locator("dialog.settings").evaluate("d => d.contains(document.activeElement)")
    assert found == []


def test_keyboard_is_enough(browser, server):
    with Chat(browser, server.url) as chat:
        page, press = chat.page, chat.page.keyboard.press
        bodies = chat.script([{"content": "First."}], [{"content": "Second."}], [{"content": "Third."}])
        focused = lambda: page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText")
        assert focused() == "Message"
        page.keyboard.type("Hello")
        press("Enter")
        page.wait_for_selector("article.assistant .facts", state="attached")
        chat.done()
        page.locator("main").focus()
        press("/")
        chat.until("document.activeElement.id === 'composer-text'")
        press("Alt+ArrowUp")
        chat.until("document.activeElement.getAttribute('aria-label') === 'Edit the message'")
        page.keyboard.type(" again")
        press("Control+Enter")
        chat.until("document.querySelector('.bubble').innerText === 'Hello again'")
        chat.done()
        assert bodies[1]["messages"][-1]["content"] == "Hello again"

        press("Control+k")
        page.wait_for_selector("dialog.palette[open]")
        page.keyboard.type("theme")
        chat.until("document.querySelectorAll('.palette li').length === 1")
        press("Enter")
        chat.until("document.documentElement.dataset.theme === 'light'")
        page.locator("main").focus()
        press("?")
        page.wait_for_selector("dialog.help")
        press("Escape")
        page.wait_for_selector("dialog.help", state="detached")
        chat.settings()
        chat.button("Close the settings").focus()
        press("Enter")
        chat.until("document.activeElement.getAttribute('aria-controls') === 'settings'")

        # Every control is reached by Tab and shows that it has the focus.
        page.evaluate("document.querySelector('.skip').focus()")
        seen: list[str] = [focused()]
        for _ in range(60):
            press("Tab")
            outline = page.evaluate("(() => { const e = document.activeElement; const s = getComputedStyle(e.closest('.composer-box') ?? e); return e === document.body ? 'body' : s.outlineStyle; })()")
            if outline == "body":
                break
            assert outline != "none", focused()
            seen.append(focused())
        for name in ("Skip to content", "New chat", "Dashboard", "Settings", "Regenerate", "Edit", "Message", "JSON settings", "Probabilities"):
            assert any(name in s for s in seen), (name, seen)
