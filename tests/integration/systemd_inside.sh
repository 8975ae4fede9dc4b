#!/bin/bash
# Runs in a machine booted by test_systemd.py; prints "name: value" lines that the test reads.
set -u
say() { echo "$1: ${*:2}"; }
unit() { systemctl show -p "$1" --value mybakd; }

systemctl start mariadb || journalctl -u mariadb --no-pager | tail -20
mariadb -e "CREATE USER mybak@localhost IDENTIFIED BY 'secret';
	GRANT RELOAD, BINLOG MONITOR ON *.* TO mybak@localhost; CREATE DATABASE d; CREATE TABLE d.t AS SELECT 1 AS n"
systemd-sysusers
chown -R mysql:mysql /etc/mybakd
say security "$(systemd-analyze security mybakd --no-pager | grep -o 'level.*: [0-9.]*' | grep -o '[0-9.]*$')"

systemctl start mybakd
say start $?
say active "$(systemctl is-active mybakd)"
say user "$(ps -o user= -p "$(unit MainPID)")"
say socket "$(stat -c '%a %G' /run/mybakd/mybakd.sock)"
say status "$(unit StatusText)"

mybakctl run-now full --wait >/dev/null
say full $?
mybakctl run-now incremental --wait >/dev/null
say incremental $?
say backups "$(mybakctl --json list | grep -c '"method"')"

systemctl reload mybakd
say reload $?
cp /etc/mybakd/policy.yaml /root/good.yaml
echo 'instances: [' >/etc/mybakd/policy.yaml
systemctl reload mybakd
sleep 1
say after_bad_policy "$(systemctl is-active mybakd)"
say status_after_bad_policy "$(unit StatusText)"
cp /root/good.yaml /etc/mybakd/policy.yaml
systemctl reload mybakd

# It answers the watchdog: three times its period, and still the same process.
pid=$(unit MainPID)
sleep 7
say kept_watchdog "$([ "$pid" = "$(unit MainPID)" ] && echo yes)"
# One that hangs is killed and started again.
kill -STOP "$pid"
for _ in $(seq 100); do
	[ "$(unit MainPID)" != "$pid" ] && [ "$(systemctl is-active mybakd)" = active ] && break
	sleep 0.2
done
say restarted_by_watchdog "$(unit NRestarts)"
mybakctl list >/dev/null
say list_after_restart $?

systemctl restart mybakd
say restart $?
systemctl stop mybakd
say stop $?
say result "$(unit Result)"
say socket_after_stop "$([ -e /run/mybakd/mybakd.sock ] && echo there || echo gone)"
echo "--- journal"
journalctl -u mybakd --no-pager -o cat | tail -60
