//! The excitation: a sum of harmonics that follows F0, and its spectrum (neural source-filter, Wang et al. 2019).
//!
//! The noise of the original model is absent, as in the exported file: the same text gives the same samples.

use rayon::prelude::*;

use super::istft::{BINS, HOP, SIZE, hann};
use super::weights::{Mismatch, Weights};
use crate::nn::Frames;

const RATE: f32 = 24_000.0;
const HARMONICS: usize = 9;
/// Samples for each value of the F0 curve.
const STEP: usize = 300;
const AMPLITUDE: f64 = 0.1;
/// Below this many Hz the curve means "unvoiced", and the source is silent.
const VOICED_HZ: f32 = 10.0;

#[derive(Debug)]
pub(crate) struct Source {
    mix: Vec<f32>,
    bias: f32,
}

/// An excitation signal.
#[derive(Debug, Clone)]
pub struct Excitation {
    /// At 24 kHz, 300 samples for each value of the F0 curve.
    pub samples: Vec<f32>,
    /// Its short-time spectrum, a row every 5 samples: 11 magnitudes, then 11 phases.
    pub spectrum: Frames,
}

impl Source {
    pub(crate) fn load(weights: &Weights<'_>) -> Result<Self, Mismatch> {
        let (mix, bias) = weights.float_linear("/decoder/decoder/generator/m_source/l_linear", HARMONICS)?;
        Ok(Self { mix, bias })
    }

    /// The excitation for an F0 curve in Hz.
    pub(crate) fn excite(&self, pitch: &[f32]) -> Excitation {
        let samples = self.samples(pitch);
        let spectrum = spectrum(&samples);
        Excitation { samples, spectrum }
    }

    /// Phases are summed in f64 and reduced before the sine: they reach thousands of turns, which f32 cannot resolve.
    fn samples(&self, pitch: &[f32]) -> Vec<f32> {
        let mut turns = vec![[0.0_f64; HARMONICS]; pitch.len()];
        let mut sum = [0.0_f64; HARMONICS];
        for (f0, turns) in pitch.iter().zip(&mut turns) {
            for (harmonic, sum) in sum.iter_mut().enumerate() {
                let cycles = f0 * (harmonic + 1) as f32 / RATE;
                *sum += f64::from(cycles - cycles.floor()) * STEP as f64;
            }
            *turns = sum;
        }
        let mut samples = vec![0.0; pitch.len() * STEP];
        samples.par_chunks_mut(STEP).enumerate().for_each(|(step, out)| {
            let voiced = pitch[step] > VOICED_HZ;
            for (offset, out) in out.iter_mut().enumerate() {
                // Linear between the centres of the steps, constant beyond the first and last.
                let at = ((step * STEP + offset) as f64 + 0.5) / STEP as f64 - 0.5;
                let at = at.clamp(0.0, (pitch.len() - 1) as f64);
                let (low, part) = (at as usize, at.fract());
                let high = (low + 1).min(pitch.len() - 1);
                *out = self.sample(&turns[low], &turns[high], part, voiced);
            }
        });
        samples
    }

    fn sample(&self, low: &[f64; HARMONICS], high: &[f64; HARMONICS], part: f64, voiced: bool) -> f32 {
        let mut sum = f64::from(self.bias);
        if voiced {
            for ((low, high), weight) in low.iter().zip(high).zip(&self.mix) {
                let turns = low * (1.0 - part) + high * part;
                sum += AMPLITUDE * (std::f64::consts::TAU * turns.fract()).sin() * f64::from(*weight);
            }
        }
        sum.tanh() as f32
    }
}

/// Short-time Fourier transform: window 20, hop 5, centred with reflection.
fn spectrum(samples: &[f32]) -> Frames {
    let (window, half, last) = (hann(), SIZE / 2, samples.len() - 1);
    let reflected = |at: usize| {
        let at = at.abs_diff(half);
        samples[if at > last { 2 * last - at } else { at }]
    };
    // One turn of the circle: bin b at sample n stands at b * n.
    let circle: [(f64, f64); SIZE] = std::array::from_fn(|at| (std::f64::consts::TAU * at as f64 / SIZE as f64).sin_cos());
    Frames::fill(samples.len() / HOP + 1, 2 * BINS, |row, out| {
        let frame: [f64; SIZE] = std::array::from_fn(|at| f64::from(reflected(row * HOP + at) * window[at]));
        let (magnitudes, phases) = out.split_at_mut(BINS);
        for (bin, (magnitude, phase)) in magnitudes.iter_mut().zip(phases).enumerate() {
            let (mut re, mut im) = (0.0_f64, 0.0_f64);
            for (at, x) in frame.iter().enumerate() {
                let (sin, cos) = circle[bin * at % SIZE];
                re += x * cos;
                im -= x * sin;
            }
            // The first and last bin are real: a negative one has the phase +pi, never -pi (the sign of a rounding error).
            let im = if bin == 0 || bin == BINS - 1 { 0.0 } else { im };
            *magnitude = re.hypot(im) as f32;
            *phase = im.atan2(re) as f32;
        }
    })
}
