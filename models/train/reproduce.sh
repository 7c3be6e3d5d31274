#!/bin/sh
# Renders, trains, scores, exports. Usage: sh models/train/reproduce.sh WORKDIR [MINUTES]
set -eu
cd "$(dirname "$0")/../.."
work=${1:?folder for pictures and weights}
minutes=${2:-70}
mkdir -p "$work"
render() { python -m models.train.dataset "$@"; }
render "$work/any" --pictures 6400 --seed 1
render "$work/demo" --pictures 3200 --seed 5 --placement demo
render "$work/held_any" --pictures 240 --seed 7770
render "$work/held_demo" --pictures 160 --seed 8880 --placement demo --jitter 0
python -m models.train.fit "$work/run" --data "$work/any" "$work/demo" --minutes "$minutes"
python -m models.train.score "$work/run.onnx" --data "$work/held_any" "$work/held_demo"
cp "$work/run.onnx" models/roadside-nano/model.onnx
