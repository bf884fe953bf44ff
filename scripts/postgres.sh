#!/usr/bin/env bash
# Runs a command with a private PostgreSQL: scripts/postgres.sh COMMAND…
# The command finds it in SALA_TEST_POSTGRES. When that is already set, the command is simply run.
# SALA_TEST_POSTGRES_TLS=on makes the server speak TLS too; SALA_TEST_POSTGRES_ROOT is then the certificate to trust.
# Durability is off, as tests do not need it; SALA_TEST_POSTGRES_FSYNC=on keeps it, for measurements.
set -euo pipefail

if [[ $# -eq 0 ]]; then
  echo "usage: scripts/postgres.sh COMMAND…" >&2
  exit 2
fi
if [[ -n ${SALA_TEST_POSTGRES:-} ]]; then
  exec "$@"
fi

# Prints the folder with the programs of the newest PostgreSQL of at least version 15.
find_postgres() {
  local folder version best="" best_version=14
  for folder in "$(dirname "$(command -v initdb || echo /nowhere/initdb)")" /usr/lib/postgresql/*/bin; do
    [[ -x $folder/initdb && -x $folder/pg_ctl ]] || continue
    version=$("$folder/initdb" --version | sed -E 's/.* ([0-9]+).*/\1/')
    if ((version > best_version)); then
      best=$folder best_version=$version
    fi
  done
  [[ -n $best ]] && echo "$best"
}

# Debian's package would make and start a cluster of the system's; it is told not to.
install_postgres() {
  if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "PostgreSQL 15 or later is needed: initdb and pg_ctl on the PATH" >&2
    return 1
  fi
  mkdir -p /etc/postgresql-common/createcluster.d
  echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/no-main-cluster.conf
  apt-get update >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql >&2
}

bin=$(find_postgres) || { install_postgres && bin=$(find_postgres); }

home=$(mktemp -d "${TMPDIR:-/tmp}/sala-postgres.XXXXXX")
as=()
if [[ $(id -u) -eq 0 ]]; then
  # initdb refuses to run as root.
  id postgres >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin postgres
  chown postgres "$home"
  as=(setpriv --reuid=postgres --regid="$(id -g postgres)" --clear-groups --)
fi

child=""
# shellcheck disable=SC2317 # it is reached by the traps
stop() {
  trap - EXIT INT TERM HUP
  if [[ -n $child ]] && kill -0 "$child" 2>/dev/null; then
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  if [[ -f $home/data/postmaster.pid ]]; then
    (cd / && "${as[@]}" "$bin/pg_ctl" stop -D "$home/data" -m immediate -s) >/dev/null 2>&1 || true
  fi
  rm -rf "$home"
}
trap stop EXIT
trap 'stop; exit 130' INT
trap 'stop; exit 143' TERM
trap 'stop; exit 129' HUP

# A free port: one that nobody answers on. Should another process take it first, the start fails and the next is tried.
port=0
free_port() {
  while :; do
    port=$((20000 + RANDOM % 20000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
  done
}

durability=()
if [[ ${SALA_TEST_POSTGRES_FSYNC:-off} != on ]]; then
  durability=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off)
fi

# A certificate for localhost, and so not for 127.0.0.1, by a root of its own.
tls=()
if [[ ${SALA_TEST_POSTGRES_TLS:-off} == on ]]; then
  (
    cd "$home"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=root" -keyout root.key -out root.crt \
      -addext basicConstraints=critical,CA:TRUE
    openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout server.key -out server.csr
    printf 'subjectAltName=DNS:localhost\nbasicConstraints=critical,CA:FALSE\n' >server.ext
    openssl x509 -req -in server.csr -CA root.crt -CAkey root.key -CAcreateserial -days 2 -extfile server.ext -out server.crt
    chmod 600 server.key
    chmod 755 .
    if [[ $(id -u) -eq 0 ]]; then chown postgres server.key; fi
  ) >"$home/openssl.log" 2>&1 || { cat "$home/openssl.log" >&2; exit 1; }
  tls=(-c ssl=on -c "ssl_cert_file=$home/server.crt" -c "ssl_key_file=$home/server.key")
  export SALA_TEST_POSTGRES_ROOT="$home/root.crt"
fi

cd /
"${as[@]}" "$bin/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$home/initdb.log" 2>&1 ||
  { cat "$home/initdb.log" >&2; exit 1; }
started=""
for _ in 1 2 3 4 5; do
  free_port
  settings=(-c "port=$port" -c listen_addresses=127.0.0.1 -c "unix_socket_directories=$home" -c max_connections=300
    -c shared_buffers=128MB -c deadlock_timeout=100ms "${durability[@]}" "${tls[@]}")
  if "${as[@]}" "$bin/pg_ctl" start -D "$home/data" -w -t 60 -s -l "$home/data/server.log" -o "${settings[*]}"; then
    started=yes
    break
  fi
done
if [[ -z $started ]]; then
  cat "$home/data/server.log" >&2
  exit 1
fi
cd "$OLDPWD"

export SALA_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres"
# In the background, so that a signal to this script is acted upon at once.
"$@" <&0 &
child=$!
code=0
wait "$child" || code=$?
child=""
exit "$code"
