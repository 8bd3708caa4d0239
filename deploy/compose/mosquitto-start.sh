#!/bin/sh
# Writes the passwords of the environment, hashed, to a file in memory, and becomes Mosquitto.
set -eu
umask 077
file=${PASSWORD_FILE:-/tmp/passwords}
printf 'pipeline:%s\ndevice:%s\n' "$MQTT_PASSWORD" "$DEVICE_PASSWORD" > "$file"
mosquitto_passwd -U "$file"
exec mosquitto -c "${CONFIG_FILE:-/mosquitto/config/mosquitto.conf}"
