#!/bin/sh
# Renders, trains, scores, exports. Usage: sh models/train/reproduce.sh WORKDIR [MINUTES]
set -eu
cd "$(dirname "$0")/../.."
work=${1:?folder for pictures and weights}
minutes=${2:-70}
mkdir -p "$work"
render() { python -m models.train.dataset "$@"; }
python -m models.train.world_states "$work/world.poses" --seed 101 --count 500 --every 6
python -m models.train.world_states "$work/held_world.poses" --seed 909 --count 160 --every 9
render "$work/any" --pictures 6400 --seed 1
render "$work/demo" --pictures 2400 --seed 5 --placement demo
render "$work/world" --pictures 1000 --seed 6 --placement demo --states "$work/world.poses"
render "$work/held_any" --pictures 240 --seed 7770
render "$work/held_demo" --pictures 160 --seed 8880 --placement demo --jitter 0
render "$work/held_world" --pictures 160 --seed 9990 --placement demo --jitter 0 --states "$work/held_world.poses"
python -m models.train.fit "$work/run" --data "$work/any" "$work/demo" "$work/world" --minutes "$minutes"
python -m models.train.score "$work/run.onnx" --data "$work/held_any" "$work/held_demo" "$work/held_world"
cp "$work/run.onnx" models/roadside-nano/model.onnx
