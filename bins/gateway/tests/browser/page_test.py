"""The page in a real browser, against a running gateway.

How to run:
    pip install pytest playwright     # and a Chromium: apt-get install chromium, or `playwright install chromium`
    GATEWAY_URL=http://127.0.0.1:8080 GATEWAY_TOKEN=… INTERVIEW_ID=1 python -m pytest -v page_test.py

The token is a service's or a recruiter's. The first test wants an interview whose report was not requested yet; the others read what
it left. AXE_JS (path to axe.min.js of the npm package axe-core) turns the accessibility checks on, SHOTS (a folder) keeps
screenshots, OFFLINE_S and SCORING_S say how long the network is away and how long scoring may take, CHROMIUM names another browser.
"""

import json
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

BASE = os.environ.get("GATEWAY_URL", "http://127.0.0.1:8080").rstrip("/")
TOKEN = os.environ.get("GATEWAY_TOKEN", "")
INTERVIEW = int(os.environ.get("INTERVIEW_ID", "1"))
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
OFFLINE_S = float(os.environ.get("OFFLINE_S", "20"))
SCORING_MS = 1000 * float(os.environ.get("SCORING_S", "900"))
AXE = os.environ.get("AXE_JS")
SHOTS = os.environ.get("SHOTS")
REPORT = f"/interviews/{INTERVIEW}"
SETTLED = ".card:is([data-kind=scored], [data-kind=insufficient], [data-kind=failed], [data-kind=person])"
PHONE, DESKTOP = {"width": 360, "height": 780}, {"width": 1280, "height": 900}
LISTEN = """
window.seen = [];
document.addEventListener('viva:event', ({ detail }) => window.seen.push(detail));
document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => console.error(`policy: ${violatedDirective} ${blockedURI}`));
"""


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        path = CHROMIUM if Path(CHROMIUM).exists() else None
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Opens `path` as a visitor with the token; fails at the end if the page complained about anything but a refused request."""
    contexts, complaints = [], []

    def open_page(path, token=TOKEN, size=DESKTOP, locale="ko-KR", **more):
        context = browser.new_context(viewport=size, locale=locale, **more)
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(LISTEN)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" and "Failed to load resource" not in said.text else None)
        page.goto(f"{BASE}{path}" + (f"#token={token}" if token else ""))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def get(path):
    request = urllib.request.Request(BASE + path, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.status, answer.read().decode()


def report():
    return json.loads(get(f"/v1/interviews/{INTERVIEW}/report")[1])


def replayed():
    """Ids of the events that the gateway still knows, up to the end of the report's story; None if it tells none any more."""
    request = urllib.request.Request(f"{BASE}/v1/interviews/{INTERVIEW}/events?last_event_id=0", headers={"Authorization": f"Bearer {TOKEN}"})
    found = []
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            for block in answer.read().decode().split("\n\n"):
                fields = dict(line.split(":", 1) for line in block.splitlines() if ":" in line)
                if "id" in fields:
                    found.append((fields["id"].strip(), fields.get("event", "").strip()))
    except (TimeoutError, urllib.error.URLError, OSError):
        return None
    while found and found[-1][1] not in ("report.ready", "report.failed"):
        found.pop()
    return [one for one, _ in found] or None


def until(page, script, arg=None, timeout_ms=15_000):
    """Asks again until `script` holds. (The page's own waiting would evaluate a string, which its content policy forbids.)"""
    deadline = time.monotonic() + timeout_ms / 1000
    while not page.evaluate(script, arg):
        assert time.monotonic() < deadline, f"never became true: {script}"
        page.wait_for_timeout(200)


def keep(page, name):
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def test_scores_arrive_and_none_is_missed_while_the_network_is_away(visit):
    page = visit(REPORT)
    expect(page.locator("h1")).to_be_visible()
    if report()["state"] == "ready":
        pytest.skip("the report is there already: this test wants one that was not requested yet")
    if page.locator("#request").count():
        page.locator("#request").click()
    page.wait_for_selector(SETTLED, timeout=SCORING_MS)
    keep(page, "growing")
    page.context.set_offline(True)
    expect(page.locator("#banner")).to_be_visible(timeout=15_000)
    keep(page, "offline")
    before = page.locator(SETTLED).count()
    page.wait_for_timeout(OFFLINE_S * 1000)
    assert page.locator(SETTLED).count() == before, "nothing can have arrived without a network"
    page.context.set_offline(False)
    expect(page.locator("#banner")).to_be_hidden(timeout=30_000)
    expect(page.locator("#request")).to_have_count(0)
    until(page, "() => document.querySelector('.overall .figure:not(.none)') !== null || document.querySelector('.state progress') === null", timeout_ms=SCORING_MS)

    deadline = time.monotonic() + 30
    while report()["state"] == "pending" and time.monotonic() < deadline:
        page.wait_for_timeout(500)
    now = report()
    wanted = {str(answer["transcript_id"]): (answer["evaluation"] or {}).get("status", "") for answer in now["answers"]}
    until(page, "wanted => [...document.querySelectorAll('.card')].every(card => card.dataset.status === wanted[card.id.slice(7)])", wanted)
    assert page.locator(".card").count() == len(wanted)
    page.wait_for_timeout(1000)
    # `end` and `reset` are no news of their own: they carry the number of the event before them.
    seen = [event["id"] for event in page.evaluate("window.seen") if event["name"] not in ("end", "reset")]
    assert seen, "the stream brought nothing"
    known = replayed()
    if known and seen[0] in known:
        missed = [one for one in known[known.index(seen[0]):] if one not in seen]
        assert missed == [], f"events that the page never got: {missed}"
    assert [int(one) for one in seen] == sorted(int(one) for one in set(seen)), "out of order, or told twice"
    keep(page, "complete")


