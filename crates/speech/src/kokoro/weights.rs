//! Weights out of the int8 ONNX file, as f32.
//!
//! Owns the walk from a module's path (`/decoder/decoder/encode/conv1`) over the nodes around it to the constants it
//! uses. Constants are never looked up by the exporter's made-up names (`onnx::MatMul_6548_3`), for those change with
//! every export and zero points are shared between modules under any one's name. Every shape is checked.
//! Formats: conv `(q - zero) * scale` per tensor, linear per output column, LSTM per direction.

use crate::nn::{BiLstm, Conv1d, ConvTranspose1d, DepthwiseDoubling, Geometry, Isa, LayerNorm, Linear, ToomCook};
use crate::onnx::{Graph, Node};

/// The file holds another graph than the one this engine computes.
#[derive(Debug, thiserror::Error)]
#[error("{module}: {problem}")]
pub struct Mismatch {
    module: String,
    problem: String,
}

/// Builds layers from a graph.
#[derive(Debug)]
pub(crate) struct Weights<'a> {
    graph: Graph<'a>,
}

impl<'a> Weights<'a> {
    pub(crate) fn new(graph: Graph<'a>) -> Self {
        Self { graph }
    }

    /// A quantised linear layer; its bias is added by the node behind it, or inside the fused GELU.
    pub(crate) fn linear(&self, module: &str, inputs: usize, outputs: usize) -> Result<Linear, Mismatch> {
        let node = self
            .graph
            .node(&format!("{module}/MatMul_quant"))
            .or_else(|| self.graph.node(&format!("{module}/Gemm_MatMul_quant")))
            .ok_or_else(|| mismatch(module, "no quantised matrix product"))?;
        let cast = self.only_consumer(module, output(node))?;
        let scaled = self.only_consumer(module, output(cast))?;
        let scale = self.scale_beside(module, scaled, output(cast))?;
        let bias = self.only_consumer(module, output(scaled))?;
        let weight = self.dequantised(module, node, &[inputs, outputs], &scale)?;
        Ok(Linear::new(inputs, &weight, self.constant_input(module, bias, outputs)?))
    }

    /// A linear layer that was left in f32.
    pub(crate) fn float_linear(&self, module: &str, inputs: usize) -> Result<(Vec<f32>, f32), Mismatch> {
        let node = self.find(module, "MatMul")?;
        let sum = self.only_consumer(module, output(node))?;
        let weight = self.constant_input(module, node, inputs)?;
        Ok((weight, self.constant_input(module, sum, 1)?[0]))
    }

    /// A quantised convolution.
    pub(crate) fn conv(&self, module: &str, channels: [usize; 2], geometry: Geometry) -> Result<Conv1d, Mismatch> {
        let (weight, bias) = self.conv_weights(module, channels, geometry)?;
        Ok(Conv1d::new(Isa::best(), &weight, bias, geometry))
    }

    /// A quantised convolution long enough for its transforms to pay.
    pub(crate) fn fast_conv(&self, module: &str, channels: [usize; 2], geometry: Geometry) -> Result<ToomCook, Mismatch> {
        let (weight, bias) = self.conv_weights(module, channels, geometry)?;
        Ok(ToomCook::new(Isa::best(), &weight, bias, geometry))
    }

    /// Weight and bias of a quantised convolution. Without a bias node its bias is zero.
    fn conv_weights(&self, module: &str, [outputs, inputs]: [usize; 2], geometry: Geometry) -> Result<(Vec<f32>, Vec<f32>), Mismatch> {
        let node = self.find(module, "Conv_quant")?;
        check_geometry(module, node, geometry)?;
        let next = self.only_consumer(module, output(node))?;
        let (bias, scale) = if next.op == "Add" {
            // int32 accumulator + floor(bias / scale): the bias stands before the division.
            let rounded = other_input(next, output(node)).unwrap_or_default();
            let division = ["Reshape", "Cast", "Floor", "Div"].iter().try_fold((rounded, None), |(tensor, _), op| {
                let node = self.graph.producer(tensor).filter(|node| node.op == *op)?;
                Some((*node.inputs.first()?, Some(node)))
            });
            let Some((bias, Some(division))) = division else {
                return Err(mismatch(module, "an unexpected bias"));
            };
            let scale = division.inputs.get(1).copied().unwrap_or_default();
            (self.constant(module, bias, &[outputs])?, self.scale_from(module, scale)?)
        } else {
            let scaled = self.only_consumer(module, output(next))?;
            (vec![0.0; outputs], self.scale_beside(module, scaled, output(next))?)
        };
        let weight = self.dequantised(module, node, &[outputs, inputs, geometry.taps], &scale)?;
        Ok((weight, bias))
    }

