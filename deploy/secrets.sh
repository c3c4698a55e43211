#!/bin/sh
# Makes the secrets of docker-compose.yml in deploy/secrets, each only if it is not there yet. The folder is closed to
# other users of this machine; the files in it are readable, because the users inside the containers are others.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets
cd secrets
umask 022

random() {
  [ -s "$1" ] || openssl rand -hex 32 | tr -d '\n' >"$1"
}

for token in ingest_token read_token admin_token; do
  random "$token"
  openssl dgst -sha256 -r "$token" | cut -d ' ' -f 1 | tr -d '\n' >"$token.sha256"
done
for secret in doppler_webhook_secret fingerprint_key grafana_admin_password clickhouse_password; do
  random "$secret"
done
printf 'CLICKHOUSE_USER=keywatch\nCLICKHOUSE_PASSWORD=%s\n' "$(cat clickhouse_password)" >clickhouse.env
echo "deploy/secrets is ready. Put the signing secret of your Doppler webhook into deploy/secrets/doppler_webhook_secret."
