"""Watches the events of all workers, as a monitor does: every one is kept, and `state` is what Flower would show."""

import threading

from app import app
from celery.events.receiver import EventReceiver
from celery.events.state import State

events = []
state = State()
watching = threading.Event()


class Receiver(EventReceiver):
    def on_consume_ready(self, *args, **kwargs):
        watching.set()


def keep(event):
    events.append(dict(event))
    state.event(event)


def watch():
    with app.connection() as connection:
        Receiver(connection, handlers={"*": keep}, app=app).capture(limit=None, timeout=None, wakeup=False)


threading.Thread(target=watch, daemon=True).start()
if not watching.wait(30):
    raise TimeoutError("no events are heard")
