//! The normalising flow between prior and sound, run backwards: couplings whose shift a WaveNet computes (van den Oord 2016).

use super::weights::{Mismatch, Weights, mismatch};
use crate::nn::{Activation, Conv1d, Frames, SameConv, gate};

#[derive(Debug)]
pub(super) struct Flow(Vec<Coupling>);

#[derive(Debug)]
struct Coupling {
    before: Conv1d,
    layers: Vec<(SameConv, Conv1d)>,
    after: Conv1d,
}

impl Flow {
    pub(super) fn load(weights: &Weights<'_>) -> Result<Self, Mismatch> {
        let mut couplings = Vec::new();
        // Odd numbers only reverse the order of channels.
        for index in [6, 4, 2, 0] {
            couplings.push(Coupling::load(weights, &format!("/flow/flows.{index}"))?);
        }
        Ok(Self(couplings))
    }

    /// `[F, channels]` to the same shape.
    pub(super) fn reverse(&self, mut z: Frames) -> Frames {
        for coupling in &self.0 {
            z.update(|_, row| row.reverse());
            let half = z.cols() / 2;
            let shift = coupling.shift(&z.columns(0..half));
            z.update(|row, z| {
                for (z, shift) in z[half..].iter_mut().zip(shift.row(row)) {
                    *z -= shift;
                }
            });
        }
        z
    }
}

impl Coupling {
    fn load(weights: &Weights<'_>, module: &str) -> Result<Self, Mismatch> {
        let mut layers = Vec::new();
        while weights.has(&format!("{module}/enc/in_layers.{}", layers.len())) {
            let index = layers.len();
            let layer = weights.same_conv(&format!("{module}/enc/in_layers.{index}"))?;
            layers.push((layer, weights.conv(&format!("{module}/enc/res_skip_layers.{index}"))?));
        }
        let before = weights.conv(&format!("{module}/pre"))?;
        let last = layers.last().is_some_and(|(_, both)| both.outputs() == before.outputs());
        if !last || layers.iter().rev().skip(1).any(|(_, both)| both.outputs() != 2 * before.outputs()) {
            return Err(mismatch(module, "layers of another width"));
        }
        Ok(Self { before, layers, after: weights.conv(&format!("{module}/post"))? })
    }

    fn shift(&self, x: &Frames) -> Frames {
        let mut x = self.before.forward(x);
        let width = x.cols();
        let mut skipped = Frames::zeros(x.rows(), width);
        for (layer, both) in &self.layers {
            let gated = gate(&layer.after(&x, &Activation::Leave));
            if both.outputs() == width {
                both.run(&gated, &Activation::Leave, &mut skipped, true);
                continue;
            }
            let both = both.forward(&gated);
            x.update(|row, x| add(x, &both.row(row)[..width]));
            skipped.update(|row, x| add(x, &both.row(row)[width..]));
        }
        self.after.forward(&skipped)
    }
}

fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}
