"""Messages that are wrong in one way each, and an account of what became of every one of them.

A case is known by its number: its `message_id` among the dead, its `correlation_id` among the answers.
"""

import copy
import datetime
import json
import os
import random
import time

import amqp
from app import app

ANSWERS, DEAD = "answers", os.environ.get("DEAD_QUEUE", "viva.dead")
QUEUE = "celery"
ID = object()

HEADERS = {
    "lang": "py", "task": "tasks.echo", "id": ID, "shadow": None, "eta": None, "expires": None, "group": None, "group_index": None,
    "retries": 0, "timelimit": [None, None], "root_id": ID, "parent_id": None, "argsrepr": "(1,)", "kwargsrepr": "{}",
    "origin": "gen1@here", "ignore_result": False, "replaced_task_nesting": 0, "stamped_headers": None, "stamps": {},
}
EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
PROPERTIES = {"content_type": "application/json", "content_encoding": "utf-8", "delivery_mode": 2, "priority": 0}
BODY = json.dumps([[1], {}, EMBED]).encode()

# What only describes a task: a worker may take it as it is, and then the task runs.
DESCRIPTIVE = {"lang", "shadow", "group", "group_index", "root_id", "parent_id", "argsrepr", "kwargsrepr", "origin", "replaced_task_nesting",
               "stamped_headers", "stamps", "ignore_result", "retries", "timelimit", "eta", "expires"}
REMOVED = object()

# Values of every type that a header can have, and of a length that none should have. A float that is no number is none of them: the
# broker closes the connection that brings it.
WRONG = [REMOVED, None, True, 7, -(2**62), 1.5, "", "x", "\ud800", "x" * 40_000, b"\xff\x00", [], ["x", 5, None], {}, {"a": {"b": [1]}},
         datetime.datetime(2026, 1, 1)]


class Case:
    def __init__(self, name, body=BODY, may_run=False, properties=(), **headers):
        self.name, self.body, self.may_run = name, body, may_run
        self.headers = {**HEADERS, **headers}
        self.properties = {**PROPERTIES, **dict(properties)}


def embedded(**parts):
    return json.dumps([[1], {}, {**EMBED, **parts}]).encode()


def is_whole(body):
    try:
        args, kwargs, embed = json.loads(body.decode())
        return True
    except ValueError:
        return False


def bodies():
    """Bodies that are no JSON, no body of protocol 2, or one with something wrong in it."""
    yield from ((f"body {text[:30]!r}", text) for text in [
        b"", b" ", b"null", b"true", b"5", b'"text"', b"{}", b"[]", b"[[]]", b"[[],{}]", b"[[],{},{},{}]", b"[{},{},{}]", b"[[],[],{}]", b"[5,{},{}]",
        b'["abc",{},{}]', b"[null,null,null]", b"[[],{},[]]", b"[[],{},5]", b'[[],{},"x"]', b"[[],5,{}]", b'[[],"x",{}]', b"[[1],{},{}] trailing",
        b"[[1],{},{}][[1],{},{}]", b"[[1],{},{},]", b"[[1,],{},{}]", b"[['a'],{},{}]", b"[[NaN],{},{}]", b"[[Infinity],{},{}]", b"[[01],{},{}]", b"[[1.],{},{}]",
        b"[[1e999],{},{}]", b"[[\x00],{},{}]", b'[["\x01"],{},{}]', b'[["\\x"],{},{}]', b'[["\\ud800"],{},{}]', b'[[1],{1:2},{}]', b"\xef\xbb\xbf[[1],{},{}]",
        b"\x80\x05]\x94(]\x94}\x94e.", b"%PDF-1.7", b"<xml/>", b"\x1f\x8b\x08\x00garbage", b"\xff\xfe[\x00[\x00", "[[1],{},{}]".encode("utf-16"), "[[1],{},{}]".encode("utf-32"),
    ])
    whole = json.dumps([["안녕", {"a": [1, 2.5, None]}], {"text": "hé"}, EMBED], ensure_ascii=False).encode()
    yield from ((f"cut off after {end} of {len(whole)} bytes", whole[:end]) for end in range(1, len(whole), 4))
    broken = ((place, byte, whole[:place] + bytes([byte]) + whole[place + 1:]) for place in (3, 4, 20, 50) for byte in (0x00, 0x80, 0xC0, 0xFF))
    yield from ((f"byte {byte:#x} at {place}", body) for place, byte, body in broken if not is_whole(body))
    yield from ((f"{depth} levels of {kind}", opening * depth + closing * depth) for depth in (200, 5_000, 1_000_000) for kind, opening, closing in
                [("lists", b"[", b"]"), ("objects", b'{"a":', b"}"), ("open lists", b"[", b"")])
    yield from ((f"{depth} levels in the arguments", b"[[" + b"[" * depth + b"]" * depth + b"],{},{}]") for depth in (2_000, 200_000))
    yield "16 MB that end too early", b'[["' + b"x" * (16 << 20)
    yield "16 MB of lists", b"[" + b"[]," * (5 << 20) + b"[]]"


