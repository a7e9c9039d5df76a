//! Monotonic rational-quadratic splines (Durkan et al. 2019, "Neural Spline Flows"), inverted.

/// Bins between the tails.
pub(super) const BINS: usize = 10;
/// Beyond this the map is the identity.
const TAIL: f32 = 5.0;
const LEAST: f32 = 1e-3;

/// The `x` that the spline maps to `y`. `knots` are ten widths, ten heights and nine slopes, unnormalised; widths and heights
/// are scaled first.
pub(super) fn inverse(y: f32, knots: &[f32], scale: f32) -> f32 {
    if !(-TAIL..=TAIL).contains(&y) {
        return y;
    }
    let widths = edges(&knots[..BINS], scale);
    let heights = edges(&knots[BINS..2 * BINS], scale);
    // The outermost slopes are 1, those of the tails.
    let slope = |edge: usize| if edge == 0 || edge == BINS { 1.0 } else { LEAST + softplus(knots[2 * BINS + edge - 1]) };
    let bin = (1..BINS).rev().find(|edge| y >= heights[*edge]).unwrap_or(0);
    let (left, width) = (widths[bin], widths[bin + 1] - widths[bin]);
    let (bottom, height) = (heights[bin], heights[bin + 1] - heights[bin]);
    let (low, high) = (slope(bin), slope(bin + 1));
    let delta = height / width;
    let rise = y - bottom;
    let bend = low + high - 2.0 * delta;
    let a = rise * bend + height * (delta - low);
    let b = height * low - rise * bend;
    let c = -delta * rise;
    let root = 2.0 * c / (-b - (b * b - 4.0 * a * c).max(0.0).sqrt());
    root * width + left
}

/// Edges of the bins: shares of the way from -5 to 5, each at least a thousandth.
fn edges(values: &[f32], scale: f32) -> [f32; BINS + 1] {
    let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let share = |x: &f32| ((x - highest) * scale).exp();
    let total: f32 = values.iter().map(share).sum();
    let mut edges = [-TAIL; BINS + 1];
    let mut sum = 0.0;
    for (edge, x) in edges[1..].iter_mut().zip(values) {
        sum += LEAST + (1.0 - LEAST * BINS as f32) * share(x) / total;
        *edge = 2.0 * TAIL * sum - TAIL;
    }
    edges[BINS] = TAIL;
    edges
}

fn softplus(x: f32) -> f32 {
    if x > 20.0 { x } else { x.exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The spline itself, in f64 and straight from the paper's equation 4.
    fn forward(x: f64, knots: &[f64], scale: f64) -> f64 {
        let edges = |values: &[f64]| {
            let total: f64 = values.iter().map(|x| (x * scale).exp()).sum();
            let mut sum = 0.0;
            let inner = values.iter().map(|x| {
                sum += 1e-3 + (1.0 - 1e-2) * (x * scale).exp() / total;
                10.0 * sum - 5.0
            });
            std::iter::once(-5.0).chain(inner).collect::<Vec<_>>()
        };
        let (widths, heights) = (edges(&knots[..10]), edges(&knots[10..20]));
        let slope = |edge: usize| if edge == 0 || edge == 10 { 1.0 } else { 1e-3 + knots[19 + edge].exp().ln_1p() };
        let bin = (0..10).rev().find(|bin| x >= widths[*bin]).expect("x within the tails");
        let (width, height) = (widths[bin + 1] - widths[bin], heights[bin + 1] - heights[bin]);
        let (s, at) = (height / width, (x - widths[bin]) / width);
        let above = height * (s * at * at + slope(bin) * at * (1.0 - at));
        heights[bin] + above / (s + (slope(bin + 1) + slope(bin) - 2.0 * s) * at * (1.0 - at))
    }

    #[test]
    fn the_inverse_undoes_the_spline() {
        let knots: Vec<f64> = (0..29).map(|at| f64::from(at * 7 % 11) - 5.0).collect();
        let single: Vec<f32> = knots.iter().map(|x| *x as f32).collect();
        for step in -49..50 {
            let x = f64::from(step) / 10.0;
            let back = inverse(forward(x, &knots, 0.3) as f32, &single, 0.3);
            assert!((f64::from(back) - x).abs() < 2e-4, "{x} came back as {back}");
        }
        assert!((inverse(7.0, &single, 0.3) - 7.0).abs() < f32::EPSILON);
    }
}
