//! The inverse short-time Fourier transform at the end of the generator (iSTFTNet, Kaneko et al. 2022).

use crate::nn::Frames;

/// Samples in a window.
pub(crate) const SIZE: usize = 20;
/// Samples between windows.
pub(crate) const HOP: usize = 5;
/// Frequencies of a window.
pub(crate) const BINS: usize = SIZE / 2 + 1;

/// The periodic Hann window.
pub(crate) fn hann() -> [f32; SIZE] {
    std::array::from_fn(|at| (0.5 - 0.5 * (std::f64::consts::TAU * at as f64 / SIZE as f64).cos()) as f32)
}

/// `spectrum [N, 22]`, 11 magnitudes and 11 phases a row, to `5 * (N - 1)` samples.
///
/// Overlap-add without dividing by the windows' sum, which is 1.5: the exported graph doesn't either (its sum buffer
/// holds a single frame), so its loudness, which voices are tuned by ear to, is 1.5 times PyTorch's.
pub(crate) fn inverse(spectrum: &Frames) -> Vec<f32> {
    let basis = basis();
    let frames = Frames::fill(spectrum.rows(), SIZE, |row, out| {
        let (magnitudes, phases) = spectrum.row(row).split_at(BINS);
        for (bin, (magnitude, phase)) in magnitudes.iter().zip(phases).enumerate() {
            let (sin, cos) = phase.sin_cos();
            let (re, im) = (magnitude * cos, magnitude * sin);
            for ((out, in_phase), quadrature) in out.iter_mut().zip(&basis[bin].0).zip(&basis[bin].1) {
                *out += re * in_phase + im * quadrature;
            }
        }
    });
    let mut samples = vec![0.0; (frames.rows() - 1) * HOP + SIZE];
    for row in 0..frames.rows() {
        for (sample, x) in samples[row * HOP..].iter_mut().zip(frames.row(row)) {
            *sample += x;
        }
    }
    samples[SIZE / 2..samples.len() - SIZE / 2].to_vec()
}

/// For each bin, what its real and its imaginary part add to the windowed samples.
fn basis() -> Vec<([f32; SIZE], [f32; SIZE])> {
    let window = hann();
    let of_bin = |bin: usize| {
        // Every bin but the first and last stands for its mirror image too.
        let weight = if bin == 0 || bin == BINS - 1 { 1.0 } else { 2.0 } / SIZE as f64;
        let angle = |at: usize| std::f64::consts::TAU * (bin * at % SIZE) as f64 / SIZE as f64;
        let at_sample = |at: usize| weight * f64::from(window[at]);
        (
            std::array::from_fn(|at| (at_sample(at) * angle(at).cos()) as f32),
            std::array::from_fn(|at| (-at_sample(at) * angle(at).sin()) as f32),
        )
    };
    (0..BINS).map(of_bin).collect()
}
