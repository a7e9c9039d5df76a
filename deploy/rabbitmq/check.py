#!/usr/bin/env python3
"""Starts a RabbitMQ of its own with the definitions, and has each user do what it must and what it must not be able to do.

    check.py FOLDER      as deploy/secrets.sh fills it; needs rabbitmq-server and pip's pika
"""

import base64, json, os, pathlib, socket, subprocess, sys, tempfile, time, urllib.error, urllib.request

import pika

SECRETS = pathlib.Path(sys.argv[1])
UUID = "9c9e5d1e-7f0a-4d3c-8f26-0e6a8f3a2b11"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


PORT, WEB, DIST = free_port(), free_port(), free_port()


def password(name):
    return (SECRETS / f"rabbitmq_{name}").read_text()


def connect(user, secret):
    login = pika.PlainCredentials(user, secret)
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", PORT, "/", login, socket_timeout=5))


def refused(connection, what, *args, **kwargs):
    channel = connection.channel()
    try:
        getattr(channel, what)(*args, **kwargs)
    except pika.exceptions.ChannelClosedByBroker as error:
        assert error.reply_code == 403, error
        return
    raise AssertionError(f"{what} {args} {kwargs} was allowed")


def workers():
    """What crates/celery declares, binds, sends and takes: topology.rs, heart/pidbox.rs, heart/wire.rs, heart/mingle.rs, replies.rs."""
    connection = connect("viva", password("viva"))
    channel = connection.channel()
    channel.confirm_delivery()
    for queue in ("cpu_queue", "gpu_queue", "viva.evaluation", "viva.dead"):
        channel.queue_declare(queue, durable=True)
        channel.basic_publish("", queue, b"{}", mandatory=True)
        assert channel.basic_get(queue, auto_ack=True)[0], queue
    for exchange, kind, durable in (("celeryev", "topic", True), ("celery.pidbox", "fanout", False), ("reply.celery.pidbox", "direct", False)):
        channel.exchange_declare(exchange, kind, durable=durable)
        channel.basic_publish(exchange, "worker.heartbeat", b"{}")
    for queue, exchange, key in (("tts-worker@a.celery.pidbox", "celery.pidbox", ""), (f"{UUID}.reply.celery.pidbox", "reply.celery.pidbox", UUID)):
        channel.queue_declare(queue, exclusive=True, auto_delete=True, arguments={"x-expires": 10000})
        channel.queue_bind(queue, exchange, key)
        channel.basic_consume(queue, lambda *_: None, auto_ack=True)
    back = {"x-message-ttl": 60000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "gpu_queue"}
    channel.queue_declare("gpu_queue.parked", durable=True, arguments=back)
    refused(connection, "queue_declare", "somebody_elses", durable=True)
    refused(connection, "exchange_declare", "theirs", "direct")
    refused(connection, "queue_delete", "other")
    return connection


def platform():
    """An unchanged producer: kombu declares queue, exchange and binding; rpc:// waits on a queue named by a UUID; Flower listens."""
    connection = connect("platform", password("platform"))
    channel = connection.channel()
    channel.exchange_declare("cpu_queue", "direct", durable=True)
    channel.queue_declare("cpu_queue", durable=True)
    channel.queue_bind("cpu_queue", "cpu_queue", "cpu_queue")
    channel.queue_declare(UUID, auto_delete=True, arguments={"x-expires": 86400000})
    channel.basic_consume(UUID, lambda *_: None)
    channel.basic_publish("", "cpu_queue", b"{}", pika.BasicProperties(reply_to=UUID))
    channel.basic_publish("celery.pidbox", "", b"{}")
    channel.queue_declare(f"celeryev.{UUID}", auto_delete=True)
    channel.queue_bind(f"celeryev.{UUID}", "celeryev", "#")
    refused(connection, "basic_get", "viva.dead")
    refused(connection, "queue_declare", "viva.evaluation", durable=True)
    connection.close()