    /// A convolution that was left in f32.
    pub(crate) fn float_conv(&self, module: &str, [outputs, inputs]: [usize; 2], geometry: Geometry) -> Result<Conv1d, Mismatch> {
        let node = self.find(module, "Conv")?;
        check_geometry(module, node, geometry)?;
        let weight = self.input(module, node, 1, &[outputs, inputs, geometry.taps])?;
        Ok(Conv1d::new(Isa::best(), &weight, self.input(module, node, 2, &[outputs])?, geometry))
    }

    pub(crate) fn conv_transpose(&self, module: &str, [inputs, outputs]: [usize; 2], stride: usize) -> Result<ConvTranspose1d, Mismatch> {
        let node = self.find(module, "ConvTranspose")?;
        let weight = self.input(module, node, 1, &[inputs, outputs, 2 * stride])?;
        Ok(ConvTranspose1d::new(Isa::best(), &weight, self.input(module, node, 2, &[outputs])?, stride))
    }

    pub(crate) fn doubling(&self, module: &str, channels: usize) -> Result<DepthwiseDoubling, Mismatch> {
        let node = self.find(module, "ConvTranspose")?;
        let weight = self.input(module, node, 1, &[channels, 1, 3])?;
        Ok(DepthwiseDoubling::new(&weight, self.input(module, node, 2, &[channels])?))
    }

    /// A bidirectional LSTM. The quantised layout is `[direction, inputs, 4 * hidden]`.
    pub(crate) fn lstm(&self, module: &str, inputs: usize, hidden: usize) -> Result<BiLstm, Mismatch> {
        let node = self.find(module, "LSTM_quant")?;
        let gates = 4 * hidden;
        let matrix = |first: usize, rows: usize| -> Result<Vec<f32>, Mismatch> {
            let quantised = self.input(module, node, first, &[2, rows, gates])?;
            let scale = self.input(module, node, 6 + 2 * first, &[2])?;
            let zero = self.input(module, node, 7 + 2 * first, &[2])?;
            let each = quantised.iter().enumerate();
            Ok(each.map(|(at, q)| (q - zero[at / (rows * gates)]) * scale[at / (rows * gates)]).collect())
        };
        let (input, recurrent) = (matrix(1, inputs)?, matrix(2, hidden)?);
        let (forward, backward) = input.split_at(inputs * gates);
        let rows = forward.chunks_exact(gates).zip(backward.chunks_exact(gates));
        let input = rows.flat_map(|(forward, backward)| [forward, backward]).flatten().copied().collect::<Vec<f32>>();
        let bias = self.input(module, node, 3, &[2, 2 * gates])?;
        let bias = bias.chunks_exact(2 * gates).flat_map(|both| (0..gates).map(|gate| both[gate] + both[gates + gate])).collect();
        let (forward, backward) = recurrent.split_at(hidden * gates);
        Ok(BiLstm::new(Linear::new(inputs, &input, bias), [forward.to_vec(), backward.to_vec()], hidden))
    }

    /// An embedding table, row after row.
    pub(crate) fn embedding(&self, module: &str, rows: usize, cols: usize) -> Result<Vec<f32>, Mismatch> {
        let gather = self.find(module, "Gather_quant")?;
        let dequantise = self.only_consumer(module, output(gather))?;
        let table = self.input(module, gather, 0, &[rows, cols])?;
        let scale = self.input(module, dequantise, 1, &[])?[0];
        let zero = self.input(module, dequantise, 2, &[])?[0];
        Ok(table.into_iter().map(|q| (q - zero) * scale).collect())
    }

    /// A layer norm, also one fused with the sum before it.
    pub(crate) fn layer_norm(&self, module: &str, width: usize, epsilon: f32) -> Result<LayerNorm, Mismatch> {
        let node = self.graph.producer(&format!("{module}/LayerNormalization_output_0"));
        let node = node.ok_or_else(|| mismatch(module, "no layer normalisation"))?;
        let first = if node.op == "SkipLayerNormalization" { 2 } else { 1 };
        Ok(LayerNorm { scale: self.input(module, node, first, &[width])?, shift: self.input(module, node, first + 1, &[width])?, epsilon })
    }

    /// A parameter that the exporter left under its own name.
    pub(crate) fn parameter(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Mismatch> {
        self.constant(name, name, shape)
    }

    fn find(&self, module: &str, kind: &str) -> Result<&Node<'a>, Mismatch> {
        let node = self.graph.node(&format!("{module}/{kind}"));
        node.ok_or_else(|| mismatch(module, &format!("no node {kind}")))
    }

