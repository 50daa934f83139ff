#!/usr/bin/env bash
# A check as Nagios and Sensu have them: is a file, such as last night's backup, young enough?
# usage: check-age.sh FILE WARNING_SECONDS CRITICAL_SECONDS
set -u
file=${1:?a file} warning=${2:?seconds} critical=${3:?seconds}

if ! changed=$(stat -c %Y -- "$file" 2>/dev/null); then
  echo "UNKNOWN - there is no $file"
  exit 3
fi

age=$(($(date +%s) - changed))
if ((age >= critical)); then word=CRITICAL status=2; elif ((age >= warning)); then word=WARNING status=1; else word=OK status=0; fi

echo "$word - $file is $age s old | age=${age}s;$warning;$critical;0 size=$(stat -c %s -- "$file")B;;;0"
exit "$status"
