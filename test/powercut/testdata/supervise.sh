#!/bin/sh
# Runs the server on a disk that fails in turns, again and again, as a service
# manager would; every other time the file system is mounted anew.
turn=0
while [ ! -e /tmp/stop ]; do
	grep -q ' /data ' /proc/mounts || mount -t "$1" /dev/mapper/flaky /data || { sleep 1; continue; }
	timeout -s KILL 15 postroad serve -c /tmp/postroad.hcl
	echo "server ended: $?"
	turn=$((turn + 1))
	[ $((turn % 2)) = 0 ] && umount /data
	sleep 1
done
echo supervised
