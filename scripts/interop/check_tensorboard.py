"""The event files of `train --tensorboard`, read by TensorBoard's own code as its server does, against events.jsonl and
triplets.jsonl: of a run that went through, and of one that was resumed from an earlier checkpoint."""

import json
import struct
import subprocess
import sys
import zlib

import numpy as np
from tensorboard.backend.event_processing import plugin_event_accumulator
from tensorboard.plugins.hparams import metadata, plugin_data_pb2
from tensorboard.util import tensor_util

adalora, model, rows, work = sys.argv[1:]
run = f"{work}/tensorboard-run"


def adalora_train(*arguments):
    subprocess.run([adalora, "train", *arguments], check=True, capture_output=True)


def lines(name):
    with open(f"{run}/{name}") as file:
        return [json.loads(line) for line in file]


def events(kind):
    return [event for event in lines("events.jsonl") if event["event"] == kind]


def tensors(accumulator, tag):
    if tag not in accumulator.Tags()["tensors"]:
        return []
    return [(event.step, tensor_util.make_ndarray(event.tensor_proto)) for event in accumulator.Tensors(tag)]


def same(accumulator, tag, expected):
    """Scalars of a tag: these steps, each once, these values as 32-bit floats."""
    found = [(step, float(value)) for step, value in tensors(accumulator, tag)]
    wanted = [(step, float(np.float32(value))) for step, value in expected]
    assert found == wanted, (tag, found[:5], wanted[:5])
    return len(found)


def pixels(png):
    """Colors of an unfiltered 8-bit RGB picture, by row and column."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    offset, data, size = 8, b"", None
    while offset < len(png):
        length, name = struct.unpack(">I4s", png[offset : offset + 8])
        content = png[offset + 8 : offset + 8 + length]
        assert zlib.crc32(name + content) == struct.unpack(">I", png[offset + 8 + length : offset + 12 + length])[0]
        if name == b"IHDR":
            size = struct.unpack(">IIBBBBB", content)
        if name == b"IDAT":
            data += content
        offset += 12 + length
    width, height, depth, color, *_ = size
    assert (depth, color) == (8, 2)
    image = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + 3 * width)
    assert not image[:, 0].any()
    return image[:, 1:].reshape(height, width, 3)


def check():
    accumulator = plugin_event_accumulator.EventAccumulator(
        f"{run}/tensorboard", size_guidance={plugin_event_accumulator.TENSORS: 0}, tensor_size_guidance={}
    )
    accumulator.Reload()
    steps, allocations, evaluations = events("step"), events("allocation"), events("evaluation")
    count = 0
    for tag, key in [
        ("Loss/train", "loss"),
        ("Loss/orthogonality", "orthogonality"),
        ("Training/learning_rate", "learningRate"),
        ("Training/gradient_norm", "gradientNorm"),
        ("Budget/total_rank", "rank"),
        ("Budget/budget", "budget"),
    ]:
        count += same(accumulator, tag, [(event["step"], event[key]) for event in steps])
    rates = [(event["step"], event["tokens"] / event["seconds"]) for event in steps]
    count += same(accumulator, "Training/tokens_per_second", rates)
    count += same(accumulator, "Loss/validation", [(event["step"], event["loss"]) for event in evaluations])
    for name in evaluations[0]["metrics"]:
        values = [(event["step"], event["metrics"][name]) for event in evaluations]
        count += same(accumulator, f"Metric/{name}", values)
    thresholds = [(event["step"], event["threshold"]) for event in allocations if event["threshold"] is not None]
    count += same(accumulator, "Budget/mask_threshold", thresholds)
    sites = events("start")[0]["sites"]
    snapshots = {}
    for line in lines("triplets.jsonl"):
        snapshots[line["step"]] = line["sites"]
    for index, site in enumerate(sites):
        ranks = [(event["step"], event["ranks"][index]) for event in allocations]
        count += same(accumulator, f"Ranknum/{site['site']}", ranks)
        # A matrix that lost all its triplets has no values to count.
        wanted = {step: snapshot[index]["values"] for step, snapshot in snapshots.items() if snapshot[index]["values"]}
        found = dict(tensors(accumulator, f"SingularValues/{site['site']}"))
        assert list(found) == list(wanted), (site, list(found), list(wanted))
        for step, values in wanted.items():
            buckets = found[step]
            assert buckets[:, 2].sum() == len(values)
            # triplets.jsonl rounds to five digits.
            assert np.allclose([buckets[0, 0], buckets[-1, 1]], [min(values), max(values)], rtol=1e-4), (site, step)
    images = dict(tensors(accumulator, "Ranks/layers_by_roles"))
    assert list(images) == list(snapshots)
    for step, image in images.items():
        assert len(image) == 3  # width, height and one picture
        picture = pixels(image[2])
        colors = {}
        # Cells of 22 pixels below the names of roles (RankImage.swift): layers go down, roles to the right. The widest
        # name is attn-out, the names of layers are shorter than the scale's.
        left, top, cell = 46 + 14, 26, 94 + 10
        for index, site in enumerate(sites):
            role = [entry["role"] for entry in sites if entry["layer"] == sites[0]["layer"]].index(site["role"])
            rank = snapshots[step][index]["kept"].count("1")
            place = picture[top + 22 * site["layer"] + 3, left + cell * role + 3]
            colors.setdefault(rank, set()).add(tuple(place))
        assert all(len(of) == 1 for of in colors.values()), colors  # one color for each rank, and others for others
        assert len(set.union(*colors.values())) == len(colors)
    start = plugin_data(accumulator, metadata.SESSION_START_INFO_TAG).session_start_info
    assert start.hparams["method"].string_value == "adalora" and start.hparams["batch-size"].number_value == 16
    end = plugin_data(accumulator, metadata.SESSION_END_INFO_TAG).session_end_info
    assert end.status == 1
    print(f"  {len(accumulator.Tags()['tensors'])} tags, {count} scalars, {len(images)} pictures of ranks: equal")


def plugin_data(accumulator, tag):
    content = accumulator.SummaryMetadata(tag).plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content)


adalora_train(
    *["--model", model, "--train", f"{work}/train.jsonl", "--validation", rows, "--output", run, "--average-rank", "1"],
    *["--steps", "24", "--max-length", "64", "--batch-size", "16", "--allocate-every", "2", "--evaluate-every", "8"],
    *["--checkpoint-every", "9", "--keep-checkpoints", "9", "--orthogonality", "squared", "--tensorboard"],
)
check()
# Everything after step 9 happens again, in files that are there already.
adalora_train("--resume", f"{run}/checkpoints/step-9")
check()
