//! Weights out of a Piper voice.
//!
//! Convolutions are found by the node of their module (`/dec/conv_pre/Conv`), for the exporter gives those that had their
//! weights normalised made-up names; everything else goes by its own name. Shapes come from the file: voices differ in
//! width and depth.

use crate::nn::{Conv1d, ConvTranspose1d, Geometry, Isa, LayerNorm, SameConv};
use crate::onnx::{Graph, Initialiser};

/// The file holds another graph than the one this engine computes.
#[derive(Debug, thiserror::Error)]
#[error("{module}: {problem}")]
pub(super) struct Mismatch {
    module: String,
    problem: String,
}

pub(super) struct Weights<'a> {
    graph: Graph<'a>,
}

/// A convolution as the file has it.
pub(super) struct Raw {
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
    pub(super) inputs: usize,
    pub(super) geometry: Geometry,
}

impl<'a> Weights<'a> {
    pub(super) fn new(graph: Graph<'a>) -> Self {
        Self { graph }
    }

    /// Whether the graph has this convolution.
    pub(super) fn has(&self, module: &str) -> bool {
        self.graph.node(&format!("{module}/Conv")).is_some()
    }

    pub(super) fn conv(&self, module: &str) -> Result<Conv1d, Mismatch> {
        let Raw { weight, bias, geometry, .. } = self.raw(module)?;
        Ok(Conv1d::new(Isa::best(), &weight, bias, geometry))
    }

    /// A convolution that keeps the length.
    pub(super) fn same_conv(&self, module: &str) -> Result<SameConv, Mismatch> {
        let Raw { weight, bias, mut geometry, .. } = self.raw(module)?;
        // The encoder's are padded by a node of their own.
        geometry.padding = Geometry::same(geometry.taps, geometry.dilation).padding;
        Ok(SameConv::new(Isa::best(), &weight, bias, geometry))
    }

    pub(super) fn raw(&self, module: &str) -> Result<Raw, Mismatch> {
        let node = self.graph.node(&format!("{module}/Conv")).ok_or_else(|| mismatch(module, "no convolution"))?;
        let weight = node.inputs.get(1).and_then(|name| self.graph.initialiser(name));
        let weight = weight.ok_or_else(|| mismatch(module, "no weights"))?;
        let [outputs, inputs, taps] = weight.dims[..] else { return Err(mismatch(module, "weights of another shape")) };
        let bias = match node.inputs.get(2) {
            Some(name) => values(module, self.graph.initialiser(name), &[outputs])?,
            None => vec![0.0; outputs],
        };
        let first = |name: &str, default: i64| node.ints(name).and_then(|ints| ints.first().copied()).unwrap_or(default);
        let [stride, padding, dilation] = [first("strides", 1), first("pads", 0), first("dilations", 1)].map(usize::try_from);
        let (Ok(stride), Ok(padding), Ok(dilation)) = (stride, padding, dilation) else {
            return Err(mismatch(module, "a negative stride, padding or dilation"));
        };
        if stride != 1 || dilation == 0 || dilation > 1000 || taps == 0 || taps % 2 == 0 || outputs == 0 || inputs == 0 {
            return Err(mismatch(module, "a stride, dilation or kernel this engine doesn't compute"));
        }
        let geometry = Geometry { taps, stride, padding, dilation };
        Ok(Raw { weight: values(module, Some(weight), &[outputs, inputs, taps])?, bias, inputs, geometry })
    }

    /// A transposed convolution and its stride.
    pub(super) fn conv_transpose(&self, module: &str) -> Result<Option<(ConvTranspose1d, usize)>, Mismatch> {
        let Some(node) = self.graph.node(&format!("{module}/ConvTranspose")) else { return Ok(None) };
        let weight = node.inputs.get(1).and_then(|name| self.graph.initialiser(name));
        let weight = weight.ok_or_else(|| mismatch(module, "no weights"))?;
        let [inputs, outputs, taps] = weight.dims[..] else { return Err(mismatch(module, "weights of another shape")) };
        let stride = node.ints("strides").and_then(|ints| usize::try_from(*ints.first()?).ok()).unwrap_or(0);
        let padding = node.ints("pads").and_then(|ints| usize::try_from(*ints.first()?).ok()).unwrap_or(0);
        if stride == 0 || taps != 2 * stride || padding != stride / 2 || stride % 2 != 0 {
            return Err(mismatch(module, "a kernel that is not twice its stride"));
        }
        let bias = node.inputs.get(2).and_then(|name| self.graph.initialiser(name));
        let bias = values(module, bias, &[outputs])?;
        let weight = values(module, Some(weight), &[inputs, outputs, taps])?;
        Ok(Some((ConvTranspose1d::new(Isa::best(), &weight, bias, stride), stride)))
    }

    /// A layer norm, by the names of its parameters.
    pub(super) fn layer_norm(&self, name: &str) -> Result<LayerNorm, Mismatch> {
        let read = |part: &str| self.parameter(&format!("{name}.{part}"));
        Ok(LayerNorm { scale: read("gamma")?, shift: read("beta")?, epsilon: 1e-5 })
    }

    /// A parameter by its name.
    pub(super) fn parameter(&self, name: &str) -> Result<Vec<f32>, Mismatch> {
        let tensor = self.graph.initialiser(name).ok_or_else(|| mismatch(name, "no such parameter"))?;
        values(name, Some(tensor), &tensor.dims)
    }

    /// The table a module looks its rows up in, and its width.
    pub(super) fn table(&self, module: &str) -> Result<(Vec<f32>, usize), Mismatch> {
        let node = self.graph.node(&format!("{module}/Gather"));
        let tensor = node.and_then(|node| self.graph.initialiser(node.inputs.first()?));
        let tensor = tensor.filter(|tensor| tensor.dims.len() == 2 && tensor.dims[1] > 0);
        let tensor = tensor.ok_or_else(|| mismatch(module, "no table"))?;
        Ok((values(module, Some(tensor), &tensor.dims)?, tensor.dims[1]))
    }
}

fn values(module: &str, tensor: Option<&Initialiser<'_>>, shape: &[usize]) -> Result<Vec<f32>, Mismatch> {
    let tensor = tensor.filter(|tensor| tensor.dims == shape).ok_or_else(|| mismatch(module, "a parameter of another shape"))?;
    tensor.values().ok_or_else(|| mismatch(module, "a parameter that is not f32, or holds less than its shape says"))
}

pub(super) fn mismatch(module: &str, problem: &str) -> Mismatch {
    Mismatch { module: module.to_owned(), problem: problem.to_owned() }
}