def gateway():
    """Counts queues, walks through dead letters and sends one again; nothing else."""
    connection = connect("viva-gateway", password("gateway"))
    channel = connection.channel()
    for queue in ("cpu_queue", "gpu_queue", "viva.evaluation"):
        channel.queue_declare(queue, passive=True)
    channel.queue_declare("viva.dead", durable=True)
    method, _, _ = channel.basic_get("viva.dead")
    channel.basic_publish("", "cpu_queue", b"{}")
    assert method, "nothing was dead-lettered"
    refused(connection, "basic_get", "cpu_queue")
    refused(connection, "queue_purge", "gpu_queue")
    refused(connection, "queue_declare", "mine", durable=True)
    connection.close()


def web(user, secret, path):
    request = urllib.request.Request(f"http://127.0.0.1:{WEB}/api/{path}")
    request.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def scaler():
    """KEDA asks the management API for one queue's length, and can do nothing over AMQP."""
    secret = password("scaler")
    assert web("viva-scaler", secret, "queues/%2F/cpu_queue")["name"] == "cpu_queue"
    connection = connect("viva-scaler", secret)
    refused(connection, "basic_get", "cpu_queue")
    connection.close()
    try:
        web("platform", password("platform"), "queues/%2F/cpu_queue")
    except urllib.error.HTTPError as error:
        assert error.code == 401, error
    else:
        raise AssertionError("the platform's user may look at the management API")


def guest():
    try:
        connect("guest", "guest")
    except pika.exceptions.AMQPConnectionError:
        return
    raise AssertionError("guest may log in")


def policies(connection):
    """A rejected task lies among the dead, with the broker's word for why; a delivery limit holds for quorum queues.

    A policy with a key that a queue's type does not know is no policy at all for it: hence two, of which classic queues take the second.
    """
    channel = connection.channel()
    channel.queue_delete("viva.evaluation")
    channel.queue_declare("viva.evaluation", durable=True, arguments={"x-queue-type": "quorum"})
    for queue, policy in (("gpu_queue", "viva-work"), ("viva.evaluation", "viva-work-quorum"), ("viva.dead", "viva-dead")):
        for _ in range(60):  # the API learns of a queue some seconds after the broker
            found = web("viva-scaler", password("scaler"), f"queues/%2F/{queue}").get("policy")
            if found == policy:
                break
            time.sleep(0.25)
        assert found == policy, f"{queue} has the policy {found}"
    channel.confirm_delivery()
    channel.basic_publish("", "gpu_queue", b'{"poison": true}', mandatory=True)
    method, _, _ = channel.basic_get("gpu_queue")
    channel.basic_reject(method.delivery_tag, requeue=False)
    for _ in range(50):
        method, properties, _ = channel.basic_get("viva.dead")
        if method:
            assert properties.headers["x-first-death-reason"] == "rejected", properties.headers
            channel.basic_reject(method.delivery_tag, requeue=True)
            return
        time.sleep(0.1)
    raise AssertionError("a rejected task is not in viva.dead")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        home = pathlib.Path(folder)
        conf = pathlib.Path(__file__).with_name("rabbitmq.conf").read_text()
        conf = conf.replace("/run/secrets/", f"{SECRETS.resolve()}/")
        (home / "rabbitmq.conf").write_text(f"{conf}\nlisteners.tcp.1 = 127.0.0.1:{PORT}\nmanagement.tcp.port = {WEB}\nmanagement.tcp.ip = 127.0.0.1\n")
        (home / "plugins").write_text("[rabbitmq_management].\n")
        environment = os.environ | {
            "RABBITMQ_NODENAME": f"viva-check-{PORT}@localhost", "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"), "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home / "log"), "RABBITMQ_DIST_PORT": str(DIST), "HOME": folder,
        }
        environment.pop("RABBITMQ_NODE_PORT", None)
        with open(home / "out", "w") as out:
            node = subprocess.Popen(["/usr/lib/rabbitmq/bin/rabbitmq-server"], env=environment, stdout=out, stderr=out)
        try:
            for _ in range(120):
                try:
                    socket.create_connection(("127.0.0.1", PORT), 1).close()
                    web("viva-scaler", password("scaler"), "whoami")
                    break
                except OSError:
                    assert node.poll() is None, (home / "out").read_text()[-3000:]
                    time.sleep(0.5)
            connection = workers()
            policies(connection)
            for check in (platform, gateway, scaler, guest):
                check()
            connection.close()
        finally:
            node.terminate()
            node.wait(30)
    print("users and policies do on a real broker what they should, and no more")


main()
