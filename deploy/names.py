#!/usr/bin/env python3
"""Holds what the manifests say against what the programs know: settings, commands, metrics, stop times, secrets, alerts.

    names.py SOURCE RENDERED...      SOURCE: a checkout with the programs; RENDERED: what kustomize made of each overlay

A setting or metric that no source has is an error.
"""

import json, pathlib, re, subprocess, sys, tempfile

import yaml

DEPLOY = pathlib.Path(__file__).parent
ROOT = DEPLOY.parent
SOURCE = pathlib.Path(sys.argv[1])

# Read by something other than Viva: the C library, the S3 client, Postgres' image, the command of the models job.
OTHERS = set("HOME TZ AWS_REGION AWS_ENDPOINT_URL MODELS POSTGRES_USER POSTGRES_DB POSTGRES_PASSWORD_FILE PGTZ".split())
# DRAIN_S, and as long again to stop what was told to, send the last letters and say goodbye.
AFTER_DRAIN_S = 15

errors = []


def error(where, what):
    errors.append(f"{where}: {what}")


def rust(*folders):
    for folder in folders:
        for path in (SOURCE / folder).rglob("*.rs"):
            if not {"tests", "examples", "benches"} & set(path.relative_to(SOURCE).parts):
                yield path.read_text()


code = "\n".join(rust("bins", "crates"))
SETTINGS = set(re.findall(r'(?:env = |env::var(?:_os)?\()"([A-Z][A-Z0-9_]*)"', code))
FLAGS = {
    (explicit or field).replace("_", "-")
    for explicit, field in re.findall(r'#\[arg\((?=[^\]]*\blong\b)(?:[^\]]*?long = "([^"]+)")?[^\]]*\)\]\s*(?:pub(?:\([a-z]+\))? )?(\w+):', code)
} | {"help", "version"}
METRICS = {}
for kind, name in re.findall(r'metrics::(counter|gauge|histogram)!\(\s*"([a-z0-9_]+)"', code):
    METRICS[name] = kind
ENTRYPOINT = set(re.search(r"for name in ([A-Z_ ]+);", (DEPLOY / "images/entrypoint").read_text())[1].split())


def setting(where, name):
    plain = name.removesuffix("_FILE")
    if plain != name and plain in ENTRYPOINT:
        name = plain
    if name in SETTINGS or name in OTHERS:
        return
    error(where, f"no program reads the setting {name}")


def command(where, words):
    program, rest = words[0], words[1:]
    if program == "sh":
        words = rest[-1].removeprefix("exec ").split()
        program, rest = words[0], words[1:]
    folder = SOURCE / "bins" / program
    if not folder.is_dir():
        return error(where, f"there is no program {program}")
    text = "\n".join(rust(f"bins/{program}"))
    for word in rest:
        if word.startswith("--"):
            if word[2:].split("=")[0] not in FLAGS:
                error(where, f"{program} has no flag {word}")
        elif re.fullmatch(r"[a-z]+", word) and not re.search(rf"^\s+{word.capitalize()}\b", text, re.M):
            error(where, f"{program} has no command {word}")


def seconds(text):
    return int(re.fullmatch(r"(\d+)s?", str(text))[1])


def stops(where, drain, stop, before=0):
    if seconds(stop) < seconds(drain) + AFTER_DRAIN_S + before:
        error(where, f"is killed {stop} after it was told to stop, and may need {seconds(drain) + AFTER_DRAIN_S + before} s")


def made_secrets():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([DEPLOY / "secrets.sh", folder], check=True, capture_output=True)
        json.loads((pathlib.Path(folder) / "rabbitmq_definitions.json").read_text())
        return {path.name for path in pathlib.Path(folder).iterdir()}


def compose(secrets):
    file = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for name, secret in file["secrets"].items():
        if pathlib.Path(secret["file"]).name not in secrets:
            error("compose.yaml", f"secrets.sh makes no {secret['file']}")
    for name, service in file["services"].items():
        where = f"compose.yaml: {name}"
        for key in ("mem_limit", "pids_limit", "cap_drop", "security_opt"):
            if key not in service:
                error(where, f"has no {key}")
        if not service.get("read_only") and name != "rabbitmq":
            error(where, "may write to its root file system")
        if "viva" not in str(service["image"]):
            continue
        for key in service.get("environment", {}):
            setting(where, key)
        command(where, service["command"])
        if "DRAIN_S" in service["environment"]:
            stops(where, service["environment"]["DRAIN_S"], service["stop_grace_period"])