def embeds():
    for part in ("callbacks", "errbacks", "chain"):
        for wrong in (True, 5, "x", {"a": 1}, [5], ["tasks.add"], [None], [[]], [{}], [{"task": 5}], [{"task": "tasks.add", "args": 5}],
                      [{"task": "tasks.add", "kwargs": []}], [{"task": "tasks.add", "options": "x"}]):
            yield f"{part} {json.dumps(wrong)}", embedded(**{part: wrong})
    for wrong in (5, "x", {}, {"task": "tasks.add"}):
        yield f"chord {json.dumps(wrong)}", embedded(chord=wrong)


def made_by_hand():
    for name, body in bodies():
        yield Case(name, body)
    for name, body in embeds():
        # Followers matter once the task has ended: an errback that is none may go unseen where nothing fails.
        yield Case(name, body, may_run=True)
    for header in HEADERS:
        for wrong in WRONG:
            if (wrong is None and HEADERS[header] is None) or (header == "ignore_result" and wrong is True):
                continue
            # Any text is an id.
            may_run = header in DESCRIPTIVE or (header == "id" and isinstance(wrong, (str, bytes)))
            yield Case(f"{header} {str(wrong)[:20]!r} {type(wrong).__name__}", may_run=may_run, **{header: wrong})
    for limits in (["a", "b"], [1], [1, 2, 3], [-1, -1], [None, "x"], [{}, []], [1e308, 1e308], [0, 0], [2**62, None]):
        yield Case(f"timelimit {limits}", may_run=True, timelimit=limits)
    for date in ("yesterday", "2026-13-45T99:99:99", "2026-01-01", "20260101T000000", "1795435535.3", "-1", "9" * 400):
        yield Case(f"eta {date[:30]}", may_run=True, eta=date)
        yield Case(f"expires {date[:30]}", may_run=True, expires=date)
    for retries in (-1, 2**31, 2**62, "3", 1e300):
        yield Case(f"retries {retries}", may_run=True, retries=retries)
    for kind in ("application/x-python-serialize", "application/x-yaml", "application/x-msgpack", "application/data", "text/plain", "", "JSON?", "\ud800"):
        yield Case(f"content type {kind!r}", properties={"content_type": kind}, may_run=kind in ("", "text/plain"))
    for encoding in ("binary", "utf-16", "latin-1", "base64", "", "no such"):
        yield Case(f"content encoding {encoding!r}", properties={"content_encoding": encoding}, may_run=True)
    for compression in ("application/x-gzip", "application/zstd", "no such", 5):
        yield Case(f"compression {compression!r} of what is not compressed", compression=compression)
    for name in ("tasks.nosuch", "tasks.add ", "TASKS.ADD", "tasks", ".", "\x00", "ta\nsks", "t" * 60_000, "작업"):
        yield Case(f"task {name[:20]!r}", task=name)
    for args, kwargs in [([], {}), ([1], {}), ([1, 2, 3], {}), ([1, 2], {"z": 1}), ([1], {"x": 1}), (["a", 1], {}), ([None, None], {}), ([{}, []], {}), ([[1], 2], {}),
                         (["x" * (4 << 20), 1], {}), ([1] * 200_000, {}), ([], {str(n): n for n in range(50_000)})]:
        yield Case(f"add with {len(args)} and {len(kwargs)} arguments, {str(args)[:20]}", json.dumps([args, kwargs, EMBED]).encode(), task="tasks.add")
    first = {"task": "tasks.echo", "args": [1], "kwargs": {}, "retries": 0, "eta": None, "expires": None, "utc": True, "callbacks": None, "errbacks": None,
             "timelimit": [None, None], "taskset": None, "chord": None}
    for left_out in (None, "id", "task", "args"):
        body = {key: value for key, value in {"id": "first", **first}.items() if key != left_out}
        case = Case(f"protocol 1 without {left_out}", json.dumps(body).encode())
        case.headers = {}
        yield case
    for body in (BODY, b"", b"[]"):
        case = Case(f"no headers at all, {body[:10]!r}", body)
        case.headers = {}
        yield case
    yield Case("no properties at all", properties=dict.fromkeys(PROPERTIES), may_run=True)


