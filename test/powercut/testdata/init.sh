#!/bin/busybox sh
# The guest: loads modules, brings the network up, then obeys lines from the
# second serial port and ends each answer with "= STATUS".
export PATH=/bin
export DM_DISABLE_UDEV=1 # nobody else makes the nodes of the device mapper
/bin/busybox mkdir -p /proc /sys /dev /data /tmp /run
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
# Modules are loaded in whatever order their dependencies allow.
for round in 1 2 3 4; do
	for m in /modules/*.ko; do insmod "$m" 2>/dev/null && rm "$m"; done
done
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
stty -F /dev/ttyS1 raw -echo
exec </dev/ttyS1 >/dev/ttyS1 2>&1
echo ready
while read -r line; do
	eval "$line"
	echo "= $?"
done
poweroff -f
