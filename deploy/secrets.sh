#!/usr/bin/env bash
# Makes what must be secret, once: passwords, the addresses that hold them, the gateway's first token, and RabbitMQ's definitions with
# the passwords' hashes. Files that are there stay as they are; take one away to have it made anew, and those that hold it.
#
#   deploy/secrets.sh [FOLDER]        deploy/secrets by default, which git ignores
#
# For Kubernetes: kubectl -n viva create secret generic viva --from-file=FOLDER (see deploy/kubernetes/base/kustomization.yaml).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${1:-$here/secrets}
mkdir -p "$dir"
chmod 0711 "$dir"
umask 077

keep() { # NAME: takes its content from standard input, unless it is there
  if [[ -s $dir/$1 ]]; then
    cat >/dev/null
  else
    cat >"$dir/$1"
    echo "made $dir/$1"
  fi
}
random() { openssl rand -hex 24; }
# As RabbitMQ keeps a password: a salt of four bytes, and the SHA-256 of salt and password.
hashed() {
  local salt password
  salt=$(openssl rand -hex 2) password=$(<"$dir/$1")
  { printf %s "$salt"; printf %s "$salt$password" | openssl dgst -sha256 -binary; } | openssl base64 -A
}

for name in postgres rabbitmq_platform rabbitmq_viva rabbitmq_gateway rabbitmq_scaler gateway_token; do
  random | tr -d '\n' | keep "$name"
done
read -r postgres <"$dir/postgres" || true
printf 'postgres://viva:%s@postgres:5432/viva' "$postgres" | keep database_url
for user in viva:viva gateway:viva-gateway platform:platform; do
  read -r password <"$dir/rabbitmq_${user%%:*}" || true
  printf 'amqp://%s:%s@rabbitmq:5672/%%2f' "${user#*:}" "$password" | keep "broker_url_${user%%:*}"
done
read -r password <"$dir/rabbitmq_scaler" || true
printf 'http://viva-scaler:%s@rabbitmq:15672/%%2f' "$password" | keep scaler_url
openssl rand -base64 48 | tr -d '\n' | keep token_key
openssl rand -hex 32 | tr -d '\n' | keep webhook_secret
# The gateway knows tokens by their digests only; the token itself is for whoever calls it.
printf '[[token]]\nname = "platform"\nrole = "service"\nsha256 = "%s"\n' \
  "$(openssl dgst -sha256 -r "$dir/gateway_token" | cut -d' ' -f1)" | keep tokens.toml
sed -e "s|@PLATFORM@|$(hashed rabbitmq_platform)|" -e "s|@VIVA@|$(hashed rabbitmq_viva)|" \
  -e "s|@GATEWAY@|$(hashed rabbitmq_gateway)|" -e "s|@SCALER@|$(hashed rabbitmq_scaler)|" \
  "$here/rabbitmq/definitions.json" | keep rabbitmq_definitions.json

# Containers read them as users of their own (10001, 999, ...), through a folder that cannot be listed.
chmod 0444 "$dir"/*
echo "the gateway's token of the role service is in $dir/gateway_token"
