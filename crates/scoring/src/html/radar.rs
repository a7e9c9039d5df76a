//! The areas on a wheel. An area without a score has a broken spoke and no point: nothing is drawn where nothing is known.

use std::f64::consts::TAU;
use std::fmt::Write as _;

use viva_core::report::AreaScore;

use super::{INFALLIBLE, all, escape};
use crate::labels::Labels;

const CENTRE: (f64, f64) = (210.0, 165.0);
const RADIUS: f64 = 100.0;
/// Letters that a line of a label may have before it is broken.
const LINE: usize = 11;

pub(super) fn draw(areas: &[AreaScore], labels: &Labels) -> String {
    let count = areas.len().max(1) as f64;
    let point = |index: usize, part: f64| {
        let angle = TAU * index as f64 / count - TAU / 4.0;
        (CENTRE.0 + RADIUS * part * angle.cos(), CENTRE.1 + RADIUS * part * angle.sin())
    };
    let ring = |part: f64| (0..areas.len()).map(|index| show(point(index, part))).collect::<Vec<_>>().join(" ");
    let described: Vec<String> = areas
        .iter()
        .map(|area| format!("{} {}", area.title, area.score.map_or_else(|| labels.no_score.to_owned(), |score| format!("{score:.0}"))))
        .collect();
    let mut svg = format!("<svg viewBox=\"0 0 420 330\" role=\"img\" aria-label=\"{}\">\n", escape(&described.join(", ")));
    for part in [0.25, 0.5, 0.75, 1.0] {
        writeln!(svg, "<polygon points=\"{}\" fill=\"none\" stroke=\"#dfe4ea\"/>", ring(part)).expect(INFALLIBLE);
    }
    let mut scored = Vec::new();
    for (index, area) in areas.iter().enumerate() {
        let (x, y) = point(index, 1.0);
        let dashed = if area.score.is_none() { " stroke-dasharray=\"4 4\"" } else { "" };
        writeln!(svg, "<line x1=\"{}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{y:.1}\" stroke=\"#c5ccd5\"{dashed}/>", CENTRE.0, CENTRE.1)
            .expect(INFALLIBLE);
        if let Some(score) = area.score {
            scored.push(point(index, score / 100.0));
        }
        svg.push_str(&label(area, point(index, 1.12), labels));
    }
    if scored.len() > 2 {
        let points: Vec<String> = scored.iter().copied().map(show).collect();
        writeln!(
            svg,
            "<polygon points=\"{}\" fill=\"#2456a6\" fill-opacity=\"0.18\" stroke=\"#2456a6\" stroke-width=\"2\"/>",
            points.join(" ")
        )
        .expect(INFALLIBLE);
    }
    for (x, y) in scored {
        writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"#2456a6\"/>").expect(INFALLIBLE);
    }
    svg.push_str("</svg>\n");
    svg
}

fn show((x, y): (f64, f64)) -> String {
    format!("{x:.1},{y:.1}")
}

fn label(area: &AreaScore, (x, y): (f64, f64), labels: &Labels) -> String {
    let anchor = match x - CENTRE.0 {
        offset if offset > 20.0 => "start",
        offset if offset < -20.0 => "end",
        _ => "middle",
    };
    let mut lines = broken(&area.title);
    let (score, class) = area.score.map_or_else(|| (labels.no_score.to_owned(), " class=\"none\""), |score| (format!("{score:.0}"), ""));
    lines.push(score);
    // Above the wheel the last line comes to stand at the spoke's end, below it the first.
    let up = if y < CENTRE.1 - 50.0 { lines.len() as f64 - 1.0 } else { (lines.len() as f64 - 1.0) / 2.0 };
    let first = if y > CENTRE.1 + 50.0 { y + 10.0 } else { y - up * 16.0 + 4.0 };
    let spans = all(lines
        .iter()
        .enumerate()
        .map(|(row, line)| format!("<tspan x=\"{x:.1}\" y=\"{:.1}\">{}</tspan>", first + row as f64 * 16.0, escape(line))));
    format!("<text text-anchor=\"{anchor}\"{class}>{spans}</text>\n")
}

/// A title in lines.
fn broken(title: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in title.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < LINE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
