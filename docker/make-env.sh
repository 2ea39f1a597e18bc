#!/bin/sh
# Writes .env with random keys next to docker-compose.yml. Never overwrites an existing file.
#   docker/make-env.sh [s3] [observability]     also enables these profiles
set -eu
cd "$(dirname "$0")/.."
target=${ENV_FILE:-.env}

profiles= store=
traces=
for profile in "$@"; do
  case $profile in
    s3) store='s3://stylograph?endpoint=http://s3:7070' ;;
    observability) traces=http://jaeger:4318 ;;
    *) echo "make-env.sh: there is no profile \"$profile\"; choose s3 or observability" >&2; exit 1 ;;
  esac
  profiles=${profiles:+$profiles,}$profile
done
if [ -e "$target" ]; then
  echo "make-env.sh: $target exists already; edit it, or remove it to create new keys" >&2
  exit 1
fi

draw() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
metrics=$(draw)
umask 077
cat >"$target" <<END
# Settings of docker-compose.yml. Keep this file secret: its keys give access to the server.

# API keys. The first has all scopes; Prometheus uses the second.
API_KEYS=$(draw),infer:$metrics
METRICS_KEY=$metrics

# Where the API and Grafana are published. 0.0.0.0 lets other machines connect: add a proxy that terminates TLS.
BIND=127.0.0.1
PORT=8080

# Profiles that "docker compose up" starts.
COMPOSE_PROFILES=$profiles

# Empty: checkpoints and models are in the volume "data". The S3 server of the profile s3 is s3://stylograph?endpoint=http://s3:7070
STORE_URL=$store
S3_ACCESS_KEY=stylograph
S3_SECRET_KEY=$(draw)

# Empty: tracing is off. The profile observability has a collector at http://jaeger:4318
OTEL_EXPORTER_OTLP_ENDPOINT=$traces
# Password of the user "admin"
GRAFANA_PASSWORD=$(draw)
END
echo "$target was written. Next: docker compose up --build --wait"
