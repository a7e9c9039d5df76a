"""Fills a queue quickly, and says how much is in it."""

import json
import time
import uuid

import amqp
import malformed

BODY = json.dumps([[], {}, malformed.EMBED])


def fill(count, queue="celery", task="tasks.noop"):
    with malformed.connect() as connection:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True, auto_delete=False)
        for _ in range(count):
            own = str(uuid.uuid4())
            headers = {**malformed.HEADERS, "task": task, "id": own, "root_id": own}
            # Without waiting for the confirmation of each.
            channel._basic_publish(amqp.Message(BODY, application_headers=headers, correlation_id=own, reply_to="nobody", **malformed.PROPERTIES), "", queue)
    return left(queue)


def left(queue="celery"):
    with malformed.connect() as connection:
        return connection.channel().queue_declare(queue, passive=True).message_count


def resident_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next((int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS:")), 0)


def watch(pid, count, queue="celery"):
    """At each tenth of the way down from `count`: how many are left, when (s) and how much memory the worker has (MiB)."""
    samples = []
    with malformed.connect() as connection:
        channel = connection.channel()
        while len(samples) <= 10:
            left = channel.queue_declare(queue, passive=True).message_count
            if left <= count * (10 - len(samples)) // 10:
                samples.append([left, time.monotonic(), resident_mib(pid)])
            else:
                time.sleep(0.02)
    return samples
