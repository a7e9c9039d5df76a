"""Fills a queue quickly, and says how much is in it."""

import json
import time
import uuid

import amqp
import cost
import malformed

# `count` is a multiple of it, or less.
STRETCH = 5_000

BODY = json.dumps([[], {}, malformed.EMBED])


def fill(count, queue="celery", task="tasks.noop"):
    # One connection for all of them would run far ahead of the broker: closing one waits until it has them.
    for _ in range(0, count, STRETCH):
        with malformed.connect(confirm_publish=False) as connection:
            channel = connection.channel()
            channel.queue_declare(queue, durable=True, auto_delete=False)
            for _ in range(min(count, STRETCH)):
                own = str(uuid.uuid4())
                headers = {**malformed.HEADERS, "task": task, "id": own, "root_id": own}
                message = amqp.Message(BODY, application_headers=headers, correlation_id=own, reply_to="nobody", **malformed.PROPERTIES)
                channel.basic_publish(message, "", queue)
    return left(queue)


def left(queue="celery"):
    with malformed.connect() as connection:
        return connection.channel().queue_declare(queue, passive=True).message_count


def watch(pid, count, queue="celery"):
    """At each tenth of the way down from `count`: how many are left, when (s), the worker's memory (MiB) and its CPU time (s)."""
    samples = []
    with malformed.connect() as connection:
        channel = connection.channel()
        while len(samples) <= 10:
            left = channel.queue_declare(queue, passive=True).message_count
            if left <= count * (10 - len(samples)) // 10:
                samples.append({"left": left, "at_s": time.monotonic(), "resident_mib": cost.resident_mib(pid), "cpu_s": cost.cpu_s(pid)})
            else:
                time.sleep(0.02)
    return samples
