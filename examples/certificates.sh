#!/bin/sh
# Makes what the examples need and nobody should copy: self-signed certificates
# in tls/, and password files whose only password is "example". For trying the
# examples out; a real server has certificates of its own.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p tls
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$2" \
		-addext "subjectAltName=DNS:$2" -keyout "$1.key" -out "$1.crt" 2>/dev/null
	cat "$1.crt" "$1.key" >"$1"
	rm "$1.crt" "$1.key"
}
certificate tls/mx1.example.com.pem mx1.example.com
certificate tls/mx.host.example.pem mx.host.example
certificate tls/mx.florist.example.pem mx.florist.example
certificate tls/mail.pem mail.example.com
# bcrypt of "example"
hash='$2a$10$z9TNiulPSSa0v/IZstpWruETO5F2yERLyQFzKaaUYyUsB/s9iZDOi'
printf 'ann:%s\nbob:%s\ncarl:%s\n' "$hash" "$hash" "$hash" >customers.passwd
printf 'ann:%s\nbob:%s\n' "$hash" "$hash" >staff.passwd
