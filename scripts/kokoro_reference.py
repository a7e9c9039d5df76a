#!/usr/bin/env python3
"""References for the Kokoro engine, computed by ONNX Runtime from the public model file.

  kokoro_reference.py float  MODEL.onnx FLOAT.onnx                      the same graph in float32
  kokoro_reference.py stages FLOAT.onnx VOICES.npz OUT IDS [SPEED]      every stage the tests compare
  kokoro_reference.py say    FLOAT.onnx VOICES.npz VOCAB.json MANIFEST.tsv OUT [VOICE]   WAVs, for the error rate
                             (MANIFEST: lines of `name<TAB>phonemes<TAB>text`; VOICE a blend such as jf_alpha:0.4,jm_kumo:0.6)

IDS is a number n (n ids, the same for everyone, drawn from the alphabet with a fixed seed) or a file with ids.
OUT of `stages` is a folder of raw little-endian arrays and `shapes.txt` (name, element type, dimensions), time first.

The int8 file multiplies quantised activations, whose rounding no other engine repeats. So the reference is the graph
with the same weights, dequantised, in float32: that is what the engine computes. The wave is computed twice, the
second time by a graph that starts from the excitation's spectrum `har`: the phase of an empty bin is the sign of a
rounding error, so two engines' waves agree only when they are given the same spectrum.
Needs: pip install onnxruntime onnx numpy
"""
import json
import os
import sys
import wave

import numpy as np
import onnx
import onnxruntime

onnxruntime.set_default_logger_severity(3)
from onnx import helper, numpy_helper

GENERATOR = "/decoder/decoder/generator/"
HAR = GENERATOR + "Concat_3_output_0"
STAGES = {  # name of the file: tensor, and how to bring time first
    "durations": ("/encoder/Gather_output_0", "flat"),
    "pitch": ("/encoder/Reshape_output_0", "flat"),
    "energy": ("/encoder/Reshape_1_output_0", "flat"),
    "text": ("/encoder/MatMul_1_output_0", "channels"),
    "excitation": (GENERATOR + "Squeeze_output_0", "flat"),
    "har": (HAR, "channels"),
}


def producers_and_users(graph):
    made = {name: node for node in graph.node for name in node.output if name}
    users = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    return made, users


def to_float(source, target):
    """Replaces every quantised operation by its float form. Quantising nodes that nobody reads any more fall away."""
    model = onnx.load(source)
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made, users = producers_and_users(graph)
    weights, new, gone = {}, {}, set()

    def plain(name):  # what a dynamically quantised input was before
        node = made[name]
        assert node.op_type == "DynamicQuantizeLinear", node.op_type
        return node.input[0]

    def constant_of(node):
        return next(constants[name] for name in node.input if name in constants)

    def dequantised(data, zero, scale):
        return (constants[data].astype(np.float32) - constants[zero].astype(np.float32)) * scale.astype(np.float32)

    def integer_product(node):  # MatMulInteger and ConvInteger: product [, bias], cast, scale
        after, bias = users[node.output[0]][0], None
        gone.add(id(node))
        if after.op_type == "Add":
            chain = made[next(name for name in after.input if name != node.output[0])]
            while chain.op_type != "Div":
                chain = made[chain.input[0]]
            bias, scale = chain.input[0], constant_of(made[chain.input[1]])
            gone.add(id(after))
            after = users[after.output[0]][0]
        gone.add(id(after))
        scaled = users[after.output[0]][0]
        assert (after.op_type, scaled.op_type) == ("Cast", "Mul")
        if bias is None:
            scale = constant_of(made[next(name for name in scaled.input if name != after.output[0])])
        name = node.name + "/float"
        weights[name] = dequantised(node.input[1], node.input[3], scale)
        kind = "MatMul" if node.op_type == "MatMulInteger" else "Conv"
        inputs = [plain(node.input[0]), name] + ([bias] if bias else [])
        float_node = helper.make_node(kind, inputs, list(scaled.output), name=node.name.replace("_quant", ""))
        float_node.attribute.extend(node.attribute if kind == "Conv" else [])
        new[id(scaled)] = float_node

    def lstm(node):
        def matrix(data, scale, zero):
            each = lambda name: constants[name].reshape(-1, 1, 1)
            values = (constants[data].astype(np.float32) - each(zero).astype(np.float32)) * each(scale)
            return np.ascontiguousarray(values.transpose(0, 2, 1))
        names = list(node.input)
        weights[node.name + "/W"] = matrix(names[1], names[8], names[9])
        weights[node.name + "/R"] = matrix(names[2], names[10], names[11])
        float_node = helper.make_node("LSTM", [names[0], node.name + "/W", node.name + "/R"] + names[3:8], list(node.output))
        kept = ("direction", "hidden_size", "clip", "activations", "input_forget")
        float_node.attribute.extend(attribute for attribute in node.attribute if attribute.name in kept)
        new[id(node)] = float_node

    def embedding(node):
        gather = made[node.input[0]]
        assert gather.op_type == "Gather", gather.op_type
        weights[gather.name + "/float"] = dequantised(gather.input[0], node.input[2], constants[node.input[1]])
        float_node = helper.make_node("Gather", [gather.name + "/float", gather.input[1]], list(node.output))
        float_node.attribute.extend(gather.attribute)
        new[id(node)] = float_node
        gone.add(id(gather))

    rewrite = {"MatMulInteger": integer_product, "ConvInteger": integer_product,
               "DynamicQuantizeLSTM": lstm, "DequantizeLinear": embedding}
    for node in graph.node:
        assert not node.op_type.startswith("Random"), "the file is expected to be deterministic"
        if node.op_type in rewrite:
            rewrite[node.op_type](node)
    nodes = [new.get(id(node), node) for node in graph.node if id(node) not in gone]
    tensors = list(graph.initializer) + [numpy_helper.from_array(value, name) for name, value in weights.items()]
    save(model, nodes, tensors, list(graph.input), target)


