//! The stochastic duration predictor, run backwards: noise to the logarithm of each symbol's length.

use super::spline::{BINS, inverse};
use super::weights::{Mismatch, Raw, Weights, mismatch};
use crate::nn::{Conv1d, Depthwise, Frames, LayerNorm, gelu};

/// Coupling layers in the order they are undone.
const FLOWS: [usize; 3] = [7, 5, 3];

#[derive(Debug)]
pub(super) struct DurationPredictor {
    before: Conv1d,
    convs: DilatedStack,
    after: Conv1d,
    flows: Vec<Coupling>,
    mean: Vec<f32>,
    inverse_scale: Vec<f32>,
}

/// Depthwise and pointwise convolutions whose dilation grows threefold a layer.
#[derive(Debug)]
struct DilatedStack(Vec<(Depthwise, LayerNorm, Conv1d, LayerNorm)>);

/// A spline of one channel whose knots follow from the other.
#[derive(Debug)]
struct Coupling {
    weight: Vec<f32>,
    bias: Vec<f32>,
    convs: DilatedStack,
    knots: Conv1d,
}

impl DurationPredictor {
    pub(super) fn load(weights: &Weights<'_>) -> Result<Self, Mismatch> {
        let name = "dp.flows.0";
        let inverse_scale = weights.parameter("/dp/flows.0/Exp_output_0").or_else(|_| {
            let logs = weights.parameter(&format!("{name}.logs"))?;
            Ok::<_, Mismatch>(logs.into_iter().map(|log| (-log).exp()).collect())
        })?;
        let mean = weights.parameter(&format!("{name}.m"))?;
        if mean.len() != 2 || inverse_scale.len() != 2 {
            return Err(mismatch(name, "more than two channels"));
        }
        Ok(Self {
            before: weights.conv("/dp/pre")?,
            convs: DilatedStack::load(weights, "/dp/convs")?,
            after: weights.conv("/dp/proj")?,
            flows: FLOWS.iter().map(|index| Coupling::load(weights, *index)).collect::<Result<_, _>>()?,
            mean,
            inverse_scale,
        })
    }

    /// Frames for each symbol, at least one in all. `noise [T, 2]` is scaled already.
    pub(super) fn forward(&self, x: &Frames, mut noise: Frames, length: f32) -> Vec<usize> {
        let condition = self.after.forward(&self.convs.forward(self.before.forward(x)));
        for flow in &self.flows {
            noise.update(|_, row| row.swap(0, 1));
            flow.reverse(&mut noise, &condition);
        }
        // The layer between the last two couplings only swaps; what it puts first is read.
        noise.update(|_, row| row.swap(0, 1));
        let log = |row: usize| (noise.row(row)[0] - self.mean[0]) * self.inverse_scale[0];
        let mut durations: Vec<usize> = (0..noise.rows()).map(|row| (log(row).exp() * length).ceil() as usize).collect();
        // A symbol cannot last longer than an hour; what asks for it is a damaged voice.
        for duration in &mut durations {
            *duration = (*duration).min(1 << 18);
        }
        if durations.iter().sum::<usize>() == 0 {
            durations[0] = 1;
        }
        durations
    }
}

impl DilatedStack {
    fn load(weights: &Weights<'_>, module: &str) -> Result<Self, Mismatch> {
        let name = module.trim_start_matches('/').replace('/', ".");
        let mut layers = Vec::new();
        while weights.has(&format!("{module}/convs_sep.{}", layers.len())) {
            let index = layers.len();
            let Raw { weight, bias, inputs, geometry } = weights.raw(&format!("{module}/convs_sep.{index}"))?;
            if inputs != 1 {
                return Err(mismatch(module, "a convolution that mixes channels"));
            }
            let norm = |kind: &str| weights.layer_norm(&format!("{name}.{kind}.{index}"));
            let pointwise = weights.conv(&format!("{module}/convs_1x1.{index}"))?;
            layers.push((Depthwise::new(&weight, bias, geometry), norm("norms_1")?, pointwise, norm("norms_2")?));
        }
        Ok(Self(layers))
    }

    fn forward(&self, mut x: Frames) -> Frames {
        for (depthwise, first, pointwise, second) in &self.0 {
            let mut y = depthwise.forward(&x);
            y.update(|_, row| {
                first.apply(row);
                gelu(row);
            });
            let mut y = pointwise.forward(&y);
            y.update(|_, row| {
                second.apply(row);
                gelu(row);
            });
            x.add(&y);
        }
        x
    }
}

impl Coupling {
    fn load(weights: &Weights<'_>, index: usize) -> Result<Self, Mismatch> {
        let module = format!("/dp/flows.{index}");
        let Raw { weight, bias, inputs, .. } = weights.raw(&format!("{module}/pre"))?;
        let knots = weights.conv(&format!("{module}/proj"))?;
        if inputs != 1 || knots.outputs() != 3 * BINS - 1 {
            return Err(mismatch(&module, "a spline of another number of bins"));
        }
        Ok(Self { weight, bias, convs: DilatedStack::load(weights, &format!("{module}/convs"))?, knots })
    }

    fn reverse(&self, z: &mut Frames, condition: &Frames) {
        let width = self.bias.len();
        let hidden = Frames::fill(z.rows(), width, |row, out| {
            let x = z.row(row)[0];
            let parameters = self.weight.iter().zip(&self.bias).zip(condition.row(row));
            for (out, ((weight, bias), condition)) in out.iter_mut().zip(parameters) {
                *out = weight * x + bias + condition;
            }
        });
        let knots = self.knots.forward(&self.convs.forward(hidden));
        let scale = 1.0 / (width as f32).sqrt();
        z.update(|row, z| z[1] = inverse(z[1], knots.row(row), scale));
    }
}
