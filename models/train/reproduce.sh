#!/bin/sh
# Renders, trains, scores, exports. Usage: sh models/train/reproduce.sh WORKDIR [MINUTES]
set -eu
cd "$(dirname "$0")/../.."
work=${1:?folder for pictures and weights}
minutes=${2:-90}
mkdir -p "$work"
render() { python -m models.train.dataset "$@"; }
python -m models.train.world_states "$work/world.poses" --seed 101 --count 500 --every 6
python -m models.train.world_states "$work/held_world.poses" --seed 909 --count 160 --every 9
# The demo's plain look: its crossing with random traffic, and its own traffic.
render "$work/demo" --pictures 2000 --seed 5 --placement demo
render "$work/world" --pictures 1000 --seed 6 --placement demo --states "$work/world.poses"
# Every weather, light, texture, pose and lens, on two processors.
{ render "$work/v1" --pictures 3000 --seed 21 --varied; render "$work/v2" --pictures 3000 --seed 22 --varied; } &
render "$work/v3" --pictures 3000 --seed 23 --varied
render "$work/v4" --pictures 3000 --seed 24 --varied
wait
# Held out: another world of textures, poses and lights, and the demo's cameras as they stand.
render "$work/held_varied" --pictures 640 --seed 6660 --varied --held
render "$work/held_any" --pictures 240 --seed 7770
render "$work/held_demo" --pictures 160 --seed 8880 --placement demo --jitter 0
render "$work/held_world" --pictures 160 --seed 9990 --placement demo --jitter 0 --states "$work/held_world.poses"
python -m models.train.grow models/roadside-nano/model.onnx "$work/grown.pt" --data "$work/world"
python -m models.train.fit "$work/run" --start "$work/grown.pt" --minutes "$minutes" \
  --data "$work/demo" "$work/world" "$work/v1" "$work/v2" "$work/v3" "$work/v4"
python -m models.train.score_ap "$work/run.onnx" --data "$work/held_varied"
python -m models.train.score "$work/run.onnx" \
  --data "$work/held_varied" "$work/held_any" "$work/held_demo" "$work/held_world"
cp "$work/run.onnx" models/roadside-nano/model.onnx