def save(model, nodes, tensors, inputs, target):
    """Writes the part of the graph that the outputs need."""
    live, kept = {output.name for output in model.graph.output}, []
    for node in reversed(nodes):
        if any(name in live for name in node.output):
            kept.append(node)
            live.update(node.input)
    tensors = [tensor for tensor in tensors if tensor.name in live]
    graph = helper.make_graph(kept[::-1], "kokoro", inputs, model.graph.output, tensors)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    float_model = helper.make_model(graph, opset_imports=opsets)
    float_model.ir_version = model.ir_version
    onnx.save(float_model, target)


def decoded_name(graph):
    """The decoder's output: what the generator's first activation reads."""
    made, users = producers_and_users(graph)
    up = next(node for node in graph.node if node.name == GENERATOR + "ups.0/ConvTranspose")
    return made[up.input[0]].input[0]


def session(model, outputs, har_as_input=False):
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    if har_as_input:
        nodes = [node for node in graph.node if HAR not in node.output]
        live, kept = {output.name for output in graph.output}, []
        for node in reversed(nodes):
            if any(name in live for name in node.output):
                kept.append(node)
                live.update(node.input)
        del graph.node[:]
        graph.node.extend(kept[::-1])
        graph.input.append(helper.make_tensor_value_info(HAR, onnx.TensorProto.FLOAT, [1, 22, "frames"]))
    for name in outputs:
        graph.output.append(onnx.ValueInfoProto(name=name))
    options = onnxruntime.SessionOptions()
    # Fused kernels round differently; the plain graph is the definition.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def read_ids(argument):
    if os.path.exists(argument):
        return [int(word) for word in open(argument).read().split()]
    symbols = [16, 43, 46, 47, 51, 53, 55, 56, 57, 61, 62, 63, 83, 110, 125, 138, 112, 92, 4, 3]
    return [int(x) for x in np.random.default_rng(7).choice(symbols, int(argument))]


def exact_excitation(model, pitch):
    """The excitation in float64. The graph sums phases in float32, whose error grows with the length of the utterance."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    made, users = producers_and_users(model.graph)
    product = next(node for node in model.graph.node if node.name == GENERATOR + "m_source/l_linear/MatMul")
    weight = next(constants[name] for name in product.input if name in constants).astype(np.float64)
    bias = next(constants[name] for name in users[product.output[0]][0].input if name in constants)
    cycles = pitch[:, None].astype(np.float32) * np.arange(1, 10, dtype=np.float32) / np.float32(24000)
    turns = np.cumsum((cycles - np.floor(cycles)).astype(np.float64), axis=0) * 300
    at = np.clip((np.arange(len(pitch) * 300) + 0.5) / 300 - 0.5, 0, len(pitch) - 1)
    phase = np.stack([np.interp(at, np.arange(len(pitch)), turns[:, harmonic]) for harmonic in range(9)], axis=1)
    voiced = np.repeat(pitch > 10, 300)[:, None]
    return np.tanh((0.1 * np.sin(2 * np.pi * phase) * voiced) @ weight + bias)[:, 0]


def graph_order_excitation(model, pitch):
    """The excitation in float32 with the graph's own order of operations: what its rounding alone does."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    made, users = producers_and_users(model.graph)
    product = next(node for node in model.graph.node if node.name == GENERATOR + "m_source/l_linear/MatMul")
    weight = next(constants[name] for name in product.input if name in constants)
    bias = next(constants[name] for name in users[product.output[0]][0].input if name in constants)
    f32, last = np.float32, len(pitch) - 1
    cycles = (pitch[:, None].astype(f32) * np.arange(1, 10, dtype=f32)) / f32(24000)
    phase = np.cumsum(cycles - np.floor(cycles), axis=0, dtype=f32) * f32(2) * f32(np.pi) * f32(300)
    at = (np.arange(len(pitch) * 300, dtype=f32) + f32(0.5)) / f32(300) - f32(0.5)
    low = np.clip(np.floor(at), 0, last).astype(int)
    part = np.clip(at, 0, last).astype(f32) - low.astype(f32)
    angle = (1 - part)[:, None] * phase[low] + part[:, None] * phase[np.minimum(low + 1, last)]
    voiced = np.repeat(pitch > 10, 300)[:, None].astype(f32)
    return np.tanh((np.sin(angle) * f32(0.1) * voiced) @ weight + bias)[:, 0]


