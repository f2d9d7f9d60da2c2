#!/bin/sh
# The four calls of Haplo's batch import API, made with curl: the example script of its documentation, with
# the key, the server and the names of the files taken from the environment. The scheduling is done twice:
# first as a dry run, then, for the same batch and without another upload, as the import.
#
#   API_KEY=…  SERVER=http://127.0.0.1:8420  examples/tate/upload.sh
#
# API_KEY_FILE may name a file that holds the key. MODE=dry-run stops after the dry run.
set -e

FILE_DIRECTORY=${FILE_DIRECTORY:-`dirname "$0"`}
SERVER=${SERVER:-http://127.0.0.1:8420}
API_KEY=${API_KEY:-`cat "${API_KEY_FILE:?set API_KEY or API_KEY_FILE}"`}
API=${SERVER}/api/haplo-data-import-batch

# 1. What to make of the data. The answer is the digest of the control file.
CONTROL_DIGEST=`curl -s -X POST -F "comment=Tate control" -F file=@"${FILE_DIRECTORY}/control.json" --user haplo:${API_KEY} ${API}/control`
echo "CONTROL DIGEST: " $CONTROL_DIGEST

# 2. A batch that will be read by it. The answer is the batch's identifier.
BATCH_ID=`curl -s -X POST -d "comment=Tate, 500 artworks" -d "control=$CONTROL_DIGEST" --user haplo:${API_KEY} ${API}/batch`
echo "BATCH ID: " $BATCH_ID

# 3. The data, by the name that the control file gives it; one such call a file. The answer is its digest.
curl -s -X POST -F "batch=$BATCH_ID" -F name=data0 -F file=@"${FILE_DIRECTORY}/artworks-500.json" --user haplo:${API_KEY} ${API}/file
echo

# 4. A dry run: every change is planned and can be read, nothing is written.
curl -s -X POST -d "batch=$BATCH_ID" -d mode=dry-run --user haplo:${API_KEY} ${API}/schedule
echo

# Until it has ended. The first line of the answer is the state.
wait_for_end() {
  while STATE=`curl -s -f --user haplo:${API_KEY} "${API}/batch/${BATCH_ID}?wait=10" | head -n 1`; do
    case "$STATE" in
      scheduled|running|waiting|paused|interrupted) ;;
      *) break ;;
    esac
  done
  echo "STATE: " $STATE
  test "$STATE" = "$1"
}
wait_for_end dry-run
if [ "${MODE:-import}" = dry-run ]; then exit 0; fi

# The same batch again, for real: without a mode, scheduling imports.
curl -s -X POST -d "batch=$BATCH_ID" --user haplo:${API_KEY} ${API}/schedule
echo
wait_for_end complete
