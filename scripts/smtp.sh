#!/usr/bin/env bash
# What tests need of an SMTP server: Python with aiosmtpd from PyPI, and certificates of its own. Made once, in the user's
# cache; prints the folder, which has venv/bin/python, ca.pem, server.pem and server.key.
set -euo pipefail
home="${XDG_CACHE_HOME:-$HOME/.cache}/sala/smtp-1.4.6"
mkdir -p "$home"

if [[ ! -f $home/ready ]]; then
  # Tests run side by side: one of them makes it, the others wait.
  exec 9>"$home/lock"
  if command -v flock >/dev/null; then flock 9; fi
  if [[ ! -f $home/ready ]]; then
    rm -rf "$home/venv"
    python3 -m venv "$home/venv" >&2
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check aiosmtpd==1.4.6 >&2
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=Sala tests" \
      -keyout "$home/ca.key" -out "$home/ca.pem" 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" \
      -keyout "$home/server.key" -out "$home/server.csr" 2>/dev/null
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >"$home/server.ext"
    openssl x509 -req -in "$home/server.csr" -CA "$home/ca.pem" -CAkey "$home/ca.key" -CAcreateserial \
      -days 3650 -extfile "$home/server.ext" -out "$home/server.pem" 2>/dev/null
    touch "$home/ready"
  fi
fi
echo "$home"
