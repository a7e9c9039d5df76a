"""The platform's side: an app that knows no task of the workers and calls them by name. Settings come from the environment."""

import os

from celery import Celery

app = Celery("proof", broker=os.environ["BROKER_URL"], backend=os.environ.get("RESULT_BACKEND"))
app.conf.update(
    task_default_queue=os.environ.get("QUEUE", "celery"),
    task_send_sent_event=True,
    # A client that cannot reach its broker says so, instead of making a test wait.
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=10,
)