def stages(float_path, voices, out, ids, speed="1.0"):
    model = onnx.load(float_path)
    ids = read_ids(ids)
    names = {**STAGES, "decoded": (decoded_name(model.graph), "channels")}
    style = np.load(voices)["jf_alpha"][min(len(ids), 509)].astype(np.float32)
    feed = {"tokens": np.array([[0] + ids + [0]]), "style": style, "speed": np.array([float(speed)], np.float32)}
    tensors = [tensor for tensor, _ in names.values()]
    found = session(model, tensors).run(tensors, feed)
    arrays = {"ids": np.array(ids, np.uint32), "style": style.ravel(), "speed": feed["speed"]}
    for (name, (_, kind)), value in zip(names.items(), found):
        arrays[name] = value.ravel() if kind == "flat" else value[0].T
    arrays["durations"] = arrays["durations"].astype(np.uint32)
    arrays["exact_excitation"] = exact_excitation(model, arrays["pitch"])
    graph = arrays["excitation"].astype(np.float64)
    for label, ours in (("f32 in the graph's order", graph_order_excitation(model, arrays["pitch"])), ("f64", arrays["exact_excitation"])):
        print(f"excitation, {label}: relative rms {np.sqrt(np.sum((ours - graph) ** 2) / np.sum(graph ** 2)):.2e} from the graph's")
    har = found[list(names).index("har")]
    second = session(model, [], har_as_input=True)
    wanted = {node.name for node in second.get_inputs()}
    feed = {name: value for name, value in {**feed, HAR: har}.items() if name in wanted}
    arrays["wave"] = second.run(["audio"], feed)[0].ravel()
    os.makedirs(out, exist_ok=True)
    with open(f"{out}/shapes.txt", "w") as shapes:
        for name, value in arrays.items():
            value = np.ascontiguousarray(value if value.dtype == np.uint32 else value.astype(np.float32))
            value.astype(value.dtype.newbyteorder("<")).tofile(f"{out}/{name}.bin")
            shapes.write(f"{name} {value.dtype.name} {' '.join(map(str, value.shape))}\n")
            print(f"{name:12} {str(value.shape):14} rms {np.sqrt(np.mean(np.square(value.astype(np.float64)))):.6f}")


def blend(voices, voice):
    """The weighted mean of the named voices' style tables."""
    tables, parts = np.load(voices), [part.partition(":") for part in voice.split(",")]
    weights = [float(weight or 1) for _, _, weight in parts]
    return sum(weight * tables[name] for weight, (name, _, _) in zip(weights, parts)) / sum(weights)


def say(float_path, voices, vocab, manifest, out, voice="jf_alpha"):
    options = onnxruntime.SessionOptions()
    net = onnxruntime.InferenceSession(float_path, options)
    vocab = json.load(open(vocab, encoding="utf-8"))["vocab"]
    style = blend(voices, voice)
    os.makedirs(out, exist_ok=True)
    with open(f"{out}/manifest.tsv", "w", encoding="utf-8") as listing:
        for line in open(manifest, encoding="utf-8"):
            name, phonemes, *texts = line.rstrip("\n").split("\t")
            ids = [vocab[symbol] for symbol in phonemes if symbol in vocab]
            feed = {"tokens": np.array([[0] + ids + [0]]), "style": style[min(len(ids), 509)].astype(np.float32),
                    "speed": np.array([1.0], np.float32)}
            samples = np.clip(net.run(["audio"], feed)[0].ravel(), -1, 1)
            with wave.open(f"{out}/{name}.wav", "wb") as file:
                file.setnchannels(1), file.setsampwidth(2), file.setframerate(24000)
                file.writeframes((samples * 32767).round().astype("<i2").tobytes())
            listing.write("\t".join([name + ".wav", *texts]) + "\n")


if __name__ == "__main__":
    commands = {"float": to_float, "stages": stages, "say": say}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
