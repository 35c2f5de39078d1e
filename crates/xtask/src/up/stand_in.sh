#!/bin/sh
# Stands in for a service in the tests of `up`: it is linked under the service's name and does what the file
# NAME.script beside the link says. It is ready as soon as the file NAME.ready is there.
case "$*" in *--health-check*) test -e "$0.ready"; exit ;; esac
. "$0.script"
