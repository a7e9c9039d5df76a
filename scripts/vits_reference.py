#!/usr/bin/env python3
"""References for Piper voices, computed by ONNX Runtime from the voice itself, noise off.

  vits_reference.py VOICE.onnx OUT IDS [LENGTH]

IDS is a file with ids, or a number n: the same n symbols for everyone, drawn with a fixed seed from the voice's letters, framed and
padded as the model expects. OUT is a folder of raw little-endian arrays and `shapes.txt` (name, element type, dimensions).
Needs: pip install onnxruntime onnx numpy
"""
import json
import os
import sys

import numpy as np
import onnx
import onnxruntime


def read_ids(argument, voice):
    if os.path.exists(argument):
        return [int(word) for word in open(argument).read().split()]
    alphabet = json.load(open(voice + ".json", encoding="utf-8"))["phoneme_id_map"]
    letters = [alphabet[symbol][0] for symbol in "ptkbdɡmnsʃzfvlɹjwhiɪeɛæɑɔoʊuəˈˌ ,." if symbol in alphabet]
    drawn = np.random.default_rng(7).choice(letters, int(argument))
    pad = alphabet["_"]
    return alphabet["^"] + pad + [id for symbol in drawn for id in [int(symbol)] + pad] + alphabet["$"]


def main(voice, out, ids, length="1.0"):
    ids = read_ids(ids, voice)
    model = onnx.load(voice)
    durations = next(node.output[0] for node in model.graph.node if node.op_type == "Ceil")
    model.graph.output.append(onnx.ValueInfoProto(name=durations))
    options = onnxruntime.SessionOptions()
    # Fused kernels round differently; the plain graph is the definition.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    net = onnxruntime.InferenceSession(model.SerializeToString(), options)
    feed = {"input": np.array([ids]), "input_lengths": np.array([len(ids)]), "scales": np.array([0, float(length), 0], np.float32)}
    wave, durations = net.run(["output", durations], feed)
    arrays = {"ids": np.array(ids, np.uint32), "length": np.array([float(length)], np.float32),
              "durations": durations.ravel().astype(np.uint32), "wave": wave.ravel()}
    os.makedirs(out, exist_ok=True)
    with open(f"{out}/shapes.txt", "w") as shapes:
        for name, value in arrays.items():
            value.astype(value.dtype.newbyteorder("<")).tofile(f"{out}/{name}.bin")
            shapes.write(f"{name} {value.dtype.name} {' '.join(map(str, value.shape))}\n")
    print(f"{len(ids)} ids, {arrays['durations'].sum()} frames, {wave.size} samples, peak {np.abs(wave).max():.3f}")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
