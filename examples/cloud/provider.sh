#!/bin/sh
# A cloud provider as a program (man 7 knarr-cloud). Its cloud is a folder: a file "machines" with
# lines "NAME ZONE", a file "addresses" with one free address a line, and a file "taken" with lines
# "UID ADDRESS". A real one calls its cloud's API instead; it is a good idea to write it in a
# language with a JSON parser.
set -eu
dir=$1 verb=$2
question=$(cat)

fail() {
	printf '{"error": "%s"}\n' "$1"
	exit 1
}
# The first string behind a key: enough for names and uids.
field() { printf '%s' "$question" | sed -n "s/.*\"$1\":{[^}]*\"$2\":\"\([^\"]*\)\".*/\1/p"; }

case $verb in
instance)
	name=$(field node name)
	zone=$(awk -v n="$name" '$1 == n { print $2 }' "$dir/machines")
	[ -n "$zone" ] || {
		echo '{"exists": false}'
		exit 0
	}
	printf '{"exists": true, "providerID": "my://%s", "zone": "%s"}\n' "$name" "$zone"
	;;
ensureLoadBalancer)
	uid=$(field service uid)
	exec 9>>"$dir/lock"
	flock 9
	touch "$dir/taken"
	ip=$(awk -v u="$uid" '$1 == u { print $2 }' "$dir/taken")
	if [ -z "$ip" ]; then
		while read -r a; do
			grep -q " $a\$" "$dir/taken" || {
				ip=$a
				break
			}
		done <"$dir/addresses"
		[ -n "$ip" ] || fail "no address is left"
		echo "$uid $ip" >>"$dir/taken"
	fi
	printf '{"ingress": [{"ip": "%s"}], "announce": true}\n' "$ip"
	;;
deleteLoadBalancer)
	uid=$(field service uid)
	exec 9>>"$dir/lock"
	flock 9
	grep -v "^$uid " "$dir/taken" >"$dir/taken.new" || true
	mv "$dir/taken.new" "$dir/taken"
	echo '{}'
	;;
*) fail "unknown verb $verb" ;;
esac
