"""A Python worker with the tasks of the example worker: what the Rust one is compared with."""

import os
import time

from app import app

app.conf.update(
    task_acks_late=True,
    worker_send_task_events=os.environ.get("NO_EVENTS") != "true",
    task_track_started=os.environ.get("TRACK_STARTED") == "true",
)


@app.task(name="tasks.noop")
def noop():
    return None


@app.task(name="tasks.add")
def add(x, y):
    return x + y


@app.task(name="tasks.echo")
def echo(*args, **kwargs):
    return {"args": list(args), "kwargs": kwargs}


@app.task(name="tasks.fail")
def fail(exc_type="ValueError", message="boom", module="builtins"):
    raise getattr(__import__(module, fromlist=[exc_type]), exc_type)(message)


@app.task(name="tasks.sleep")
def sleep(seconds):
    time.sleep(seconds)
    return seconds


@app.task(name="tasks.spin")
def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return seconds


@app.task(name="tasks.retry", bind=True, max_retries=None)
def retry(self, times, countdown=0):
    if self.request.retries < times:
        raise self.retry(countdown=countdown)
    return self.request.retries


@app.task(name="tasks.effect", bind=True)
def effect(self, n, seconds=0):
    time.sleep(seconds)
    with open(os.environ["EFFECTS_FILE"], "a") as file:
        file.write(self.request.id + "\n")
    return n