def fuzzed(seed, count):
    """Valid messages with a few bytes and headers changed."""
    choice = random.Random(seed)
    whole = json.dumps([["안녕", {"a": [1, 2.5, None]}], {"text": "hé"}, EMBED], ensure_ascii=False).encode()
    for number in range(count):
        body = bytearray(whole)
        for _ in range(choice.choice([0, 1, 1, 2, 5])):
            place = choice.randrange(len(body))
            match choice.randrange(4):
                case 0: body[place] = choice.randrange(256)
                case 1: del body[place:place + choice.randrange(1, 9)]
                case 2: body[place:place] = bytes(choice.randrange(256) for _ in range(choice.randrange(1, 5)))
                case 3: body[place:place] = body[choice.randrange(len(body)):][:choice.randrange(1, 40)]
            if not body:
                break
        case = Case(f"fuzzed {number}", bytes(body), may_run=True)
        for _ in range(choice.choice([0, 0, 1, 1, 3])):
            case.headers[choice.choice(list(HEADERS))] = choice.choice(WRONG)
        if case.headers.get("ignore_result") is True:
            # One that asks for silence, and gets it, could not be told from one that is lost.
            case.headers["ignore_result"] = False
        yield case


def connect(confirm_publish=True):
    url = app.connection().info()
    connection = amqp.Connection(f"{url['hostname']}:{url['port']}", userid=url["userid"], password=url["password"], virtual_host=url["virtual_host"],
                                 confirm_publish=confirm_publish)
    connection.connect()
    return connection


def publish(cases):
    """Sends each case with its number; the broker has confirmed all when it returns."""
    with connect() as connection:
        channel = connection.channel()
        channel.queue_declare(ANSWERS, durable=True, auto_delete=False)
        for number, case in enumerate(cases):
            own = f"case-{number}"
            headers = {key: own if value is ID else copy.copy(value) for key, value in case.headers.items() if value is not REMOVED}
            message = amqp.Message(case.body, application_headers=headers, message_id=own, correlation_id=own, reply_to=ANSWERS,
                                   **{key: value for key, value in case.properties.items() if value is not None})
            channel.basic_publish(message, exchange="", routing_key=QUEUE)


def drain(channel, queue):
    while (message := channel.basic_get(queue, no_ack=True)) is not None:
        yield message


def account(cases, patience):
    """What became of each case: `dead`, the state of its result, or `lost`; what it says of those that ran though they should not."""
    became, reasons, changed = {}, {}, []
    end = time.monotonic() + patience
    with connect() as connection:
        channel = connection.channel()
        while len(became) < len(cases) and time.monotonic() < end:
            for message in drain(channel, ANSWERS):
                answer = json.loads(message.body)
                became[message.properties["correlation_id"]] = answer["status"]
                if answer["status"] == "FAILURE":
                    error = answer["result"]
                    if not (isinstance(error["exc_type"], str) and isinstance(error["exc_message"], list)):
                        changed.append([message.properties["correlation_id"], error])
                    reasons[message.properties["correlation_id"]] = f"{error['exc_type']}: {str(error['exc_message'])[:150]}"
            for message in drain(channel, DEAD):
                own = message.properties.get("message_id")
                became[own] = "dead"
                reasons[own] = {key: str(value)[:150] for key, value in message.headers.items() if key not in HEADERS}
                body = message.body if isinstance(message.body, bytes) else message.body.encode()
                if own is None or body != cases[int(own[5:])].body:
                    changed.append([own, "its body is another one"])
            time.sleep(0.05)
    outcomes = [(case, became.get(f"case-{number}", "lost"), reasons.get(f"case-{number}")) for number, case in enumerate(cases)]
    counts = {}
    for _, outcome, _ in outcomes:
        counts[outcome] = counts.get(outcome, 0) + 1
    return {
        "counts": counts,
        "lost": [case.name for case, outcome, _ in outcomes if outcome == "lost"],
        "ran": [case.name for case, outcome, _ in outcomes if outcome == "SUCCESS" and not case.may_run],
        "ran_though": [case.name for case, outcome, _ in outcomes if outcome == "SUCCESS" and case.may_run],
        "changed": changed,
        "reasons": [[case.name, outcome, reason] for case, outcome, reason in outcomes],
    }


def left_in_the_queue():
    with connect() as connection:
        return connection.channel().queue_declare(QUEUE, passive=True).message_count
