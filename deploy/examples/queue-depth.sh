#!/usr/bin/env bash
# A monitor: how many files wait in each directory that is named. A queue that nobody empties grows.
for queue in "$@"; do
  printf '{"name":"queue.depth","value":%d,"unit":"{file}","attributes":{"queue.name":"%s"}}\n' "$(find "$queue" -type f | wc -l)" "$queue"
done