def test_a_clip_plays(visit):
    page = visit(REPORT)
    page.wait_for_selector(".card")
    clip = page.locator("audio").first
    if clip.count() == 0:
        pytest.skip("no question of this interview has a recording")
    length = clip.evaluate("""async clip => {
        clip.muted = true;
        await clip.play();
        await new Promise((resolve, reject) => { clip.ontimeupdate = () => clip.currentTime > 0 && resolve(); setTimeout(() => reject(clip.error?.message ?? 'silent'), 10000); });
        return clip.duration;
    }""")
    assert length > 0


def test_what_has_no_score_shows_no_number(visit):
    page = visit(REPORT)
    page.wait_for_selector(".card")
    for kind in ("insufficient", "failed", "waiting", "open"):
        for card in page.locator(f".card[data-kind={kind}]").all():
            words = card.locator(".score").inner_text()
            assert not any(character.isdigit() for character in words), words
            assert card.locator(".items").count() == 0


def test_quotes_stand_where_the_record_says(visit):
    page = visit(REPORT)
    page.wait_for_selector(".card")
    for answer in report()["answers"]:
        quotes = [quote["quote"] for item in (answer["evaluation"] or {}).get("items", []) for quote in item["evidence"]]
        if not quotes:
            continue
        marked = page.locator(f"#answer-{answer['transcript_id']} mark").evaluate_all(
            "marks => marks.map(mark => [...mark.childNodes].filter(node => node.nodeType === 3).map(node => node.data).join('').replaceAll('\\u2060', '')).join('')"
        )
        for quote in quotes:
            assert quote[:8] in marked and quote[-8:] in marked


def test_the_token_leaves_the_address_and_a_wrong_one_is_said(visit):
    page = visit("/")
    page.wait_for_selector("table")
    assert page.url == f"{BASE}/"
    other = visit("/", token="not-a-token")
    expect(other.locator("#token-problem")).not_to_be_empty()
    other.fill("#token", TOKEN)
    other.press("#token", "Enter")
    other.wait_for_selector("table")


def test_the_language_is_the_browsers_then_the_visitors(visit):
    page = visit("/", locale="en-US")
    expect(page.locator("h1")).to_have_text("Interviews")
    page.click("#language")
    expect(page.locator("h1")).to_have_text("면접")
    page.reload()
    expect(page.locator("h1")).to_have_text("면접")
    assert page.evaluate("document.documentElement.lang") == "ko"


def test_the_keyboard_reaches_everything_first_the_content(visit):
    page = visit(REPORT)
    page.wait_for_selector(".card")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.locator(".card summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator(".card details[open]").count() == 1


def test_the_fleet_tells_lag_from_clocks(visit):
    page = visit("/fleet")
    page.wait_for_selector(".worker, .blank")
    expect(page.locator(".live")).to_have_attribute("data-state", "live", timeout=15_000)
    first = page.locator(".head .tools .soft").inner_text()
    until(page, "first => document.querySelector('.head .tools .soft').innerText !== first", first)
    keep(page, "fleet")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("path", ["/", REPORT, "/fleet", "signin", "/interviews/2147483647"])
def test_every_view_fits_and_axe_finds_nothing_serious(visit, path, size, scheme):
    page = visit("/", token="", size=size, color_scheme=scheme) if path == "signin" else visit(path, size=size, color_scheme=scheme)
    page.wait_for_selector({"/": "table, .blank", REPORT: ".card", "/fleet": ".dead, section:not([hidden])", "signin": "#token"}.get(path, ".trouble"))
    page.wait_for_timeout(800)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "it scrolls sideways"
    outside = page.evaluate("[...document.querySelectorAll('main *')].filter(one => one.getClientRects().length && !one.closest('.hidden, .scroll') && one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 90))")
    assert outside == []
    keep(page, f"{path.strip('/').replace('/', '-') or 'list'}-{size['width']}-{scheme}")
    if not AXE:
        pytest.skip("AXE_JS is not set: the layout was checked, accessibility was not")
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    page.evaluate(Path(AXE).read_text())
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    told = [f"{one['impact']} {one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]
    print("\n".join(told))
    assert [line for line in told if line.startswith(("serious", "critical"))] == []