def kubernetes(path, secrets):
    objects = [o for o in yaml.safe_load_all(pathlib.Path(path).read_text()) if o]
    named = {(o["kind"], o["metadata"]["name"]): o for o in objects}
    maps = {name: o.get("data", {}) for (kind, name), o in named.items() if kind == "ConfigMap"}
    for o in objects:
        where = f"{pathlib.Path(path).stem}: {o['kind']} {o['metadata']['name']}"
        if o["kind"] == "ScaledObject" and ("Deployment", o["spec"]["scaleTargetRef"]["name"]) not in named:
            error(where, "scales what is not there")
        if o["kind"] not in ("Deployment", "Job"):
            continue
        pod = o["spec"]["template"]["spec"]
        for container in pod["containers"]:
            environment = {}
            for source in container.get("envFrom", []):
                environment |= maps[source["configMapRef"]["name"]]
            environment |= {e["name"]: e.get("value") for e in container.get("env", [])}
            for key in environment:
                setting(where, key)
            command(where, container["args"])
            security = container.get("securityContext", {})
            if security.get("allowPrivilegeEscalation") is not False or not security.get("readOnlyRootFilesystem") \
                    or security.get("capabilities") != {"drop": ["ALL"]} or not pod["securityContext"].get("runAsNonRoot"):
                error(where, "is not restricted")
            if "memory" not in container["resources"].get("limits", {}):
                error(where, "has no limit of memory")
            if o["kind"] == "Deployment":
                pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
                stops(where, environment["DRAIN_S"], pod["terminationGracePeriodSeconds"], pause)
        for volume in pod.get("volumes", []):
            for item in volume.get("secret", {}).get("items", []):
                if item["key"] not in secrets:
                    error(where, f"secrets.sh makes no {item['key']}")
        if pod.get("automountServiceAccountToken") is not False:
            error(where, "gets a token of the cluster's")


def systemd():
    for path in [*(DEPLOY / "systemd").glob("*.service"), DEPLOY / "systemd/viva.env.example"]:
        text = path.read_text()
        for key in re.findall(r"^(?:Environment=)?([A-Z][A-Z_]+)=", text, re.M):
            setting(path.name, key)
        for line in re.findall(r"^ExecStart=/usr/bin/(.+)$", text, re.M):
            command(path.name, line.split())
        if drain := re.search(r"DRAIN_S=(\d+)", text):
            stops(path.name, drain[1], re.search(r"^TimeoutStopSec=(.+)$", text, re.M)[1])


def expressions():
    rules = yaml.safe_load((DEPLOY / "prometheus/rules.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield f"rules.yaml: {rule.get('alert') or rule['record']}", rule["expr"]
    for panel in json.loads((DEPLOY / "grafana/viva.json").read_text())["panels"]:
        for target in panel.get("targets", []):
            yield f"viva.json: {panel['title']}", target["expr"]


def monitoring():
    rules = yaml.safe_load((DEPLOY / "prometheus/rules.yaml").read_text())
    known = dict(METRICS)
    records = {r["record"] for g in rules["groups"] for r in g["rules"] if "record" in r}
    shown = set()
    for where, expression in expressions():
        for name in re.findall(r"\bviva:[a-z_0-9:]+", expression):
            if name not in records:
                error(where, f"nothing records {name}")
        for name in re.findall(r"\bviva_[a-z0-9_]+", expression):
            base, _, part = re.fullmatch(r"(.+?)(_(bucket|sum|count))?", name).groups()
            kind = known.get(base)
            shown.add(base)
            if kind is None:
                error(where, f"no program exports {name}")
            elif (kind == "histogram") != (part is not None):
                error(where, f"{base} is a {kind}")
            elif kind == "gauge" and re.search(rf"(rate|increase)\({name}\b", expression):
                error(where, f"{base} is a gauge: it has no rate")
    for name in sorted(set(known) - shown):
        print(f"  neither an alert nor a panel has {name}")
    runbook = (ROOT / "docs/runbook.md").read_text()
    for alert in (r for g in rules["groups"] for r in g["rules"] if "alert" in r):
        name = alert["alert"]
        if f"### {name}\n" not in runbook or alert["annotations"]["runbook"] != f"docs/runbook.md#{name.lower()}":
            error("runbook.md", f"has no section {name}")


def documents():
    """Commands in the documents' code blocks and their flags."""
    for path in (ROOT / "docs/deployment.md", ROOT / "docs/runbook.md"):
        text = path.read_text()
        for line in re.findall(r"\b(?:viva (?:migrate|dead|erase|models|doctor|report|review|replay|audit)|(?:tts|eval)-worker serve)\b[^`\n]*", text):
            for flag in re.findall(r"(?<= )--[a-z-]+", line):
                if flag[2:] not in FLAGS:
                    error(path.name, f"no program has the flag {flag}: {line}")
        for link in re.findall(r"\]\(((?!http)[^)#]+)", text):
            if not (path.parent / link).exists():
                error(path.name, f"{link} is not there")


secrets = made_secrets()
compose(secrets)
for rendered in sys.argv[2:]:
    kubernetes(rendered, secrets)
systemd()
for path in (DEPLOY / "images").glob("Containerfile.*"):
    for block in re.findall(r"^ENV (.*?[^\\])$", path.read_text(), re.M | re.S):
        for key in re.findall(r"([A-Z][A-Z_]+)=", block):
            setting(path.name, key)
monitoring()
documents()
for line in errors:
    print("  " + line)
sys.exit(bool(errors))
