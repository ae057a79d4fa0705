#!/bin/sh
# Serves a file of 1 KiB and one of 1 MiB by nginx or by Caddy: `serve_files.sh nginx 127.0.0.1:8080`. What was asked is
# noted where ASKED names a file.
set -e
mkdir -p files
[ -f files/small ] || head -c 1024 /dev/urandom >files/small
[ -f files/large ] || head -c 1048576 /dev/urandom >files/large
case "$1" in
nginx)
  # Its workers may read what root has only where they are root.
  user=""
  [ "$(id -u)" -ne 0 ] || user="user root;"
  log="${ASKED:+$ASKED asked}"
  sed -e "s|ADDRESS|$2|" -e "s|LOG|${log:-off}|" -e "s|HERE|$PWD|" -e "s|USER|$user|" nginx.conf >files/nginx.conf
  exec nginx -p "$PWD" -c "$PWD/files/nginx.conf"
  ;;
caddy)
  export ADDRESS="$2" LOG="${ASKED:+file $ASKED}" XDG_DATA_HOME="$PWD/files" XDG_CONFIG_HOME="$PWD/files"
  LOG="${LOG:-discard}" exec caddy run --config Caddyfile
  ;;
esac