    fn only_consumer(&self, module: &str, tensor: &str) -> Result<&Node<'a>, Mismatch> {
        let first = self.graph.consumers(tensor).next();
        first.ok_or_else(|| mismatch(module, "nothing uses its result"))
    }

    /// The weight scale of a product node `scaled = accumulator * (input scale * weight scale)`.
    fn scale_beside(&self, module: &str, scaled: &Node<'a>, accumulator: &str) -> Result<Vec<f32>, Mismatch> {
        let product = other_input(scaled, accumulator).unwrap_or_default();
        self.scale_from(module, product)
    }

    /// The constant factor of a tensor computed as `input scale * weight scale`.
    fn scale_from(&self, module: &str, product: &str) -> Result<Vec<f32>, Mismatch> {
        let node = self.graph.producer(product).filter(|node| node.op == "Mul");
        let inputs = node.into_iter().flat_map(|node| &node.inputs);
        let mut constants = inputs.filter_map(|name| self.graph.initialiser(name));
        let values = constants.next().and_then(crate::onnx::Initialiser::values);
        values.ok_or_else(|| mismatch(module, "no scale for its weights"))
    }

    /// `(q - zero) * scale`; scale and zero point are one number, or one for each of the last dimension.
    fn dequantised(&self, module: &str, node: &Node<'a>, shape: &[usize], scale: &[f32]) -> Result<Vec<f32>, Mismatch> {
        let quantised = self.input(module, node, 1, shape)?;
        let zero = node.inputs.get(3).and_then(|name| self.graph.initialiser(name)?.values());
        let zero = zero.ok_or_else(|| mismatch(module, "no zero point"))?;
        let columns = shape.last().copied().unwrap_or(1);
        if ![scale.len(), zero.len()].iter().all(|len| *len == 1 || *len == columns) {
            return Err(mismatch(module, "as many scales as columns were expected"));
        }
        let pick = |values: &[f32], at: usize| values[if values.len() == 1 { 0 } else { at % columns }];
        let each = quantised.iter().enumerate();
        Ok(each.map(|(at, q)| (q - pick(&zero, at)) * pick(scale, at)).collect())
    }

    fn input(&self, module: &str, node: &Node<'a>, index: usize, shape: &[usize]) -> Result<Vec<f32>, Mismatch> {
        let name = node.inputs.get(index).copied().unwrap_or_default();
        self.constant(module, name, shape)
    }

    /// The one constant among the inputs of a node such as a sum.
    fn constant_input(&self, module: &str, node: &Node<'a>, len: usize) -> Result<Vec<f32>, Mismatch> {
        let constants = node.inputs.iter().filter_map(|name| self.graph.initialiser(name));
        let values = constants.filter_map(crate::onnx::Initialiser::values).find(|values| values.len() == len);
        values.ok_or_else(|| mismatch(module, &format!("no constant of {len} numbers beside it")))
    }

    fn constant(&self, module: &str, name: &str, shape: &[usize]) -> Result<Vec<f32>, Mismatch> {
        let tensor = self.graph.initialiser(name).ok_or_else(|| mismatch(module, &format!("no constant {name:?}")))?;
        // A scalar may be stored without dimensions or as one element.
        let scalar = shape.is_empty() && tensor.dims.iter().product::<usize>() == 1;
        if tensor.dims != shape && !scalar {
            let problem = format!("{name:?} has the shape {:?} instead of {shape:?}", tensor.dims);
            return Err(mismatch(module, &problem));
        }
        tensor.values().ok_or_else(|| mismatch(module, &format!("{name:?} holds less than its shape says")))
    }
}

fn output<'a>(node: &Node<'a>) -> &'a str {
    node.outputs.first().copied().unwrap_or_default()
}

fn other_input<'a>(node: &Node<'a>, known: &str) -> Option<&'a str> {
    node.inputs.iter().copied().find(|input| *input != known)
}

fn check_geometry(module: &str, node: &Node<'_>, expected: Geometry) -> Result<(), Mismatch> {
    let attribute = |name: &str| node.ints(name).and_then(|ints| ints.first()).copied();
    let found = [attribute("strides"), attribute("pads"), attribute("dilations")];
    let wanted = [expected.stride, expected.padding, expected.dilation];
    if found == wanted.map(|number| Some(number as i64)) {
        return Ok(());
    }
    Err(mismatch(module, &format!("stride, padding and dilation {found:?} instead of {wanted:?}")))
}

fn mismatch(module: &str, problem: &str) -> Mismatch {
    Mismatch { module: module.to_owned(), problem: problem.to_owned() }
}
