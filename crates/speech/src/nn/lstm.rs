//! A bidirectional LSTM (Hochreiter and Schmidhuber 1997) over one sequence.

use super::activation::{sigmoid, tanh};
use super::frames::Frames;
use super::linear::Linear;
use super::simd::{Isa, Loops};

/// Two LSTMs, one from the start, one from the end; their outputs stand side by side.
#[derive(Debug)]
pub(crate) struct BiLstm {
    /// Inputs to the four gates of both directions, in one product.
    input: Linear,
    /// `[hidden, 4 * hidden]` for each direction.
    recurrent: [Vec<f32>; 2],
    hidden: usize,
}

impl BiLstm {
    /// Gates in ONNX order: input, output, forget, cell. `input` maps to `2 * 4 * hidden` outputs, forward first, its
    /// bias being the sum of both ONNX biases; `recurrent` holds `[hidden, 4 * hidden]` for each direction.
    pub(crate) fn new(input: Linear, recurrent: [Vec<f32>; 2], hidden: usize) -> Self {
        debug_assert!(recurrent.iter().all(|matrix| matrix.len() == 4 * hidden * hidden));
        Self { input, recurrent, hidden }
    }

    /// `[T, inputs]` to `[T, 2 * hidden]`.
    pub(crate) fn forward(&self, x: &Frames) -> Frames {
        let gates = self.input.forward(x);
        let (forward, backward) = rayon::join(|| self.direction(&gates, false), || self.direction(&gates, true));
        Frames::beside(&[&forward, &backward])
    }

    fn direction(&self, gates: &Frames, backward: bool) -> Frames {
        let mut out = Frames::zeros(gates.rows(), self.hidden);
        let recurrent = &self.recurrent[usize::from(backward)];
        Isa::best().run(Direction { gates, recurrent, backward, hidden: self.hidden, out: out.as_mut_slice() });
        out
    }
}

/// One direction over the whole sequence.
struct Direction<'a> {
    gates: &'a Frames,
    recurrent: &'a [f32],
    backward: bool,
    hidden: usize,
    out: &'a mut [f32],
}

impl Loops for Direction<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { gates, recurrent, backward, hidden, out } = self;
        let rows = gates.rows();
        let (mut h, mut c) = (vec![0.0_f32; hidden], vec![0.0_f32; hidden]);
        let mut sums = vec![0.0_f32; 4 * hidden];
        for step in 0..rows {
            let row = if backward { rows - 1 - step } else { step };
            sums.copy_from_slice(&gates.row(row)[usize::from(backward) * 4 * hidden..][..4 * hidden]);
            add_product(&mut sums, &h, recurrent);
            let (input, rest) = sums.split_at(hidden);
            let (output, rest) = rest.split_at(hidden);
            let (forget, cell) = rest.split_at(hidden);
            let gates = input.iter().zip(output).zip(forget).zip(cell);
            for ((h, c), (((input, output), forget), cell)) in h.iter_mut().zip(&mut c).zip(gates) {
                *c = sigmoid(*forget) * *c + sigmoid(*input) * tanh(*cell);
                *h = sigmoid(*output) * tanh(*c);
            }
            out[row * hidden..][..hidden].copy_from_slice(&h);
        }
    }
}

/// `sums += x M`, four rows of M at a time so that `sums` is read and written once for four.
#[inline(always)]
fn add_product(sums: &mut [f32], x: &[f32], matrix: &[f32]) {
    let width = sums.len();
    for (x, rows) in x.chunks_exact(4).zip(matrix.chunks_exact(4 * width)) {
        let (a, rest) = rows.split_at(width);
        let (b, rest) = rest.split_at(width);
        let (c, d) = rest.split_at(width);
        for ((((sum, a), b), c), d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *sum += x[0] * a + x[1] * b + x[2] * c + x[3] * d;
        }
    }
}
