#!/bin/sh
# Writes .env for docker-compose.yml, with keys drawn at random, beside it. Once: what is there is not overwritten.
#   docker/make-env.sh [s3] [observability]     also turns these profiles on
set -eu
cd "$(dirname "$0")/.."
target=${ENV_FILE:-.env}

profiles= store=
traces=
for profile in "$@"; do
  case $profile in
    s3) store='s3://stylograph?endpoint=http://s3:7070' ;;
    observability) traces=http://jaeger:4318 ;;
    *) echo "make-env.sh: there is no profile \"$profile\" to turn on; s3 and observability can be" >&2; exit 1 ;;
  esac
  profiles=${profiles:+$profiles,}$profile
done
if [ -e "$target" ]; then
  echo "make-env.sh: $target is there already; edit it, or remove it to draw new keys" >&2
  exit 1
fi

draw() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
metrics=$(draw)
umask 077
cat >"$target" <<END
# Settings of docker-compose.yml. Whoever reads this file can use the server: keep it to yourself.

# Keys that open the API. The first may do everything, the second is Prometheus's.
API_KEYS=$(draw),infer:$metrics
METRICS_KEY=$metrics

# Where the API and Grafana are published. 0.0.0.0 lets other machines in: put a proxy that ends TLS before it.
BIND=127.0.0.1
PORT=8080

# Profiles that "docker compose up" starts.
COMPOSE_PROFILES=$profiles

# Empty: checkpoints and models are in the volume "data". The S3 server of the profile s3 is s3://stylograph?endpoint=http://s3:7070
STORE_URL=$store
S3_ACCESS_KEY=stylograph
S3_SECRET_KEY=$(draw)

# Empty: nothing is traced. The profile observability has a collector at http://jaeger:4318
OTEL_EXPORTER_OTLP_ENDPOINT=$traces
# Of the user "admin"
GRAFANA_PASSWORD=$(draw)
END
echo "$target has been written. Next: docker compose up --build --wait"
